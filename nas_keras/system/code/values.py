"""What values of standard types consist of, and which values are state; `system/code/walk.py` reads them."""

import argparse
import array
import bisect
import collections
import datetime
import decimal
import fractions
import functools
import heapq
import operator
import random
import types
from typing import Any

import numpy as np

_NAMESPACES = types.SimpleNamespace | argparse.Namespace
_DATES = datetime.timedelta | datetime.date | datetime.time
_TEXTS = (float, complex, str, bytes)

_CONTAINERS = (list, dict, set, bytearray, collections.deque)
# Functions that change their first argument in place.
_CHANGING = (
    *(heapq.heapify, heapq.heappush, heapq.heappop, heapq.heappushpop, heapq.heapreplace),
    *(bisect.insort_left, bisect.insort_right, operator.setitem, operator.delitem, operator.iadd, random.shuffle),
)


def changes_argument(function: Any) -> bool:
    """Returns whether this is a function of the standard library that changes its first argument in place."""
    return any(function is one for one in _CHANGING)


def emptied(value: Any) -> Any:
    """Returns an empty container in the place of one that is changed in place; any other value as it is."""
    return type(value)() if type(value) in _CONTAINERS else value


def is_computed(attribute: str, kind: type) -> bool:
    """Returns whether an attribute of an object is the value of a `functools.cached_property`, which was computed."""
    found = next((vars(owner)[attribute] for owner in kind.__mro__ if attribute in vars(owner)), None)
    return isinstance(found, functools.cached_property)


def items_of(value: Any, state: set[str]) -> dict | frozenset | list | tuple | None:
    """Returns the contents of a container or a value of a standard type, without state; None for any other object."""
    if isinstance(value, dict | types.MappingProxyType):
        return dict(value)
    if isinstance(value, _NAMESPACES):
        return {name: held for name, held in vars(value).items() if f".{name}" not in state}
    if isinstance(value, set | frozenset):
        return frozenset(value)
    if isinstance(value, tuple):
        return tuple(value)
    if isinstance(value, list | collections.deque | bytearray):
        return list(value)
    if isinstance(value, np.ndarray):  # of objects
        return [value.tolist()]
    if isinstance(value, array.array):
        return [value.typecode, *value]
    return _parts_of(value)


def is_state(attribute: str, kind: type, state: set[str]) -> bool:
    """Returns whether methods change an attribute; the text of a class says `__x` where Python says `_Class__x`."""
    owners = [f"_{owner.__name__.lstrip('_')}__" for owner in kind.__mro__]
    private = [f".__{attribute.removeprefix(owner)}" for owner in owners if attribute.startswith(owner)]
    return not state.isdisjoint([f".{attribute}", *private])


def _parts_of(value: Any) -> list | None:
    if isinstance(value, int):
        return [int.__format__(value, "x")]
    for kind in _TEXTS:
        if isinstance(value, kind):
            return [kind.__repr__(value)]
    if isinstance(value, fractions.Fraction):
        return [value.numerator, value.denominator]
    if isinstance(value, decimal.Decimal):
        return [decimal.Decimal.__str__(value)]
    if isinstance(value, _DATES):
        return list(value.__reduce_ex__(2)[1])
    if isinstance(value, np.poly1d):
        return [value.coeffs, value.variable]
    return None
