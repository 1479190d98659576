"""Tests of nas_keras/results/tabular/selection.py."""

import math

import pytest

import nas_keras as nk
from nas_keras.results.tabular.selection import select, sort

COLUMNS = ["reward", "a>b", "op", "cached", "mixed"]
ROWS = [
    dict(zip(COLUMNS, values, strict=True))
    for values in [(0.5, 1, "conv", False, 1), (math.nan, 3, "pool", True, "x"), (0.75, 2, "conv", True, "1.5")]
]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ([], [0, 1, 2]),
        (["reward>0.5"], [2]),
        (["reward >= 0.5"], [0, 2]),
        (["reward<=5e-1"], [0]),
        (["reward<0.6"], [0]),
        (["reward!=0.5"], [2]),  # what is unknown meets no condition
        (["a>b=2"], [2]),
        (["a>b>1"], [1, 2]),
        (["op=conv"], [0, 2]),
        (["op==conv", "cached=True"], [2]),
        (["op!=conv"], [1]),
        (["cached=false"], [0]),
        (["mixed=1"], [0]),
        (["mixed!=1"], [1, 2]),
        (["op=__import__('os')"], []),
        (["op="], []),
    ],
)
def test_conditions(where, found):
    assert [ROWS.index(row) for row in select(ROWS, COLUMNS, where)] == found


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("reward", "where='reward' is not a condition. Write a column, one of > >= < <= = !=, and a value"),
        ("", "where='' is not a condition"),
        ("rewards>1", "where: the column='rewards' is unknown. Allowed: reward, a>b, op"),
        ("reward>high", "where='reward>high' is not allowed: reward is a number, and 'high' is none."),
        ("op>conv", "where='op>conv' is not allowed: op is no number; compare it by = or !=."),
        ("cached=2", "where: the value of cached='2' is unknown. Allowed: true, false."),
        ("cached>true", "cached is no number"),
        ("mixed<1", "mixed is no number"),
    ],
)
def test_what_is_no_condition_is_refused(where, message):
    with pytest.raises(nk.InvalidValueError) as refused:
        select(ROWS, COLUMNS, [where])
    assert message in str(refused.value)


def test_any_condition_of_a_known_column_selects_nothing_of_nothing():
    assert select([], COLUMNS, ["reward>0.5", "op=conv"]) == []


@pytest.mark.parametrize(
    ("by", "order"),
    [("reward", [0, 2, 1]), ("-reward", [2, 0, 1]), ("op", [0, 2, 1]), ("-op", [1, 0, 2]), ("-a>b", [1, 2, 0]),
     ("mixed", [0, 2, 1]), ("cached", [0, 1, 2])],
)  # fmt: skip
def test_rows_are_sorted_with_unknown_numbers_last(by, order):
    assert [ROWS.index(row) for row in sort(ROWS, COLUMNS, by)] == order


def test_an_unknown_column_cannot_be_sorted_by():
    with pytest.raises(nk.InvalidValueError, match="sort='size' is unknown. Allowed: reward, a>b"):
        sort(ROWS, COLUMNS, "-size")
