"""Random search without repeats: uniform encodings, each key once. This is the baseline of every strategy."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, Strategy, config_or_default
from nas_keras.trial import Proposals, Trial

_SAMPLE = 2  # purpose of the random generator
_PATIENCE = 1_000  # known keys in a row, after which the remaining ones are found by enumeration
_ENUMERABLE = 1_000_000  # encodings; in a larger space a thousand known keys in a row do not happen


@dataclasses.dataclass(frozen=True)
class RandomConfig:
    """Settings of random search, which has none."""


class RandomSearch(Strategy):
    """Proposes uniform encodings whose keys were not proposed before.

    Args:
        space: the space to search.
        config: settings; there are none.
        seed: seed of the encodings.
    """

    def __init__(self, space: SearchSpace, config: RandomConfig | None = None, *, seed: int = 0):
        super().__init__(space, seed=seed)
        self.config = config_or_default(config, RandomConfig)
        self._seen: set[str] = set()  # keys that were told, and those of the open batches
        self._open: collections.deque[list[str]] = collections.deque()  # keys of each batch that is not told yet

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _SAMPLE, iteration])
        actions: list[np.ndarray] = []
        self._open.append([])
        misses = 0
        while len(actions) < n and misses < _PATIENCE:
            encoding = rng.integers(self.space.num_choices)
            misses = 0 if self._take(encoding, actions) else misses + 1
        if len(actions) < n and self.space.size <= _ENUMERABLE:
            for encoding in rng.permutation(np.array(list(self.space.enumerate(distinct=True)))):
                if len(actions) == n:
                    break
                self._take(encoding, actions)
        return Proposals(np.array(actions, np.int32).reshape(-1, len(self.space.decisions)))

    def _take(self, encoding: np.ndarray, actions: list) -> bool:
        key = self.space.key(encoding.tolist())
        if key in self._seen:
            return False
        self._seen.add(key)
        self._open[-1].append(key)
        actions.append(encoding)
        return True

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        del iteration
        # Random search learns nothing, but a budget may have dropped keys of the batch, which may be proposed again.
        self._seen.difference_update(self._open.popleft())
        self._seen.update(trial.key for trial in trials)

    def _state(self) -> State:
        return {"seen": sorted(self._seen), "open": list(self._open)}

    def _restore(self, state: State) -> None:
        self._seen = set(state["seen"])
        # Earlier versions did not save the open batches: what a budget drops of them is not proposed again.
        self._open = collections.deque(state.get("open", [[]] * (self.num_asked - self.num_told)))
