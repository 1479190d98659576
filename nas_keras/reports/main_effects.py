"""Which decisions make the difference: the effect of each choice, averaged over all others.

Legend: `K` keys of the space, `N` encodings, `T` decisions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.reports import table_statistics
from nas_keras.spaces.search_space import SearchSpace

SMALLEST_ERROR = 1e-4  # error rate that stands for 0, which has no logarithm


class Effect(NamedTuple):
    """What one choice of a decision does, averaged over all others, with standard errors due to training.

    Attributes:
        decision, choice: their texts.
        accuracy, accuracy_error: mean over the encodings with the choice, minus the mean over all encodings.
        log_error, log_error_error: the same of the logarithm of the error rate, 1 - accuracy, in which a step from 98
            to 99 % weighs as much as one from 80 to 90 %; exp of it is the factor on the error rate.
    """

    decision: str
    choice: str
    accuracy: float
    accuracy_error: float
    log_error: float
    log_error_error: float


def main_effects(space: SearchSpace, measured: table_statistics.Measured) -> list[Effect]:
    """The effect of each choice of each decision, over the encodings that have an accuracy.

    A key counts as often as there are encodings of it, so that every choice meets the others equally often.
    """
    mean, error, count = table_statistics.summarize(measured.valid)
    pooled = table_statistics.noise_of(measured.valid).single
    # Of each key's mean, [K]; a key with one training is given the noise of the others.
    variance = np.where(count > 1, error**2, pooled**2 / np.maximum(count, 1))
    variance, mean = np.where(count > 0, variance, 0), np.where(count > 0, mean, 0)
    error_rate = np.maximum(1 - mean, SMALLEST_ERROR)
    actions, keys = _encodings(space, measured)
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


def explained(space: SearchSpace, measured: table_statistics.Measured, effects: Sequence[Effect]) -> dict[str, float]:
    """Decision -> share of the variance between encodings, of the logarithm of the error rate, that its effects make.

    What the shares leave of 1 is interplay of decisions, and noise. Empty unless every encoding has an accuracy: else
    the shares would not add up.
    """
    _, keys = _encodings(space, measured)
    variance = np.var(np.log(np.maximum(1 - table_statistics.summarize(measured.valid).mean[keys], SMALLEST_ERROR)))
    if len(keys) < space.size or variance == 0:
        return {}
    squares = {decision.name: [] for decision in space.decisions}
    for effect in effects:
        squares[effect.decision].append(effect.log_error**2)
    return {name: float(np.mean(of_choices) / variance) for name, of_choices in squares.items()}


def _encodings(space: SearchSpace, measured: table_statistics.Measured) -> tuple[np.ndarray, np.ndarray]:
    """All encodings whose key has an accuracy [N, T], and the places of their keys [N]."""
    has_accuracy = ~np.isnan(measured.valid).all(axis=1)
    places = {key: k for k, key in enumerate(measured.keys)}
    encodings = [(actions, places[space.key(actions)]) for actions in space.enumerate()]
    encodings = [(actions, k) for actions, k in encodings if has_accuracy[k]]
    return np.array([actions for actions, _ in encodings]), np.array([k for _, k in encodings])
