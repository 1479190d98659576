"""Tests of nas_keras/system/code/objects.py."""

import heapq
import json
import sys
import types

import numpy as np

from nas_keras.system.code import objects
from nas_keras.trial import Job

_LIMIT = 3


def _closure(held):
    def inner(x, by=2, *, more=4):
        return x * by * held * more + _LIMIT

    return inner


def test_a_function_reaches_its_globals_and_what_encloses_it():
    scope = objects.scope_of(_closure(7))
    assert scope["held"] == 7 and scope["_LIMIT"] == 3 and "x" not in scope


def test_defaults_by_name():
    assert objects.defaults_of(_closure(7)) == {"by": 2, "more": 4}
    assert objects.defaults_of(lambda x: x) == {}


def test_what_is_given_to_a_changing_function_is_changed():
    queue = []

    def push(x):
        heapq.heappush(queue, x)
        return len(queue)

    def measure(x):
        return len(queue) + x

    assert objects.changed_arguments(push) == {"queue"} and objects.changed_arguments(measure) == set()


def test_methods_but_those_that_make_an_object():
    class Base:
        def __init__(self):
            pass

        @property
        def size(self):
            return 1

    class Child(Base):
        @classmethod
        def make(cls):
            return cls()

        def grow(self):
            pass

    assert {method.__name__ for method in objects.methods_of(Child)} == {"size", "make", "grow"}


def test_attributes_and_slots_of_an_object():
    class Slotted:
        __slots__ = ("a", "b")

    class Both(Slotted):
        pass

    both = Both()
    both.a, both.c = 1, 2
    assert objects.attributes_of(both) == {"a": 1, "c": 2}
    assert objects.attributes_of(3) == {}


def test_an_attribute_that_raises_is_none():
    class Raises:
        @property
        def value(self):
            raise ValueError

    assert objects.attribute_of(Raises(), "value") is None and objects.attribute_of(3, "real") == 3


def test_installed_is_what_a_name_identifies():
    assert objects.is_installed("json", None) and objects.is_installed("sys", None)
    assert objects.is_installed(np.mean.__module__, np.__file__)
    assert objects.is_installed(Job.__module__, None)  # of this package
    assert not objects.is_installed("__main__", None) and not objects.is_installed("mine", "/home/me/mine.py")
    assert not objects.is_users_module(json) and not objects.is_users_module(3)
    mine = types.ModuleType("mine")
    mine.__file__ = "/home/me/mine.py"
    assert objects.is_users_module(mine) and "mine" not in sys.modules
