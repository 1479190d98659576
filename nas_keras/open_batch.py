"""A batch between ask and tell: what the loop keeps of it, and how a checkpoint holds it."""

import dataclasses
from typing import Any

import numpy as np

from nas_keras.trial import Proposals


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
    proposals: Proposals | None = None  # what was asked, whole; None for a batch that stands in D


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
