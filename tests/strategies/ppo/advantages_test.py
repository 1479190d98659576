"""Tests of nas_keras/strategies/ppo/advantages.py. `standardize` is tested in strategies/ppo/ppo_test.py."""

import numpy as np

from nas_keras.strategies.ppo.advantages import soft_advantages


def test_soft_advantages():
    """Scores 1, 0, -1 less half of the log-probs -2, -4, -6: 2, 2, 2; with log-probs -2, -2, -4 it is 2, 1, 1."""
    scores = np.array([1.0, 0.0, -1.0])
    assert soft_advantages(scores, np.array([-2.0, -4.0, -6.0]), temperature=0.5).tolist() == [0, 0, 0]
    found = soft_advantages(scores, np.array([-2.0, -2.0, -4.0]), temperature=0.5)
    np.testing.assert_allclose(found, np.array([2, -1, -1]) / 2**0.5, atol=1e-6)
    assert found.dtype == np.float32


def test_without_temperature_soft_advantages_are_the_standardized_scores():
    found = soft_advantages(np.array([-1.0, 1.0, 0.0]), np.array([-1.0, -50.0, 0.0]), temperature=0.0)
    np.testing.assert_allclose(found, np.array([-1, 1, 0]) * 1.5**0.5, atol=1e-6)


def test_soft_advantages_of_equal_scores_are_0():
    assert soft_advantages(np.array([0.3, 0.3]), np.array([-1.0, -5.0]), temperature=1.0).tolist() == [0, 0]
