"""The replay buffer of PPO: the trials of the latest batches, and every key that is known.

If there is a window, the time of a tell does not grow with D: of older batches only the keys are kept.

Legend: `M` trials in the buffer, `n` proposals in a batch, `T` decisions.
"""

import collections
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State
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
        window: number of latest batches whose trials are kept; 0 keeps every batch.
    """

    def __init__(self, space: SearchSpace, *, window: int):
        self._space = space
        self._batches: collections.deque[Experience] = collections.deque(maxlen=window or None)
        self._pending: collections.deque[np.ndarray] = collections.deque()  # batches [n, T] that are not observed yet
        self._keys: dict[str, None] = {}  # keys of all observed encodings; ordered, so that a state is reproducible

    @property
    def num_keys(self) -> int:
        """The number of different keys observed."""
        return len(self._keys)

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

    def experience(self) -> Experience:
        """Returns all trials in the buffer, in the order observed."""
        empty = Experience(np.zeros((0, len(self._space.decisions)), np.int32), np.zeros(0, np.float32), np.zeros(0))
        return Experience(*(np.concatenate(part) for part in zip(empty, *self._batches, strict=True)))

    def is_known(self, key: str) -> bool:
        """Returns whether a key is observed."""
        return key in self._keys

    def pending_keys(self) -> set[str]:
        """Returns the keys of the proposals that are not observed yet."""
        return {self._space.key(tuple(row)) for batch in self._pending for row in batch.tolist()}

    def state(self) -> State:
        """Returns the contents of the buffer, see `Strategy.state`."""
        return {
            **dict(zip(Experience._fields, self.experience(), strict=True)),
            "sizes": [len(batch.rewards) for batch in self._batches],
            "keys": list(self._keys),
            "pending": [batch.tolist() for batch in self._pending],
        }

    def restore(self, state: State) -> None:
        """Restores a `state`."""
        ends = np.cumsum(state["sizes"]).astype(int)[:-1]
        parts = zip(*(np.split(np.asarray(state[name]), ends) for name in Experience._fields), strict=True)
        batches = [Experience(*part) for part in parts] if state["sizes"] else []
        self._batches = collections.deque(batches, maxlen=self._batches.maxlen)
        self._keys = dict.fromkeys(map(sys.intern, state["keys"]))
        num_decisions = len(self._space.decisions)
        self._pending = collections.deque(
            np.array(batch, np.int32).reshape(-1, num_decisions) for batch in state["pending"]
        )
