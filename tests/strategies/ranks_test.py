"""Tests of nas_keras/strategies/ranks.py."""

import numpy as np
import pytest

from nas_keras.strategies.ranks import rank_scores

NAN = float("nan")


@pytest.mark.parametrize(
    ("rewards", "scores"),
    [
        ([7.0], [0]),
        ([1.0, 1.0, 1.0], [0, 0, 0]),
        ([0.2, 900.0], [-0.6745, 0.6745]),  # the quartiles of the normal distribution
        ([0.2, NAN], [0.6745, -0.6745]),
        ([NAN, NAN], [0, 0]),
        ([3.0, 1.0, 2.0], [0.9674, -0.9674, 0]),  # its sixths
        ([3.0, NAN, NAN, 5.0], [0.3186, -0.6745, -0.6745, 1.1503]),  # failures share the lower half's middle
    ],
)
def test_rank_scores(rewards, scores):
    np.testing.assert_allclose(rank_scores(np.array(rewards)), scores, atol=1e-4)
