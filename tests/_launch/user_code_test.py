"""Tests of nas_keras/_launch/user_code.py: values of imported files; launch/import_test.py tests the flags."""

import types

import pytest

import nas_keras as nk
from nas_keras._launch.user_code import find_value, imported_spaces
from nas_keras.system import user_files


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    monkeypatch.setattr(user_files, "_MODULES", {})


def _import(name, **values):
    user_files._MODULES[name] = types.SimpleNamespace(**values)


def test_a_value_is_found_by_its_name_or_by_that_of_the_file_too():
    small, other = nk.spaces.small(), nk.spaces.large(1)
    _import("one", mine=small, both=small, _private=small, number=3)
    _import("two", both=other)
    assert imported_spaces() == ["mine", "both", "both"]
    assert find_value("space", "mine", nk.SearchSpace) is find_value("space", "one.mine", nk.SearchSpace) is small
    assert find_value("space", "two.both", nk.SearchSpace) is other
    with pytest.raises(nk.InvalidValueError, match="^--space=both is ambiguous: name one of one.both, two.both.$"):
        find_value("space", "both", nk.SearchSpace)
    with pytest.raises(nk.InvalidValueError, match="^space='number' is unknown. Allowed: mine, both, both.$"):
        find_value("space", "number", nk.SearchSpace)


def test_without_a_file_the_flag_import_is_named():
    with pytest.raises(
        nk.InvalidValueError, match="^--build=mine is not defined: name the file .* by --import, such as"
    ):
        find_value("build", "mine", types.FunctionType)
