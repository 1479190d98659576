"""A batch between ask and tell."""

import dataclasses
from collections.abc import Callable

from nas_keras.trial import Evaluation, Trial


@dataclasses.dataclass
class OpenBatch:
    """A batch that the strategy was asked for and has not been told about.

    Attributes:
        iteration: the batch's number, from 0.
        policy_version: number of batches that had been told to the policy that proposed it.
        first: number of its first trial.
        stored: its trials, if D holds them already; then the attributes below are empty.
        keys: key of each proposal that is not dropped.
        actions: actions [T] of each of those.
        log_probs: log-probabilities [T] of each of those; empty tuples for strategies without them.
        sent: keys that need an evaluation.
        evaluations: key to evaluation, for those of the sent keys that are finished.
        finish: waits until the evaluator is done with the batch; to be called once no evaluation is missing.
    """

    iteration: int
    policy_version: int
    first: int
    stored: list[Trial] | None = None
    keys: list[str] = dataclasses.field(default_factory=list)
    actions: list[tuple[int, ...]] = dataclasses.field(default_factory=list)
    log_probs: list[tuple[float, ...]] = dataclasses.field(default_factory=list)
    sent: set[str] = dataclasses.field(default_factory=set)
    evaluations: dict[str, Evaluation] = dataclasses.field(default_factory=dict)
    finish: Callable[[], None] = lambda: None

    @classmethod
    def of_stored(cls, trials: list[Trial]) -> "OpenBatch":
        """Returns the open batch of trials that D holds already: only telling them is left to do."""
        return cls(trials[0].iteration, trials[0].policy_version, trials[0].trial, trials)

    @property
    def is_waiting(self) -> bool:
        """Whether an evaluation is missing."""
        return len(self.evaluations) < len(self.sent)

    @property
    def finished(self) -> list[str]:
        """Keys whose evaluations are finished, in the order asked."""
        return [key for key in dict.fromkeys(self.keys) if key in self.evaluations]

    def add(self, key: str, actions: tuple[int, ...], log_probs: tuple[float, ...]) -> None:
        """Adds a proposal."""
        self.keys.append(key)
        self.actions.append(actions)
        self.log_probs.append(log_probs)
