"""A batch between ask and tell: what the loop keeps of it, and how a checkpoint holds it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nas_keras.trial import Evaluation, Proposals, Trial

Asked = tuple[int, Proposals]  # how many batches had been told to the policy, and what it proposed


@dataclasses.dataclass
class OpenBatch:
    """A batch that was asked and is not yet told.

    Attributes:
        iteration: its number.
        policy: how many batches had been told to the policy that drew it.
        first: number of its first trial.
        proposals: what was asked, whole; of a batch that stands in D, which is what counts, asked once more.
        keys, actions, log_probs: of each proposal that is not dropped.
        sent: keys that it needs an evaluation for; none of a batch that stands in D.
        answers: the evaluations of those that are finished.
        finish: waits for the evaluator to be done with the batch, once all answers are there.
    """

    iteration: int
    policy: int
    first: int
    proposals: Proposals
    keys: list[str] = dataclasses.field(default_factory=list)
    actions: list[tuple[int, ...]] = dataclasses.field(default_factory=list)
    log_probs: list[tuple[float, ...]] = dataclasses.field(default_factory=list)
    sent: set[str] = dataclasses.field(default_factory=set)
    answers: dict[str, Evaluation] = dataclasses.field(default_factory=dict)
    finish: Callable[[], None] = lambda: None

    @property
    def is_waiting(self) -> bool:
        """Whether an evaluation is missing."""
        return len(self.answers) < len(self.sent)

    @property
    def finished(self) -> list[str]:
        """The keys of its answers, in the order asked."""
        return [key for key in dict.fromkeys(self.keys) if key in self.answers]

    def add(self, key: str, actions: tuple[int, ...], log_probs: tuple[float, ...]) -> None:
        """Adds a proposal."""
        self.keys.append(key)
        self.actions.append(actions)
        self.log_probs.append(log_probs)

    def trial(self, index: int, evaluation: Evaluation, *, seed: int, cached: bool) -> Trial:
        """Returns the trial at a place of it, as it will stand in D."""
        return Trial(
            trial=self.first + index,
            iteration=self.iteration,
            policy_version=self.policy,
            seed=seed,
            actions=self.actions[index],
            log_probs=self.log_probs[index],
            key=self.keys[index],
            cached=cached,
            evaluation=evaluation,
        )


def stored_batch(trials: Sequence[Trial], proposals: Proposals) -> OpenBatch:
    """A batch that stands in D already, waiting to be told again; `proposals` is what was asked for once more."""
    batch = OpenBatch(trials[0].iteration, trials[0].policy_version, trials[0].trial, proposals)
    for trial in trials:
        batch.add(trial.key, trial.actions, trial.log_probs)
    return batch


def rows_of(proposals: Proposals) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Each proposal's actions [T] and log-probs [T], as tuples; no log-probs are an empty tuple."""
    actions = map(tuple, np.asarray(proposals.actions).tolist())
    if proposals.log_probs is None:
        return [(row, ()) for row in actions]
    return list(zip(actions, map(tuple, np.asarray(proposals.log_probs, np.float32).tolist()), strict=True))


def describe(policy: int, proposals: Proposals) -> dict[str, Any]:
    """An open batch as JSON: its proposals, whole, since another start decides anew what of them the budget takes."""
    actions, log_probs = proposals
    return {
        "policy": policy,
        "actions": np.asarray(actions).tolist(),
        "log_probs": None if log_probs is None else np.asarray(log_probs, np.float32).tolist(),
    }


def proposals_of(batch: dict[str, Any]) -> Proposals:
    """What `describe` described."""
    log_probs = batch["log_probs"]
    actions = np.array(batch["actions"], np.int32)
    return Proposals(actions, None if log_probs is None else np.array(log_probs, np.float32))
