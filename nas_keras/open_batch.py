"""A batch between ask and tell: what the loop keeps of it, and how a checkpoint holds it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_keras.trial import Proposals, Trial


@dataclasses.dataclass
class OpenBatch:
    """A batch that was asked and is not yet told."""

    iteration: int
    policy: int
    keys: list[str]
    actions: list[tuple[int, ...]]
    log_probs: list[tuple[float, ...]]
    waits_for: set[str]  # keys that it sent to the evaluator and has no answer for
    sent: set[str]  # all keys that it sent
    proposals: Proposals  # what was asked, whole; of a batch that stands in D, which is what counts, asked once more

    def add(self, key: str, actions: tuple[int, ...], log_probs: tuple[float, ...]) -> None:
        """Adds a proposal."""
        self.keys.append(key)
        self.actions.append(actions)
        self.log_probs.append(log_probs)


def stored_batch(policy: int, trials: Sequence[Trial], proposals: Proposals) -> OpenBatch:
    """A batch that stands in D already, waiting to be told again; `proposals` is what was asked for once more."""
    batch = OpenBatch(trials[0].iteration, policy, [], [], [], set(), set(), proposals)
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


def describe(batch: OpenBatch) -> dict[str, Any]:
    """An open batch as JSON: its proposals, whole, since another start decides anew what of them the budget takes."""
    actions, log_probs = batch.proposals
    return {
        "policy": batch.policy,
        "actions": np.asarray(actions).tolist(),
        "log_probs": None if log_probs is None else np.asarray(log_probs, np.float32).tolist(),
    }


def proposals_of(batch: dict[str, Any]) -> Proposals:
    """What `describe` described."""
    log_probs = batch["log_probs"]
    actions = np.array(batch["actions"], np.int32)
    return Proposals(actions, None if log_probs is None else np.array(log_probs, np.float32))
