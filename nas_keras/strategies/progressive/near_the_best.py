"""Candidates in a space without cells: neighbours of the best encodings, and random ones.

Legend: `N`, `M` encodings, `T` decisions, `F` features.
"""

from collections.abc import Collection, Mapping

import numpy as np

from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.mutation import mutate
from nas_keras.strategies.predictors.features import count_equal
from nas_keras.strategies.progressive.candidates import Candidates, Observed, Predict, take_best

_ENUMERABLE = 100_000  # encodings; in a larger space the last few keys that sampling does not find are given up


class NearTheBest(Candidates):
    """Candidates in any space: the `beam` best encodings with one decision mutated, and a quarter as many random ones.

    The features of an encoding are its decisions, one-hot. All candidates are random until `initial` keys are known. In
    a space of at most `count` encodings, all of them are always candidates.

    Args:
        space: the space to search.
        beam: number of best encodings that are mutated.
        count: number of candidates for each batch.
        initial: number of random keys before the predictor is used.
    """

    def __init__(self, space: SearchSpace, *, beam: int, count: int, initial: int):
        self._space, self._beam, self._count, self._initial = space, beam, count, initial
        self._num_choices = np.array(space.num_choices)
        self._all: list[tuple[str, Actions]] | None = None  # every key with an encoding, once they are enumerated

    def features(self, actions: Actions) -> np.ndarray:
        """See `Candidates`. The encoding itself represents its one-hot features."""
        return np.array(actions)

    def inner_products(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """See `Candidates`."""
        return count_equal(features, others)

    def propose(
        self,
        n: int,
        observed: Mapping[str, Observed],
        known: Collection[str],
        predict: Predict,
        rng: np.random.Generator,
    ) -> list[tuple[str, Actions]]:
        """See `Candidates`."""
        succeeded = [trial for trial in observed.values() if not np.isnan(trial.reward)]
        is_random = len(known) < self._initial or not succeeded
        found: dict[str, Actions] = {}
        if self._space.size > self._count:
            found = self._new_keys(self._sample([] if is_random else succeeded, rng), known)
        if not found and self._space.size <= max(self._count, _ENUMERABLE):
            if self._all is None:
                self._all = [(self._space.key(actions), actions) for actions in self._space.enumerate(distinct=True)]
            found = {key: actions for key, actions in self._all if key not in known}
        if not found:
            return []
        keys, encodings = list(found), list(found.values())
        predictions = np.zeros(len(keys)) if is_random else predict(np.array(encodings))
        return [(keys[i], encodings[i]) for i in take_best(n, predictions, rng)]

    def _sample(self, succeeded: list[Observed], rng: np.random.Generator) -> np.ndarray:
        """Returns neighbours of the best of `succeeded`, if there are any, and random encodings, [N, T]."""
        best = sorted(succeeded, key=lambda trial: -trial.reward)[: self._beam]
        num_near = self._count * 4 // 5 if best else 0
        random = rng.integers(self._num_choices, size=(self._count - num_near, len(self._num_choices)))
        if not best:
            return random
        near = np.array([trial.actions for trial in best])[rng.integers(len(best), size=num_near)]
        return np.concatenate([mutate(near, self._num_choices, rng), random])

    def _new_keys(self, encodings: np.ndarray, known: Collection[str]) -> dict[str, Actions]:
        found: dict[str, Actions] = {}
        for actions in dict.fromkeys(map(tuple, encodings.tolist())):
            key = self._space.key(actions)
            if key not in known:
                found.setdefault(key, actions)
        return found
