"""Tests of nas_keras/strategies/ppo/advantages.py. `standardize` is tested in strategies/ppo/ppo_test.py."""

import numpy as np
import pytest

from nas_keras.strategies.ppo.advantages import (
    bound_references,
    elite_marginals,
    rank_advantages,
    select_trials,
    soft_advantages,
)

NAN = np.nan


def test_rank_advantages():
    """Weights 1, e^-1/4, e^-1/2 for the first, second and third."""
    weights = np.exp([-0.25, 0.0, -0.5])
    expected = (weights - weights.mean()) / weights.std()
    np.testing.assert_allclose(rank_advantages(np.array([5.0, 1e6, -3.0])), expected, atol=1e-6)
    np.testing.assert_allclose(rank_advantages(np.array([5.0, 6.0, NAN])), expected, atol=1e-6)


def test_equal_rewards_have_equal_advantages():
    found = rank_advantages(np.array([1.0, 2.0, 1.0, 0.0]))
    assert found[0] == found[2] and found[1] > found[0] > found[3]
    assert found.dtype == np.float32 and abs(found.mean()) < 1e-6


@pytest.mark.parametrize("rewards", [[3.0, 3.0, 3.0], [NAN, NAN], [1.0]])
def test_nothing_to_tell_apart(rewards):
    assert rank_advantages(np.array(rewards)).tolist() == [0] * len(rewards)


def test_soft_advantages():
    """Scores 1, 0, -1 less half of the log-probs -2, -4, -6: 2, 2, 2; with log-probs -2, -2, -4 it is 2, 1, 1."""
    scores = np.array([1.0, 0.0, -1.0])
    assert soft_advantages(scores, np.array([-2.0, -4.0, -6.0]), temperature=0.5).tolist() == [0, 0, 0]
    found = soft_advantages(scores, np.array([-2.0, -2.0, -4.0]), temperature=0.5)
    np.testing.assert_allclose(found, np.array([2, -1, -1]) / 2**0.5, atol=1e-6)
    assert found.dtype == np.float32


def test_soft_advantages_of_equal_scores_are_0():
    assert soft_advantages(np.array([0.3, 0.3]), np.array([-1.0, -5.0]), temperature=1.0).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("elite", "batch", "chosen"),
    [
        (0, 2, [0, 1, 2, 3, 4]),
        (1, 2, [1, 3, 4]),
        (2, 2, [1, 3, 4]),  # the second best, 3, is of the latest batch
        (3, 2, [0, 1, 3, 4]),
        (9, 1, [0, 1, 2, 3, 4]),
        (1, 9, [0, 1, 2, 3, 4]),
    ],
)
def test_the_latest_batch_and_the_best_are_learned_from(elite, batch, chosen):
    rewards = np.array([2.0, 9.0, NAN, 8.0, 1.0])
    assert select_trials(rewards, batch=batch, elite=elite).tolist() == chosen


def test_bounds_of_the_reference():
    """Bad encodings have at least the floor, good ones at most half the ceiling, as clip is 1; the rest stays."""
    log_probs = np.log([0.001, 0.2, 0.001, 0.2, 0.001, 0.2]).astype(np.float32)
    found = bound_references(
        log_probs, np.array([-1, -1, 2, 2, 0, 0]), clip=1.0, floor=np.log(0.01), ceiling=np.log(0.1)
    )
    np.testing.assert_allclose(np.exp(found), [0.01, 0.2, 0.001, 0.05, 0.001, 0.2], rtol=1e-5)
    found = bound_references(log_probs, np.array([-1, -1, 2, 2, 0, 0]), clip=1.0, floor=-np.inf, ceiling=np.inf)
    assert (found == log_probs).all()


def test_the_anchor_is_the_choices_of_the_best_weighed_by_rank():
    """Of four encodings of two decisions, the last of which failed."""
    first, second, third = np.exp([0, -0.5, -1]) / np.exp([0, -0.5, -1]).sum()
    found = elite_marginals(np.array([[1, 0], [0, 2], [1, 1], [1, 3]]), np.array([5.0, 6.0, 4.0, NAN]), widest=4)
    np.testing.assert_allclose(found, [[first, second + third, 0, 0], [second, third, first, 0]], atol=1e-6)


def test_failures_are_no_anchor():
    assert elite_marginals(np.array([[1, 0], [0, 1]]), np.array([NAN, NAN]), widest=2) is None


def test_only_the_eight_best_are_in_the_anchor():
    found = elite_marginals(np.arange(20)[:, None], np.arange(20.0), widest=20)
    assert np.flatnonzero(found[0]).tolist() == list(range(12, 20)) and abs(found.sum() - 1) < 1e-6
