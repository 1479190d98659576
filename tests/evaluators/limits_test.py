"""Tests of nas_keras/evaluators/limits.py."""

import math

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.evaluators.limits import Limits

_LARGE = nk.Evaluation(0.9, num_params=20_001, flops=2e6, latency_ms=1.5, seconds=3.0, valid_accuracy=0.9)


@pytest.mark.parametrize(
    ("limits", "excess"),
    [
        pytest.param(Limits(), "", id="none"),
        pytest.param(Limits(max_params=20_001, max_flops=2e6, max_latency_ms=1.5), "", id="at the limits"),
        pytest.param(Limits(max_params=20_000), "20,001 parameters, limit 20,000", id="parameters"),
        pytest.param(Limits(max_flops=1_999_999), "2,000,000 FLOPs, limit 1,999,999", id="FLOPs"),
        pytest.param(
            Limits(max_params=1, max_latency_ms=1), "20,001 parameters, limit 1; 1.500 ms, limit 1.000", id="two"
        ),
    ],
)
def test_a_child_over_a_limit_is_refused_by_name(limits, excess):
    assert limits.excess(_LARGE) == excess
    refused = limits.refuse(_LARGE)
    if not excess:
        assert refused is None
        return
    assert refused.refused
    assert refused.status == f"failed: refused: {excess}"
    assert math.isnan(refused.reward)
    assert (refused.num_params, refused.flops, refused.latency_ms, refused.seconds) == (20_001, 2e6, 1.5, 3.0)


def test_a_cost_that_is_not_known_exceeds_no_limit_and_is_named():
    limits = Limits(max_params=10, max_flops=10, max_latency_ms=10)
    assert limits.unknown(nk.Evaluation(0.9)) == ["parameters", "FLOPs", "ms"]
    assert limits.unknown(_LARGE) == []
    assert limits.excess(nk.Evaluation(0.9)) == ""


def test_limits_as_json_hold_what_is_set_as_python_numbers():
    assert Limits().to_json() is None
    limits = Limits(max_params=np.int32(20_000), max_latency_ms=np.float32(0.5))
    assert repr(limits.to_json()) == "{'max_params': 20000, 'max_latency_ms': 0.5}"


@pytest.mark.parametrize(
    "value",
    [{"max_params": 0}, {"max_params": 1.5}, {"max_params": "1"}, {"max_flops": 0}, {"max_flops": math.nan}]
    + [{"max_latency_ms": 0}, {"max_latency_ms": math.inf}, {"max_params": True}],
)
def test_a_limit_that_no_child_or_every_child_meets_is_refused(value):
    ((name, number),) = value.items()
    with pytest.raises(nk.InvalidValueError) as caught:
        nk.Limits(**value)
    assert str(caught.value).startswith(f"{name}={number!r} is not allowed: it must be a")
