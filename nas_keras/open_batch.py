"""A batch between ask and tell: what the loop keeps of it, and how a checkpoint holds it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nas_keras.trial import Proposals, Trial

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
        sent: keys that it needs an evaluation for.
        waits_for: of those, keys without an answer.
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
    waits_for: set[str] = dataclasses.field(default_factory=set)
    finish: Callable[[], None] = lambda: None

    def add(self, key: str, actions: tuple[int, ...], log_probs: tuple[float, ...]) -> None:
        """Adds a proposal."""
        self.keys.append(key)
        self.actions.append(actions)
        self.log_probs.append(log_probs)


def stored_batch(trials: Sequence[Trial], proposals: Proposals) -> OpenBatch:
    """A batch that stands in D already, waiting to be told again; `proposals` is what was asked for once more."""
    batch = OpenBatch(trials[0].iteration, trials[0].policy, trials[0].trial, proposals)
    for trial in trials:
        batch.add(trial.key, trial.actions, trial.log_probs)
    batch.sent.update(trial.key for trial in trials if not trial.cached)
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
