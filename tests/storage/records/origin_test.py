"""Tests of nas_keras/storage/records/origin.py."""

import pathlib

import pytest

from nas_keras.errors import DataError
from nas_keras.storage.records.origin import Origin, check_origin, origin_problem
from nas_keras.trial import training_seed

_ORIGIN = Origin("space", "recipe", variants=("half",), seed=3)


def _values(**changed):
    return {"space": "space", "recipe": "recipe", "key": "k", "seed": training_seed(3, "k"), **changed}


def test_a_record_of_the_run_or_of_a_variant_of_its_recipe():
    assert origin_problem(_values(), _ORIGIN) == origin_problem(_values(recipe="half"), _ORIGIN) == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"space": "half"}, "is of space half, but this run has space space"),
        ({"recipe": "other"}, "is of recipe other, but this run has recipe recipe"),
        ({"seed": 7}, "is of another run: its training has the seed 7, but with this run's seed 3 it would be "),
    ],
)
def test_a_record_of_another_run(changed, says):
    assert origin_problem(_values(**changed), _ORIGIN).startswith(says)
    with pytest.raises(DataError, match=r"^Record 4 of a is of .*\. Move the file away, or name the folder of the run"):
        check_origin(_values(**changed), _ORIGIN, pathlib.Path("a"), 4)


def test_a_table_has_many_seeds():
    assert origin_problem(_values(seed=7), _ORIGIN._replace(seed=None)) == ""


def test_nobody_may_ask():
    check_origin(_values(space="other"), None, pathlib.Path("a"), 0)
