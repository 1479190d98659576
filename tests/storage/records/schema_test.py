"""Tests of nas_keras/storage/records/schema.py: values that no record may have; shards_test.py tests whole files."""

import math
import struct

import numpy as np
import pytest

from nas_keras.storage.records import schema
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.trial_values import values_of
from nas_keras.trial import Evaluation, Trial

_TRIAL = Trial(5, 2, 1, 9, (0, 7), (-0.5, -1.5), "0,7", False, Evaluation(0.1, loss=2.5, seconds=0.3))
_VALUES = values_of(_TRIAL, Origin("space", "recipe"), 8)


def test_a_right_record_has_no_problem():
    assert schema.find_problem(_VALUES) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shard_trials", 0),
        ("trial", -1),
        ("num_params", 2**63),
        ("actions", ()),
        ("actions", (0, -1)),
        ("log_probs", (-0.5,)),
        ("cached", 2),
        ("test_accuracy", (0.5, 0.5)),
        ("flops", (-1.0,)),
        ("latency_ms", (1.0, 2.0)),
        ("key", "a\nb"),
        ("space", "\ufffd"),
        ("doubles", (struct.pack("<4d", 0.1, 0.1, 2.5, 0.3),)),
        ("reward", 0.5),  # another number than in double precision
    ],
)
def test_values_that_no_record_may_have_are_named(name, value):
    problem = schema.find_problem({**_VALUES, name: value})
    assert problem.startswith(f"it has {'doubles' if name == 'reward' else name} ")


def test_numbers_in_double_precision():
    assert schema.stored_doubles(_VALUES)[:1].tolist() == [0.1]
    older = {"doubles": (struct.pack("<5d", 1, 2, 3, 4, 5),)}
    assert schema.stored_doubles(older).tolist() == [1, 2, 3, 4, 5]
    assert schema.stored_doubles({"doubles": (b"1",)}) is None


def test_a_number_that_is_too_large_for_single_precision_is_infinite():
    assert schema.to_single(np.array([1e300, -1e300, 0.5])).tolist() == [math.inf, -math.inf, 0.5]


def test_a_number_that_a_record_lacks_is_nan():
    assert math.isnan(schema.number_of({"flops": ()}, "flops")) and schema.number_of({"flops": (3.0,)}, "flops") == 3
    assert schema.number_of({"loss": 2.0}, "loss") == 2
