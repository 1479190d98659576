"""Statistics of trainings: means, noise, ranks. The module reads no files and writes no text.

Legend: `K` keys, `S` trainings of a key. Matrices of accuracies [K, S] are padded with NaN.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.trial import Evaluation, Trial


class Means(NamedTuple):
    """Mean, its standard error (NaN for one training) and number of trainings of each key, [K]."""

    mean: np.ndarray
    error: np.ndarray
    num_trainings: np.ndarray


def trainings_by_key(trials: Sequence[Trial]) -> dict[str, list[Evaluation]]:
    """Groups trainings that succeeded by key; those of a variant of the recipe count only if there are no others."""
    by_key: dict[str, list[Evaluation]] = {}
    for trial in trials:
        if not trial.evaluation.failed:
            by_key.setdefault(trial.key, []).append(trial.evaluation)
    return {key: [one for one in some if not one.recipe] or some for key, some in by_key.items()}


def matrix(by_key: Mapping[str, Sequence[Evaluation]], name: str) -> np.ndarray:
    """The accuracies `name` ("valid_accuracy" or "test_accuracy") as a matrix [K, S]."""
    values = np.full([len(by_key), max(map(len, by_key.values()), default=0)], np.nan)
    for k, evaluations in enumerate(by_key.values()):
        values[k, : len(evaluations)] = [getattr(evaluation, name) for evaluation in evaluations]
    return values


def summarize(values: np.ndarray) -> Means:
    """Computes the mean accuracy of each key over its trainings, from accuracies [K, S]."""
    count = (~np.isnan(values)).sum(axis=1)
    mean = np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)
    squares = np.nansum((values - mean[:, None]) ** 2, axis=1)
    variance = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
    return Means(mean, np.sqrt(variance / np.maximum(count, 1)), count)


def noise_of(values: np.ndarray) -> float:
    """The standard deviation of one training about its key's mean, pooled over keys [K, S]; NaN without repetitions."""
    _, error, count = summarize(values)
    repeated = count > 1
    degrees = int((count[repeated] - 1).sum())
    squares = (error[repeated] ** 2 * count[repeated] * (count[repeated] - 1)).sum()
    return float((squares / degrees) ** 0.5) if degrees else np.nan


def ranks(means: np.ndarray) -> np.ndarray:
    """Rank of each mean [K], 1 for the largest; equal means share the better rank, and NaN has rank 0."""
    from scipy import stats

    is_known = ~np.isnan(means)
    found = np.zeros(len(means), np.int64)
    found[is_known] = stats.rankdata(-means[is_known], method="min")
    return found


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two arrays [K], where neither is NaN; NaN for fewer than three such places."""
    from scipy import stats

    both = ~(np.isnan(one) | np.isnan(other))
    if both.sum() < 3:
        return np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)  # the correlation is NaN then
        return float(stats.spearmanr(one[both], other[both]).statistic)


def best_of_random(rewards: np.ndarray, count: int) -> np.ndarray:
    """The expected best reward of random search without repeats after 1 to `count` evaluations of the keys [K].

    The chance that the best of n keys, drawn without repeats, is the i-th smallest of K is C(i - 1, n - 1) / C(K, n);
    the sum over i is formed by tails: the best is at most the i-th smallest with chance C(i, n) / C(K, n).
    """
    values = np.sort(rewards)
    total = len(values)
    below = np.ones(total)  # chance that the best of n is at most the i-th smallest
    places, expected = np.arange(1, total + 1), []
    for n in range(1, min(count, total) + 1):
        below = below * np.maximum(places - n + 1, 0) / (total - n + 1)
        expected.append(float(np.diff(below, prepend=0.0) @ values))
    return np.array(expected)
