"""The candidates of progressive search in a space without cells: encodings near the best, and random ones.

`progressive/cell_growth.py` does the same for cells, with the same methods. Which candidates are the best is the
predictor's say.

Legend: `N`, `M` encodings, `T` decisions, `F` features.
"""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.base import State
from nas_keras.strategies.mutation import mutate
from nas_keras.strategies.predictors.ridge import count_equal

_ENUMERABLE = 100_000  # encodings; of a larger space the last few keys that draws do not find are given up

Predict = Callable[[np.ndarray], np.ndarray]  # features [N, F] -> predicted rewards [N], in any unit


class Told(NamedTuple):
    """What is known of a key.

    Attributes:
        actions: the encoding [T] that was told first.
        reward: NaN for a failure.
    """

    actions: Actions
    reward: float


class Candidates(Protocol):
    """What `Progressive` needs to know of a space."""

    metrics: Mapping[str, float]

    def describe(self, actions: Actions) -> np.ndarray:
        """Features [F] of an encoding [T]."""

    def share(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """phi(x) . phi(y) of features [N, F] and [M, F]: [N, M]."""

    def choose(
        self, n: int, told: Mapping[str, Told], taken: Collection[str], predict: Predict, rng: np.random.Generator
    ) -> list[tuple[str, Actions]]:
        """The best n by prediction, key and encoding, or fewer; none once nothing new is left.

        Args:
            n: at most so many.
            told: key -> what is known of it.
            taken: keys told, and those proposed and not yet told.
            predict: of features.
            rng: for draws, and the order of equal predictions.
        """

    def state(self) -> State:
        """What was found so far."""

    def restore(self, state: State) -> None:
        """Takes over a `state`."""


def take_best(n: int, predictions: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Indices of the n highest, best first; equal ones in a random order, which does not depend on n."""
    order = rng.permutation(len(predictions))
    return order[np.argsort(-predictions[order], kind="stable")][:n].tolist()


class NearTheBest:
    """Encodings of any space: one decision changed in one of the `beam` best, and a quarter as many drawn at random.

    The features of an encoding are its decisions, one-hot. Until `initial` keys are taken all candidates are random. In
    a space of no more encodings than `count` all of them are candidates, always.

    Args:
        space: what is searched.
        beam: how many of the best are changed.
        count: candidates to draw each time.
        initial: keys to be drawn at random, before anything is predicted.
    """

    metrics: Mapping[str, float] = {}

    def __init__(self, space: SearchSpace, *, beam: int, count: int, initial: int):
        self._space, self._beam, self._count, self._initial = space, beam, count, initial
        self._num_choices = np.array(space.num_choices)
        self._all: list[tuple[str, Actions]] | None = None  # key and encoding, once they have been enumerated

    def describe(self, actions: Actions) -> np.ndarray:
        """See `Candidates`: the encoding itself stands for its one-hot features."""
        return np.array(actions)

    def share(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """See `Candidates`."""
        return count_equal(features, others)

    def choose(
        self, n: int, told: Mapping[str, Told], taken: Collection[str], predict: Predict, rng: np.random.Generator
    ) -> list[tuple[str, Actions]]:
        """See `Candidates`."""
        good = [known for known in told.values() if not np.isnan(known.reward)]
        is_random = len(taken) < self._initial or not good
        found = {}
        if self._space.size > self._count:
            found = self._keys_of(self._draw([] if is_random else good, rng), taken)
        if not found and self._space.size <= max(self._count, _ENUMERABLE):
            if self._all is None:
                self._all = [(self._space.key(actions), actions) for actions in self._space.enumerate(distinct=True)]
            found = {key: actions for key, actions in self._all if key not in taken}
        if not found:
            return []
        keys, encodings = list(found), list(found.values())
        predictions = np.zeros(len(keys)) if is_random else predict(np.array(encodings))
        return [(keys[i], encodings[i]) for i in take_best(n, predictions, rng)]

    def _draw(self, good: list[Told], rng: np.random.Generator) -> np.ndarray:
        """Neighbours of the best of `good`, if there are any, and random encodings, [N, T]."""
        good = sorted(good, key=lambda known: -known.reward)[: self._beam]
        num_near = self._count * 4 // 5 if good else 0
        random = rng.integers(self._num_choices, size=(self._count - num_near, len(self._num_choices)))
        if not good:
            return random
        near = np.array([known.actions for known in good])[rng.integers(len(good), size=num_near)]
        return np.concatenate([mutate(near, self._num_choices, rng), random])

    def _keys_of(self, encodings: np.ndarray, taken: Collection[str]) -> dict[str, Actions]:
        found = {}
        for actions in dict.fromkeys(map(tuple, encodings.tolist())):
            key = self._space.key(actions)
            if key not in taken:
                found.setdefault(key, actions)
        return found

    def state(self) -> State:
        """See `Candidates`: nothing is kept."""
        return {}

    def restore(self, state: State) -> None:
        """See `Candidates`."""
        del state
