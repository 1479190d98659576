"""Tests of nas_keras/strategies/reinforce_config.py."""

import dataclasses

import numpy as np
import pytest

from nas_keras.errors import InvalidValueError
from nas_keras.strategies.reinforce_config import ReinforceConfig


def test_numbers_of_numpy_become_those_of_python():
    config = ReinforceConfig(units=np.int8(8), decay=np.float32(0.5))
    assert (config.units, config.decay) == (8, 0.5) and type(config.units) is int and type(config.decay) is float


@pytest.mark.parametrize("name", ["units", "embedding"])
@pytest.mark.parametrize("value", [0, 1.5, 10**9])
def test_sizes_are_positive_integers_that_fit(name, value):
    with pytest.raises(InvalidValueError, match=f"^{name}="):
        ReinforceConfig(**{name: value})


@pytest.mark.parametrize("name", ["learning_rate", "decay", "entropy"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_weights_are_finite_and_not_negative(name, value):
    with pytest.raises(InvalidValueError, match=f"^{name}="):
        ReinforceConfig(**{name: value})


def test_a_baseline_that_never_moves_is_refused():
    with pytest.raises(InvalidValueError, match="^decay=1.0 is not allowed: .* With 1 the baseline would never move"):
        ReinforceConfig(decay=1.0)
    assert dataclasses.replace(ReinforceConfig(), decay=0.0).decay == 0  # the latest rewards alone
