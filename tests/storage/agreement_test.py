"""Tests of nas_keras/storage/agreement.py."""

import pytest
from helpers import grid

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.description import describe_space
from nas_keras.storage.agreement import check_same


def test_the_same_space_and_recipe_agree():
    space = grid(3, 2)
    check_same("one", "other", space=({"fingerprint": space.fingerprint}, space), recipe=({"r": 1}, {"r": 1}), fix="")
    check_same("one", "other", space=(describe_space(space), describe_space(grid(3, 2))), fix="")
    check_same("one", "other", fix="")


@pytest.mark.parametrize(
    ("compared", "message"),
    [
        (
            {"space": (describe_space(grid(3)), grid(3, 2))},
            "one is of another space than other: decision 'd1' is new. Do so.",
        ),
        (
            {"space": ({"fingerprint": "feed"}, describe_space(grid(3)))},
            "one is of another space than other: fingerprint feed before, grid ({}) now; the decisions of the older "
            "one were not recorded. Do so.",
        ),
        (
            {"recipe": ({"train": {"epochs": 1, "shift": 0}}, {"train": {"epochs": 3, "shift": 0}})},
            "one has another recipe than other: train.epochs: 1 before, 3 now. Do so.",
        ),
        ({"recipe": ({"r": 1}, {"r": 2})}, "one has another recipe than other: r: 1 before, 2 now. Do so."),
    ],
    ids=["space", "fingerprint", "setting", "recipe"],
)
def test_a_difference_is_named(compared, message):
    with pytest.raises(InvalidValueError) as error:
        check_same("one", "other", **compared, fix="Do so.")
    assert str(error.value) == message.format(grid(3).fingerprint)
