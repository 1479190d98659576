"""The budget of a search: how much of it is used, how much is left, and by which rule the search ends.

Batches are counted in the order in which they are asked for, so the rules depend on D alone and apply in the same way
to a run that is started again. An evaluation is counted when it is sent. An architecture that the evaluator refuses
before any work is no longer counted once its batch is told; not earlier, since children finish at random times.
"""

import dataclasses
from collections.abc import Sequence

from absl import logging

from nas_keras.trial import Trial

# Number of trials in a row without a new key after which a policy counts as collapsed. The default of `max_trials`
# allows twenty trials for each evaluation, so this is what it allows for 500 evaluations: a policy that still finds
# something new stays far below it, and no search of up to 500 evaluations can reach it.
MOST_IDLE = 10_000


@dataclasses.dataclass
class Budget:
    """Limits of a search, and counts of what has been told or is in flight.

    Attributes:
        max_evaluations: limit on the distinct keys sent to the evaluator and not refused by it; never exceeded.
        max_trials: limit on the trials told, cache hits included.
        num_keys: number of distinct keys with which the space is exhausted; None if it is not known.
        max_idle: number of trials in a row without a new key after which the search ends; None for no such rule.
        known: keys told or in flight.
        num_evaluations: number of those keys that were sent to the evaluator and not refused.
        num_trials: number of trials told or in flight.
        num_idle: number of the latest trials in a row without a new key.
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
        """Number of keys that may still be sent; negative if D holds more than the budget allows."""
        return self.max_evaluations - self.num_evaluations

    @property
    def trials_left(self) -> int:
        """Number of trials that may still be told."""
        return self.max_trials - self.num_trials

    def count(self, key: str, *, is_new: bool) -> None:
        """Counts one proposal, whose key is sent to the evaluator if it `is_new`."""
        self.num_idle = self.num_idle + 1 if key in self.known else 0
        self.known.add(key)
        self.num_trials += 1
        self.num_evaluations += is_new

    def count_batch(self, trials: Sequence[Trial]) -> None:
        """Counts a batch that D holds."""
        for trial in trials:
            self.count(trial.key, is_new=not trial.cached)

    def release_refused(self, trials: Sequence[Trial]) -> None:
        """Stops counting the refused evaluations of a batch, which was counted earlier and is told now."""
        self.num_evaluations -= sum(trial.evaluation.refused and not trial.cached for trial in trials)

    def spent(self) -> str | None:
        """Returns the reason why nothing more may be asked for, or None if something may."""
        if self.evaluations_left <= 0:
            return "max_evaluations"
        if self.trials_left <= 0:
            return "max_trials"
        if self.num_keys is not None and len(self.known) >= self.num_keys:
            return "space exhausted"
        if self.max_idle is not None and self.num_idle >= self.max_idle:
            logging.warning(
                "The latest %d proposals were all cache hits: the strategy has nothing new to propose, so the search "
                "ends after %d evaluations. To allow more cache hits, set max_trials.",
                self.num_idle,
                self.num_evaluations,
            )
            return "no new proposals"
        return None
