"""Statistics of accuracies: rank correlation, and what random search would find."""

from collections.abc import Sequence

import numpy as np


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's correlation of two lists, where neither is NaN; NaN for fewer than three values, or equal ones."""
    from scipy import stats

    known = np.array([pair for pair in zip(one, other, strict=True) if not np.isnan(pair).any()])
    if len(known) < 3 or not np.ptp(known, axis=0).all():
        return np.nan
    return float(stats.spearmanr(known).statistic)


def best_of_random(rewards: Sequence[float], count: int) -> np.ndarray:
    """The expected best reward of random search without repeats after 1 to `count` evaluations of cells.

    The best of n cells, drawn without repeats from K, is at most the i-th smallest with chance C(i, n) / C(K, n).
    """
    values = np.sort(rewards)
    total = len(values)
    below = np.ones(total)  # chance that the best of n is at most the i-th smallest
    places, expected = np.arange(1, total + 1), []
    for n in range(1, min(count, total) + 1):
        below = below * np.maximum(places - n + 1, 0) / (total - n + 1)
        expected.append(float(np.diff(below, prepend=0.0) @ values))
    return np.array(expected)
