"""Tests of nas_keras.reports.reward_check.py: orders one can check by eye, and SciPy's rank correlation."""

import math

import numpy as np
import pytest
from scipy import stats

import nas_keras as nk
from nas_keras.reports import reward_check
from nas_keras.reports.reward_check import Agreement, agreement, enough_epochs, rungs_between, spread_cells, verdict


def _trial(number, reward):
    evaluation = nk.Evaluation.failure("no") if reward is None else nk.Evaluation(reward)
    return nk.Trial(number, 0, 0, 0, (number,), (), f"k{number}", False, evaluation)


def test_cells_are_spread_over_the_ranks_from_the_best_to_the_worst():
    trials = [_trial(i, i / 100) for i in range(21)] + [_trial(21, None)]
    assert [trial.reward for trial in spread_cells(trials, 5)] == [0.2, 0.15, 0.1, 0.05, 0.0]
    assert len(spread_cells(trials, 50)) == 21
    with pytest.raises(nk.InvalidValueError, match="Only 4 children succeeded; at least 5 are needed"):
        spread_cells(trials[:4], 5)
    with pytest.raises(nk.InvalidValueError, match="count=4 is not allowed"):
        spread_cells(trials, 4)


def test_the_correlation_is_spearmans_with_an_interval():
    rng = np.random.default_rng(0)
    rewards = {str(i): round(float(value), 1) for i, value in enumerate(rng.normal(size=20))}  # with ties
    longer = {key: value + rng.normal() for key, value in rewards.items()} | {"other": 0.0}
    found = agreement(rewards, longer)
    expected = stats.spearmanr([rewards[key] for key in rewards], [longer[key] for key in rewards]).statistic
    assert found.correlation == pytest.approx(expected) and found.num_cells == 20
    width = 1.96 * math.sqrt((1 + expected**2 / 2) / 17)
    assert found[1:3] == pytest.approx(
        (math.tanh(math.atanh(expected) - width), math.tanh(math.atanh(expected) + width))
    )
    assert str(Agreement(0.5, 0.25, 0.75, 9)) == "0.50 (95 % interval 0.25 to 0.75, 9 cells)"


def test_intervals_hold_the_true_correlation_about_19_times_in_20():
    rng, held = np.random.default_rng(1), 0
    true = 6 / math.pi * math.asin(0.7 / 2)  # Spearman's of normal variables whose Pearson's is 0.7
    for _ in range(400):
        one, noise = rng.normal(size=(2, 20))
        other = 0.7 * one + math.sqrt(1 - 0.49) * noise
        found = agreement(dict(enumerate(one)), dict(enumerate(other)))
        held += found.low <= true <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_equal_values_and_few_cells_have_no_order():
    values = dict.fromkeys("abcde", 0.5)
    found = agreement(values, {key: i for i, key in enumerate("abcde")})
    assert math.isnan(found.correlation) and (found.low, found.high) == (-1, 1)
    assert verdict(found).startswith("Whether the short training can be trusted stays open.")
    with pytest.raises(nk.InvalidValueError, match="Only 2 cells have both values"):
        agreement(values, {"a": 1.0, "b": 2.0, "z": 3.0})


def test_verdicts_go_by_the_interval():
    assert verdict(Agreement(0.9, 0.7, 0.97, 20)).startswith("The short training can be trusted")
    assert verdict(Agreement(0.1, -0.3, 0.45, 20)).startswith("The short training cannot be trusted")
    assert verdict(Agreement(0.6, 0.2, 0.8, 20)).startswith("Whether")


def test_the_fewest_epochs_whose_order_is_that_of_the_longest():
    keys = "abcdefghij"
    longest = {key: float(i) for i, key in enumerate(keys)}
    near = longest | {"a": 1.0, "b": 0.0}
    far = {key: float(9 - i) for i, key in enumerate(keys)}
    agreements, enough = enough_epochs({8: longest, 2: far, 4: near})
    assert enough == 4 and list(agreements) == [2, 4] and agreements[2].correlation == pytest.approx(-1)
    assert enough_epochs({8: longest, 2: near, 4: far})[1] == 8  # a later disagreement counts
    assert enough_epochs({8: longest}) == ({}, 8)


def test_each_number_of_epochs_is_twice_the_one_before():
    assert (rungs_between(1, 10), rungs_between(3, 10), rungs_between(1, 2)) == ([2, 4, 8], [6], [])
    assert reward_check.FEWEST == 5
