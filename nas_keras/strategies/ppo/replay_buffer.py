"""What PPO remembers of the batches it was told: those of its window, the best before them, and which keys are known.

What it takes to ask and to tell does not grow with D, if there is a window: of older batches only keys stay, and the
few best trials.

Legend: `M` trials remembered, `B` in a batch, `T` decisions.
"""

import collections
import sys
from collections.abc import KeysView, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.base import State, finite_rewards
from nas_keras.trial import Trial


class Remembered(NamedTuple):
    """Trials: actions int32 [M, T], log-probs of whole encodings float32 [M], rewards float64 [M], NaN for failures."""

    actions: np.ndarray
    log_probs: np.ndarray
    rewards: np.ndarray

    def take(self, places: np.ndarray) -> "Remembered":
        """The trials at these places, in this order."""
        return Remembered(*(part[places] for part in self))

    def latest(self) -> "Remembered":
        """Without the earlier trials of encodings that stand in it more than once; in order."""
        places = {encoding: place for place, encoding in enumerate(map(tuple, self.actions.tolist()))}
        return self.take(np.sort(np.fromiter(places.values(), int, len(places))))


class Memory:
    """The trials that PPO learns from, and the keys that it need not propose.

    Args:
        space: what is searched.
        window: batches that are remembered whole; 0 is all of them.
        elite: of the trials before the window so many are remembered, the best of different encodings.
    """

    def __init__(self, space: SearchSpace, *, window: int, elite: int):
        self._space, self._window, self._elite = space, window, elite
        self._best = _join([], space)
        self._batches: collections.deque[Remembered] = collections.deque()
        self._open: collections.deque[np.ndarray] = collections.deque()  # encodings [n, T] of batches not yet told
        self._keys: dict[str, None] = {}  # of all encodings told; in order, so that a state is reproducible

    @property
    def num_keys(self) -> int:
        """Different keys that were told."""
        return len(self._keys)

    @property
    def batch_size(self) -> int:
        """Trials in the latest batch."""
        return len(self._batches[-1].rewards)

    def ask(self, actions: np.ndarray) -> None:
        """Takes note of a batch of encodings [n, T] that is asked and will be told."""
        self._open.append(actions)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remembers a batch."""
        if self._open:
            self._open.popleft()  # all of it: what the budget dropped may be proposed again
        # One string for all who keep the key.
        self._keys.update(dict.fromkeys(sys.intern(self._space.key(trial.actions)) for trial in trials))
        self._batches.append(
            Remembered(
                np.array([trial.actions for trial in trials], np.int32),
                np.array([trial.log_probs for trial in trials], np.float32).sum(axis=1),
                np.array([trial.reward for trial in trials]),
            )
        )
        if self._window and len(self._batches) > self._window:
            left = self._batches.popleft()
            if self._elite:
                left = _join([self._best, left], self._space).latest()
                order = np.argsort(-finite_rewards(left.rewards), kind="stable")[: self._elite]
                self._best = left.take(np.sort(order))

    def trials(self) -> Remembered:
        """All that are remembered, in the order told."""
        return _join([self._best, *self._batches], self._space)

    def known_keys(self) -> tuple[set[str], KeysView[str]]:
        """Keys of the encodings asked and not yet told, and of those told."""
        return {self._space.key(row) for batch in self._open for row in batch.tolist()}, self._keys.keys()

    def latest_encodings(self, count: int) -> list[Actions]:
        """The encodings of the open batches and the latest remembered, of all up to `count`, each once."""
        encodings = dict.fromkeys(tuple(row) for batch in self._open for row in batch.tolist())
        for batch in reversed(self._batches):
            if len(encodings) >= count:
                break
            encodings.update(dict.fromkeys(map(tuple, batch.actions.tolist())))
        return list(encodings)[:count]

    def state(self) -> State:
        """See `Strategy.state`."""
        parts = zip(Remembered._fields, _join([self._best, *self._batches], self._space), strict=True)
        return {
            **dict(parts),
            "sizes": [len(part.rewards) for part in (self._best, *self._batches)],
            "keys": list(self._keys),
            "open": [batch.tolist() for batch in self._open],
        }

    def restore(self, state: State) -> None:
        """Takes over a `state`."""
        ends = np.cumsum(state["sizes"]).astype(int)[:-1]
        parts = zip(*(np.split(np.asarray(state[name]), ends) for name in Remembered._fields), strict=True)
        self._best, *batches = (Remembered(*part) for part in parts)
        self._batches = collections.deque(batches)
        self._keys = dict.fromkeys(map(sys.intern, state["keys"]))
        num_decisions = len(self._space.decisions)
        self._open = collections.deque(np.array(batch, np.int32).reshape(-1, num_decisions) for batch in state["open"])


def _join(parts: Sequence[Remembered], space: SearchSpace) -> Remembered:
    empty = Remembered(np.zeros((0, len(space.decisions)), np.int32), np.zeros(0, np.float32), np.zeros(0))
    return Remembered(*(np.concatenate(part) for part in zip(empty, *parts, strict=True)))
