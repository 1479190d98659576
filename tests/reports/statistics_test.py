"""Tests of nas_keras/reports/statistics.py: matrices one can check by eye, and independent computations."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import stats

import nas_keras as nk
from nas_keras.reports import statistics

NAN = np.nan


def _trial(key, valid, recipe=""):
    evaluation = nk.Evaluation.failure("no") if valid is None else nk.Evaluation(valid, valid_accuracy=valid)
    evaluation = dataclasses.replace(evaluation, recipe=recipe)
    return nk.Trial(0, 0, 0, 0, (0,), (), key, False, evaluation)


def test_trainings_stand_by_key_and_a_variant_counts_only_where_nothing_else_is():
    trials = [_trial("b", 0.5), _trial("a", 0.25), _trial("b", 0.75), _trial("b", 1.0, "half"), _trial("a", None)]
    by_key = statistics.trainings_by_key([*trials, _trial("c", 0.125, "half"), _trial("d", None)])
    assert {key: [one.reward for one in some] for key, some in by_key.items()} == {
        "b": [0.5, 0.75],
        "a": [0.25],
        "c": [0.125],
    }
    np.testing.assert_array_equal(statistics.matrix(by_key, "valid_accuracy"), [[0.5, 0.75], [0.25, NAN], [0.125, NAN]])


def test_means_and_standard_errors():
    values = np.array([[0.1, 0.2, 0.6], [0.5, NAN, 0.7], [0.3, NAN, NAN], [NAN, NAN, NAN]])
    mean, error, count = statistics.summarize(values)
    np.testing.assert_allclose(mean, [0.3, 0.6, 0.3, NAN])
    np.testing.assert_allclose(error, [stats.sem(values[0]), stats.sem([0.5, 0.7]), NAN, NAN])
    assert count.tolist() == [3, 2, 1, 0]


def test_ranks_share_a_place_and_what_has_no_accuracy_has_none():
    assert statistics.ranks(np.array([0.5, 0.9, NAN, 0.5, 0.1])).tolist() == [2, 1, 0, 2, 4]


def test_noise_is_the_error_of_an_analysis_of_variance():
    values = np.random.default_rng(0).normal(size=(5, 4))
    assert statistics.noise_of(values) == pytest.approx(np.mean(np.var(values, axis=1, ddof=1)) ** 0.5)
    assert np.isnan(statistics.noise_of(np.array([[0.1], [0.2]])))


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
