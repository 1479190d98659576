"""The budget of a search: what it has used up, what is left, and by which rule the search ends.

Batches are counted in the order in which they are asked for, so the rules depend on D alone and hold again for a run
that is started again. An evaluation takes its place in the budget when it is sent. An architecture that the evaluator
refuses before any work gives its place back once its batch is told: not earlier, since when a child finishes is chance.
"""

import dataclasses

from absl import logging

from nas_keras.trial import Trial

# Trials in a row without a new key after which a policy counts as collapsed. The default of `max_trials` grants twenty
# trials for each evaluation, so this is what it grants for 500: a policy that still finds something new is nowhere
# near it, and no search of up to 500 evaluations can reach it.
MOST_IDLE = 10_000


@dataclasses.dataclass
class Budget:
    """Limits of a search, and its counts of what is told or in flight.

    Attributes:
        max_evaluations: distinct keys that are sent to the evaluator and not refused by it; never exceeded.
        max_trials: trials told, repeats included.
        num_keys: after so many distinct keys the space is exhausted; None if that is not known.
        max_idle: after so many trials in a row without a new key the search ends; None for no such rule.
        known: keys told or in flight.
        num_evaluations: of those, sent to the evaluator and not refused.
        num_trials: told or in flight.
        num_idle: the latest trials in a row without a new key.
    """

    max_evaluations: int
    max_trials: int
    num_keys: int | None = None
    max_idle: int | None = None
    known: set[str] = dataclasses.field(default_factory=set)
    num_evaluations: int = 0
    num_trials: int = 0
    num_idle: int = 0

    @property
    def evaluations_left(self) -> int:
        """How many keys may still be sent; less than 0 if D holds more than the budget allows."""
        return self.max_evaluations - self.num_evaluations

    @property
    def trials_left(self) -> int:
        """How many trials may still be told."""
        return self.max_trials - self.num_trials

    def take(self, key: str, *, evaluates: bool) -> None:
        """Counts one proposal; `evaluates` says whether its key is sent to the evaluator."""
        self.num_idle = self.num_idle + 1 if key in self.known else 0
        self.known.add(key)
        self.num_trials += 1
        self.num_evaluations += evaluates

    def count(self, trials: list[Trial]) -> None:
        """Counts a batch that stands in D."""
        for trial in trials:
            self.take(trial.key, evaluates=not trial.cached)

    def give_back(self, trials: list[Trial]) -> None:
        """Frees the places of those keys of a batch, counted earlier and told now, that were refused."""
        self.num_evaluations -= sum(trial.evaluation.refused and not trial.cached for trial in trials)

    def spent(self) -> str | None:
        """The reason why nothing more may be asked for; None if something may."""
        if self.evaluations_left <= 0:
            return "max_evaluations"
        if self.trials_left <= 0:
            return "max_trials"
        if self.num_keys is not None and len(self.known) >= self.num_keys:
            return "space exhausted"
        if self.max_idle is not None and self.num_idle >= self.max_idle:
            logging.warning(
                "The latest %d proposals were all repeats: the strategy has nothing new to propose, so the search ends "
                "after %d evaluations. Give max_trials to let it repeat itself for longer.",
                self.num_idle,
                self.num_evaluations,
            )
            return "no new proposals"
        return None
