"""Tests of nas_keras/reports/statistics.py: matrices one can check by eye, and independent computations."""

import itertools

import numpy as np
import pytest

from nas_keras.reports import statistics

NAN = np.nan


def test_rank_correlations_are_of_what_both_have():
    one, other = np.random.default_rng(2).normal(size=(2, 20)) + np.linspace(0, 2, 20)
    pearson_of_ranks = np.corrcoef(np.argsort(np.argsort(one)), np.argsort(np.argsort(other)))[0, 1]
    assert statistics.rank_correlation(one, other) == pytest.approx(pearson_of_ranks)
    one, other = np.array([1, 2, 3, NAN, 9]), np.array([3, 2, 1, 5, NAN])
    assert statistics.rank_correlation(one, other) == pytest.approx(-1)
    assert np.isnan(statistics.rank_correlation(one[:2], other[:2]))
    assert np.isnan(statistics.rank_correlation(np.ones(4), np.arange(4.0)))


def test_the_expected_best_of_random_search_is_the_mean_over_all_draws():
    rewards = np.array([0.3, 0.9, 0.5, 0.5, 0.1])
    expected = [np.mean([max(draw) for draw in itertools.combinations(rewards, n)]) for n in range(1, 6)]
    np.testing.assert_allclose(statistics.best_of_random(rewards, 9), expected)
    np.testing.assert_allclose(statistics.best_of_random(rewards, 2), expected[:2])
