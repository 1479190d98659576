"""Tests of nas_keras/system/code/values.py."""

import array
import collections
import datetime
import decimal
import fractions
import functools
import heapq
import types

import numpy as np
import pytest

from nas_keras.system.code import values


class _Text(str):
    pass


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ({"a": 1}, {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (types.SimpleNamespace(a=1, b=2), {"a": 1}),
        ({1, 2}, frozenset({1, 2})),
        ((1, 2), (1, 2)),
        (collections.deque([1, 2]), [1, 2]),
        (bytearray(b"a"), [97]),
        (np.array([None, 3], object), [[None, 3]]),
        (array.array("b", [1, 2]), ["b", 1, 2]),
        (_Text("a"), ["'a'"]),
        (fractions.Fraction(1, 3), [1, 3]),
        (decimal.Decimal("1.50"), ["1.50"]),
        (datetime.timedelta(1, 2, 3), [1, 2, 3]),
        (object(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_value_consists_of(value, items):
    found = values.items_of(value, {".b"})  # `b` is state
    assert found == items and type(found) is type(items)


def test_only_containers_are_emptied():
    assert [values.emptied(value) for value in ([1], {1: 2}, {1}, (1,), "a")] == [[], {}, set(), (1,), "a"]


def test_functions_that_change_their_argument():
    assert values.changes_argument(heapq.heappush) and not values.changes_argument(heapq.nlargest)


class _Owner:
    @functools.cached_property
    def total(self):
        return 1

    plain = 2


def test_a_cached_property_is_computed():
    assert values.is_computed("total", _Owner) and not values.is_computed("plain", _Owner)
    assert not values.is_computed("missing", _Owner)


def test_a_private_attribute_is_state_by_the_name_that_the_text_has():
    assert values.is_state("count", _Owner, {".count"}) and values.is_state("_Owner__count", _Owner, {".__count"})
    assert not values.is_state("count", _Owner, {".other"})
