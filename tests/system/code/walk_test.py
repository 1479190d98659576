"""Tests of nas_keras/system/code/walk.py; fingerprint_test.py tests which changes count."""

import enum
import functools
import pathlib
import re

import numpy as np
import pytest

from nas_keras.system.code.parts import digest
from nas_keras.system.code.walk import CodeWalk


class _Kind(enum.Enum):
    FAST = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (10**200, hex(10**200)),
        ("a", "'a'"),
        ([1, (2, None)], "[1, (2, None)]"),
        ({"b": 1, "a": {2, 1}}, "{'a': set(1, 2), 'b': 1}"),
        (_Kind.FAST, "_Kind.FAST=1"),
        (pathlib.Path("/a"), "'/a'"),
        (re.compile("a+"), "('a+', 32)"),
        (np.float32(0.5), f"<f4[] {digest(np.float32(0.5).tobytes())}"),
        (np.zeros(2, np.int16), f"<i2[2] {digest(bytes(4))}"),
        (len, "builtins.len"),
        (np.add, "numpy.add"),
        (re, "module re"),
        (functools.reduce, "_functools.reduce"),
    ],
    ids=repr,
)
def test_a_value_as_a_text(value, text):
    walk = CodeWalk()
    assert walk.refer(value) == text and walk.found == {}


def _helper(x):
    return x


def _reads(x):
    return _helper(x) + _LIMIT


_LIMIT = 5


def test_a_function_is_a_part_with_what_it_reads():
    walk = CodeWalk()
    assert walk.refer(_reads) == "_reads"
    assert set(walk.found) == {"_reads", "_helper", "_LIMIT in _reads"} and walk.found["_LIMIT in _reads"] == "5"


def test_a_value_within_itself_ends():
    held = []
    held.append(held)
    assert CodeWalk().refer(held) == "[a list within itself]"


def test_what_the_code_changes_is_noted_and_then_counts_as_empty():
    seen = [1, 2]

    def notes(x):
        seen.append(x)
        return x

    walk = CodeWalk()
    walk.refer(notes)
    assert list(walk.changed.values()) == [seen]
    assert CodeWalk(walk.changed).refer(seen) == "[]"
