"""Normal scores of the ranks of rewards, for learners to which only the order of rewards matters."""

import statistics

import numpy as np


def rank_scores(rewards: np.ndarray) -> np.ndarray:
    """Returns the normal scores of the ranks of rewards, Phi^-1((rank - 1/2) / M).

    A diverged child is then simply the worst of M, not a hundred standard deviations away.

    Args:
        rewards: [M]; NaN is a failure and ranks below every number.

    Returns:
        float64 [M]; equal rewards share the score of their mean rank.
    """
    comparable = np.where(np.isnan(rewards), -np.inf, rewards)
    _, group, counts = np.unique(comparable, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # counted from 1; the mean rank of each group of equal rewards
    quantile_of = statistics.NormalDist().inv_cdf
    return np.array([quantile_of(probability) for probability in (ranks - 0.5) / len(rewards)])[group]
