"""The interface of progressive search's candidates, which depend on the kind of space; the predictor ranks them.

Legend: `N`, `M` encodings, `T` decisions, `F` features.
"""

import abc
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np

from nas_keras.spaces.search_space import Actions
from nas_keras.strategies.base import State

Predict = Callable[[np.ndarray], np.ndarray]  # features [N, F] -> predicted rewards [N], in any unit


class Observed(NamedTuple):
    """The first trial of a key.

    Attributes:
        actions: its encoding, [T].
        reward: its reward; NaN for a failure.
    """

    actions: Actions
    reward: float


class Candidates(abc.ABC):
    """The part of progressive search that depends on the kind of space."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Figures for TensorBoard."""
        return {}

    @abc.abstractmethod
    def features(self, actions: Actions) -> np.ndarray:
        """Returns the features [F] of an encoding [T]."""

    @abc.abstractmethod
    def inner_products(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Returns phi(x) . phi(y) of features [N, F] and [M, F]: [N, M]."""

    @abc.abstractmethod
    def propose(
        self,
        n: int,
        observed: Mapping[str, Observed],
        known: Collection[str],
        predict: Predict,
        rng: np.random.Generator,
    ) -> list[tuple[str, Actions]]:
        """Returns at most n new keys with the best predictions, each with its encoding; none if nothing new is left.

        Args:
            n: number of keys to propose.
            observed: key -> its first trial.
            known: keys that are observed, or proposed and not yet observed.
            predict: predictor of rewards.
            rng: generator of random encodings and of the order of equal predictions.
        """

    def state(self) -> State:
        """Returns what the object has found so far, which may be nothing."""
        return {}

    def restore(self, state: State) -> None:
        """Restores a `state`."""
        del state


def take_best(n: int, predictions: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Returns the indices of the n highest predictions, best first.

    Equal predictions come in a random order, which does not depend on n.
    """
    order = rng.permutation(len(predictions))
    return order[np.argsort(-predictions[order], kind="stable")][:n].tolist()
