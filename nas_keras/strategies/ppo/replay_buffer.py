"""The replay buffer of PPO: trials of the latest batches, the best earlier trials, and all known keys.

If there is a window, the time of an ask and a tell does not grow with D: of older batches only the keys and a few best
trials are kept.

Legend: `M` trials in the buffer, `n` proposals in a batch, `T` decisions.
"""

import collections
import sys
from collections.abc import KeysView, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.base import State, finite_rewards
from nas_keras.trial import Trial


class Experience(NamedTuple):
    """Trials as arrays.

    Attributes:
        actions: encodings, int32 [M, T].
        log_probs: log-probabilities of whole encodings when they were proposed, float32 [M].
        rewards: float64 [M]; NaN for failures.
    """

    actions: np.ndarray
    log_probs: np.ndarray
    rewards: np.ndarray

    def take(self, indices: np.ndarray) -> "Experience":
        """Returns the trials at some indices, in their order."""
        return Experience(*(part[indices] for part in self))

    def latest(self) -> "Experience":
        """Returns the latest trial of each encoding, in order."""
        indices = {encoding: index for index, encoding in enumerate(map(tuple, self.actions.tolist()))}
        return self.take(np.sort(np.fromiter(indices.values(), int, len(indices))))


class ReplayBuffer:
    """The trials that PPO learns from, and the keys that it need not propose again.

    Args:
        space: the space to search.
        window: number of latest batches whose trials are all kept; 0 keeps every batch.
        elite: number of trials kept from before the window, the best ones of different encodings.
    """

    def __init__(self, space: SearchSpace, *, window: int, elite: int):
        self._space, self._window, self._elite = space, window, elite
        self._best = _concatenate([], space)
        self._batches: collections.deque[Experience] = collections.deque()
        self._pending: collections.deque[np.ndarray] = collections.deque()  # batches [n, T] that are not observed yet
        self._keys: dict[str, None] = {}  # keys of all observed encodings; ordered, so that a state is reproducible

    @property
    def num_keys(self) -> int:
        """The number of different keys observed."""
        return len(self._keys)

    @property
    def batch_size(self) -> int:
        """The number of trials in the latest batch."""
        return len(self._batches[-1].rewards)

    def add_pending(self, actions: np.ndarray) -> None:
        """Adds a batch of proposed encodings [n, T], which will be observed later."""
        self._pending.append(actions)

    def add(self, trials: Sequence[Trial]) -> None:
        """Adds the trials of the oldest pending batch."""
        if self._pending:
            self._pending.popleft()  # the whole batch: proposals that the budget dropped may be proposed again
        # Interned, so that everything that keeps a key shares one string.
        self._keys.update(dict.fromkeys(sys.intern(self._space.key(trial.actions)) for trial in trials))
        self._batches.append(
            Experience(
                np.array([trial.actions for trial in trials], np.int32),
                np.array([trial.log_probs for trial in trials], np.float32).sum(axis=1),
                np.array([trial.reward for trial in trials]),
            )
        )
        if self._window and len(self._batches) > self._window:
            old = self._batches.popleft()
            if self._elite:
                old = _concatenate([self._best, old], self._space).latest()
                order = np.argsort(-finite_rewards(old.rewards), kind="stable")[: self._elite]
                self._best = old.take(np.sort(order))

    def experience(self) -> Experience:
        """Returns all trials in the buffer, in the order observed."""
        return _concatenate([self._best, *self._batches], self._space)

    def known_keys(self) -> tuple[set[str], KeysView[str]]:
        """Returns the keys of the pending encodings and of the observed ones."""
        return {self._space.key(row) for batch in self._pending for row in batch.tolist()}, self._keys.keys()

    def latest_encodings(self, count: int) -> list[Actions]:
        """Returns up to `count` different encodings: the pending ones, then those of the latest batches."""
        encodings = dict.fromkeys(tuple(row) for batch in self._pending for row in batch.tolist())
        for batch in reversed(self._batches):
            if len(encodings) >= count:
                break
            encodings.update(dict.fromkeys(map(tuple, batch.actions.tolist())))
        return list(encodings)[:count]

    def state(self) -> State:
        """Returns the contents of the buffer, see `Strategy.state`."""
        parts = zip(Experience._fields, self.experience(), strict=True)
        return {
            **dict(parts),
            "sizes": [len(part.rewards) for part in (self._best, *self._batches)],
            "keys": list(self._keys),
            "pending": [batch.tolist() for batch in self._pending],
        }

    def restore(self, state: State) -> None:
        """Restores a `state`."""
        ends = np.cumsum(state["sizes"]).astype(int)[:-1]
        parts = zip(*(np.split(np.asarray(state[name]), ends) for name in Experience._fields), strict=True)
        self._best, *batches = (Experience(*part) for part in parts)
        self._batches = collections.deque(batches)
        self._keys = dict.fromkeys(map(sys.intern, state["keys"]))
        num_decisions = len(self._space.decisions)
        self._pending = collections.deque(
            np.array(batch, np.int32).reshape(-1, num_decisions) for batch in state["pending"]
        )


def _concatenate(parts: Sequence[Experience], space: SearchSpace) -> Experience:
    empty = Experience(np.zeros((0, len(space.decisions)), np.int32), np.zeros(0, np.float32), np.zeros(0))
    return Experience(*(np.concatenate(part) for part in zip(empty, *parts, strict=True)))
