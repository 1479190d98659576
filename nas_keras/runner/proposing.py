"""Asking and telling the strategy, such that it reaches the same state however often a search is started.

A search that is started again replays D: it asks for each stored batch once more, for as many encodings as D holds of
it, and tells the strategy the stored trials. It does the same for a batch that the budget shortened, if refused
evaluations make room in the budget again.
"""

import collections
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from nas_keras.storage.dataset import Dataset
from nas_keras.strategies import Strategy
from nas_keras.strategies.base import State
from nas_keras.trial import Proposals, Trial


class Asked(NamedTuple):
    """A batch that the strategy was asked for.

    Attributes:
        policy_version: number of batches that had been told to the policy that proposed it.
        proposals: all that the strategy proposed, including what the budget may drop.
    """

    policy_version: int
    proposals: Proposals

    def to_json(self) -> dict[str, Any]:
        """Returns the batch as a JSON object, for a checkpoint."""
        actions, log_probs = self.proposals
        return {
            "policy": self.policy_version,
            "actions": np.asarray(actions).tolist(),
            "log_probs": None if log_probs is None else np.asarray(log_probs, np.float32).tolist(),
        }

    @classmethod
    def from_json(cls, batch: dict[str, Any]) -> "Asked":
        """Returns the batch that `to_json` wrote."""
        log_probs = batch["log_probs"]
        actions = np.array(batch["actions"], np.int32)
        return cls(batch["policy"], Proposals(actions, None if log_probs is None else np.array(log_probs, np.float32)))


class Proposer:
    """Asks and tells the strategy of one search, first about the batches that D held at the start.

    Args:
        strategy: the strategy, in the state of a checkpoint or new.
        dataset: D of the search.
        batch_size: number of proposals in a batch that the budget does not shorten.
        asked: batches that had been asked and not told at that checkpoint.

    Attributes:
        asked: batches that were asked and not told, in the order asked: first the open ones, then those that a
            checkpoint provides and that are still to be opened.
    """

    def __init__(self, strategy: Strategy, dataset: Dataset, *, batch_size: int, asked: Sequence[Asked] = ()):
        self._strategy, self._dataset, self._batch_size = strategy, dataset, batch_size
        self.asked: collections.deque[Asked] = collections.deque(asked)
        self._num_open = 0
        self._num_stored = len(dataset.batches)
        self._before: State | None = None  # the state before the latest batch was asked, if it may be shortened
        self._shortened: tuple[State, int] | None = None  # the state before a shortened batch, and what is left of it

    @property
    def iteration(self) -> int:
        """Number of the batch to open next."""
        return self._strategy.num_told + self._num_open

    @property
    def is_replaying(self) -> bool:
        """Whether the batch to open next is one that D held at the start."""
        return self.iteration < self._num_stored

    @property
    def may_replay(self) -> bool:
        """Whether the next stored batch was asked when no more batches had been told than now."""
        return not self._num_open or self._next_stored()[0].policy_version <= self._strategy.num_told

    def replay(self) -> list[Trial]:
        """Asks for the next stored batch again; returns its trials in D, which count whatever is proposed now."""
        trials = self._next_stored()
        if self._num_open == len(self.asked):
            self.asked.append(Asked(trials[0].policy_version, self._strategy.ask(len(trials))))
        self._check_replayed(trials, self.asked[self._num_open].proposals)
        self._num_open += 1
        return trials

    def ask(self, *, trials_left: int, evaluations_left: int) -> Asked:
        """Asks for a new batch.

        Args:
            trials_left: number of proposals that the budget still allows; more are not asked for.
            evaluations_left: number of new keys that the budget still allows; it may shorten a longer batch.
        """
        self._before = None
        if self._num_open == len(self.asked):
            self._forget_dropped()
            n = min(self._batch_size, trials_left)
            if evaluations_left < n:
                self._before = self._strategy.state()
            self.asked.append(Asked(self._strategy.num_told, self._strategy.ask(n)))
        self._num_open += 1
        return self.asked[self._num_open - 1]

    def shorten(self, count: int) -> None:
        """Records that all but `count` of the proposals asked for last were dropped."""
        self._shortened = (self._before, count) if self._before is not None else None

    def tell(self, trials: Sequence[Trial]) -> None:
        """Tells the strategy the trials of the earliest open batch."""
        self._strategy.tell(trials)
        self.asked.popleft()
        self._num_open -= 1

    def _next_stored(self) -> list[Trial]:
        return self._dataset.batches[self.iteration]

    def _check_replayed(self, trials: Sequence[Trial], proposals: Proposals) -> None:
        """Warns if the strategy proposes anything else than what D holds."""
        if len(trials) < self._batch_size:  # a budget may have dropped proposals from the middle of the batch
            return
        if [trial.actions for trial in trials] != [actions for actions, _ in rows_of(proposals)]:
            logging.log_first_n(
                logging.WARNING,
                "The strategy does not propose batch %d of D again: the run was made by another version or on another "
                "processor. The batch in D counts.",
                1,
                trials[0].iteration,
            )

    def _forget_dropped(self) -> None:
        """Brings the strategy to the state in which it was asked only for what is left of a shortened batch."""
        if self._shortened is None:
            return
        (state, count), self._shortened = self._shortened, None
        num_told = self._strategy.num_told
        self._strategy.restore(state)
        self._strategy.ask(count)
        for trials in self._dataset.batches[self._strategy.num_told : num_told]:
            self._strategy.tell(trials)


def rows_of(proposals: Proposals) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Returns the actions [T] and log-probabilities [T] of each proposal as tuples; () for no log-probabilities."""
    actions = map(tuple, np.asarray(proposals.actions).tolist())
    if proposals.log_probs is None:
        return [(row, ()) for row in actions]
    return list(zip(actions, map(tuple, np.asarray(proposals.log_probs, np.float32).tolist()), strict=True))
