"""Main effects: the effect of each choice of a decision, averaged over all other decisions.

Legend: `K` keys of the space, `N` encodings, `T` decisions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.reports import table_statistics
from nas_keras.spaces.search_space import SearchSpace

SMALLEST_ERROR = 1e-4  # replaces an error rate of 0, which has no logarithm


class Effect(NamedTuple):
    """The effect of one choice of a decision, with standard errors due to the noise of training.

    Attributes:
        decision, choice: names of the decision and the choice.
        accuracy, accuracy_error: mean accuracy over the encodings with the choice, minus the mean over all encodings.
        log_error, log_error_error: the same for the logarithm of the error rate, 1 - accuracy. A step from 98 to 99 %
            then weighs as much as one from 80 to 90 %, and exp(log_error) is the factor on the error rate.
    """

    decision: str
    choice: str
    accuracy: float
    accuracy_error: float
    log_error: float
    log_error_error: float


def main_effects(space: SearchSpace, accuracies: table_statistics.Accuracies) -> list[Effect]:
    """Computes the effect of each choice of each decision over the encodings that have an accuracy.

    Each key is weighted by its number of encodings, so that every choice meets the others equally often.
    """
    mean, error, count = table_statistics.summarize(accuracies.valid)
    pooled = table_statistics.noise_of(accuracies.valid).single
    # The variance of each key's mean, [K]; a key with one training takes the pooled noise of the others.
    variance = np.where(count > 1, error**2, pooled**2 / np.maximum(count, 1))
    variance, mean = np.where(count > 0, variance, 0), np.where(count > 0, mean, 0)
    error_rate = np.maximum(1 - mean, SMALLEST_ERROR)
    actions, keys = _encodings(space, accuracies)
    overall = np.bincount(keys, minlength=len(mean)) / len(keys)  # [K], weights of the grand mean
    effects = []
    for t, decision in enumerate(space.decisions):
        for index, choice in enumerate(decision.choices):
            chosen = keys[actions[:, t] == index]
            if not len(chosen):
                continue
            weights = np.bincount(chosen, minlength=len(mean)) / len(chosen) - overall
            points, log = weights @ mean, weights @ np.log(error_rate)
            points_error, log_error = (weights**2 @ v for v in (variance, variance / error_rate**2))  # d log e = de / e
            numbers = points, points_error**0.5, log, log_error**0.5
            effects.append(Effect(decision.name, str(choice), *map(float, numbers)))
    return effects


def explained(
    space: SearchSpace, accuracies: table_statistics.Accuracies, effects: Sequence[Effect]
) -> dict[str, float]:
    """Computes for each decision the share of the variance of the log error rate that its main effects explain.

    The remainder to 1 is due to interactions of decisions, and to noise. The result is empty unless every encoding has
    an accuracy, since the shares would not add up otherwise.
    """
    _, keys = _encodings(space, accuracies)
    variance = np.var(np.log(np.maximum(1 - table_statistics.summarize(accuracies.valid).mean[keys], SMALLEST_ERROR)))
    if len(keys) < space.size or variance == 0:
        return {}
    squares: dict[str, list[float]] = {decision.name: [] for decision in space.decisions}
    for effect in effects:
        squares[effect.decision].append(effect.log_error**2)
    return {name: float(np.mean(of_choices) / variance) for name, of_choices in squares.items()}


def _encodings(space: SearchSpace, accuracies: table_statistics.Accuracies) -> tuple[np.ndarray, np.ndarray]:
    """The encodings whose key has an accuracy [N, T], and the indices of their keys [N]."""
    has_accuracy = ~np.isnan(accuracies.valid).all(axis=1)
    places = {key: k for k, key in enumerate(accuracies.keys)}
    encodings = [(actions, places[space.key(actions)]) for actions in space.enumerate()]
    encodings = [(actions, k) for actions, k in encodings if has_accuracy[k]]
    return np.array([actions for actions, _ in encodings]), np.array([k for _, k in encodings])
