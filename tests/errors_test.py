"""Tests of nas_keras/errors.py."""

import numpy as np
import pytest

from nas_keras.errors import DataError, InvalidValueError, NasKerasError, check_at_least, check_choice


def test_one_base_class_catches_both_kinds():
    assert issubclass(InvalidValueError, NasKerasError)
    assert issubclass(DataError, NasKerasError)
    assert issubclass(InvalidValueError, ValueError)  # what a user's own code would expect of a wrong value
    assert not issubclass(DataError, ValueError)


@pytest.mark.parametrize("value", ["a", "b"])
def test_check_choice_lets_a_choice_pass(value):
    check_choice("letter", value, ("a", "b"))


@pytest.mark.parametrize("value", ["c", "", "A", None, 0, ["a"]])
def test_check_choice_says_the_value_and_what_is_allowed(value):
    with pytest.raises(InvalidValueError) as caught:
        check_choice("letter", value, iter(("a", "b")))
    assert str(caught.value) == f"letter={value!r} is unknown. Allowed: a, b."


@pytest.mark.parametrize(
    ("value", "minimum", "integer"),
    [
        pytest.param(1, 1, True, id="the minimum"),
        pytest.param(10**30, 1, True, id="a large one"),
        pytest.param(np.int32(3), 1, True, id="NumPy integer"),
        pytest.param(0, 0, False, id="an integer is a number"),
        pytest.param(0.5, 0, False, id="float"),
        pytest.param(np.float32(0.5), 0, False, id="NumPy float"),
    ],
)
def test_check_at_least_lets_a_number_pass(value, minimum, integer):
    check_at_least("n", value, minimum, integer=integer)


@pytest.mark.parametrize(
    ("value", "minimum", "integer", "wanted"),
    [
        pytest.param(0, 1, True, "an integer of at least 1", id="below"),
        pytest.param(-1, 0, False, "a number of at least 0", id="negative"),
        pytest.param(1.0, 1, True, "an integer of at least 1", id="float for integer"),
        pytest.param("2", 1, True, "an integer of at least 1", id="text"),
        pytest.param(None, 1, True, "an integer of at least 1", id="None"),
        pytest.param(True, 1, True, "an integer of at least 1", id="bool"),
        pytest.param(float("nan"), 0, False, "a number of at least 0", id="NaN"),
        pytest.param(float("inf"), 0, False, "a number of at least 0", id="infinity"),
        pytest.param(1j, 0, False, "a number of at least 0", id="complex"),
    ],
)
def test_check_at_least_says_the_value_and_the_minimum(value, minimum, integer, wanted):
    with pytest.raises(InvalidValueError) as caught:
        check_at_least("n", value, minimum, integer=integer)
    assert str(caught.value) == f"n={value!r} is not allowed: it must be {wanted}."
