"""Tests of nas_keras/reports/importance.py: shares computed by hand, and cases without any."""

import numpy as np
import pytest
from helpers import grid

from nas_keras.reports.importance import importances


def test_shares_are_pearson_divergences_of_the_best_tenth():
    space = grid(2, 2)
    # 40 trials, each encoding ten times. The four best all have d0 = 1, and d1 = 0 and 1 twice each.
    actions = [(i // 2 % 2, i % 2) for i in range(40)]
    rewards = np.array([0.1] * 40)
    best = [i for i, (first, _) in enumerate(actions) if first == 1]
    chosen = [i for i in best if actions[i][1] == 0][:2] + [i for i in best if actions[i][1] == 1][:2]
    rewards[chosen] = 0.9
    first, second = importances(space, actions, rewards)
    # d0: p = (1/2, 1/2), p* = (0, 1): v = 1/2 (0 - 1)^2 + 1/2 (2 - 1)^2 = 1. d1: p* = p, so v = 0.
    assert (first.decision, first.share, first.choice) == ("d0", 1.0, "1")
    assert (second.decision, second.share) == ("d1", 0.0)
    assert first.mean == pytest.approx((4 * 0.9 + 16 * 0.1) / 20) and first.rest == pytest.approx(0.1)


def test_unequal_choices_are_weighted_by_how_often_they_were_tried():
    space = grid(3, 2)
    rng = np.random.default_rng(0)
    actions = np.stack([rng.choice(3, 200, p=[0.6, 0.3, 0.1]), rng.integers(2, size=200)], axis=1)
    rewards = rng.normal(size=200) + (actions[:, 0] == 2)
    best = rewards >= np.sort(rewards)[-20]
    expected = []
    for column, size in zip(actions.T, (3, 2), strict=True):
        p = np.array([np.mean(column == c) for c in range(size)])
        of_best = np.array([np.mean(column[best] == c) for c in range(size)])
        expected.append(np.sum((of_best - p) ** 2 / p))
    found = {one.decision: one.share for one in importances(space, actions, rewards)}
    assert found == pytest.approx({"d0": expected[0] / sum(expected), "d1": expected[1] / sum(expected)})


def test_the_best_is_a_whole_choice_that_others_can_lack():
    (one,) = importances(grid(2), [(0,)] * 25, np.arange(25.0))
    assert (one.share, one.choice, np.isnan(one.rest)) == (0.0, "0", True)


def test_few_or_equal_rewards_have_no_importance():
    assert importances(grid(2), [(0,)] * 19, np.arange(19.0)) == []
    assert importances(grid(2), [(0,), (1,)] * 20, np.ones(40)) == []
    assert importances(grid(2), [], []) == []
