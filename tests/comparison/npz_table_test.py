"""Tests of nas_keras/comparison/npz_table.py: files as NAS-Bench-Macro's, and files that hold no table."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.comparison.npz_table import read_npz

ENCODINGS = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]], np.int8)
GOOD = {"n_choices": np.array([2, 3]), "enc": ENCODINGS, "one": np.arange(6.0), "two": np.arange(12.0).reshape(6, 2)}


def _npz(folder, **changes):
    arrays = {name: array for name, array in {**GOOD, **changes}.items() if array is not None}
    np.savez(folder / "rewards.npz", **arrays)
    return folder / "rewards.npz"


def test_a_column_of_an_array_in_the_order_of_the_encodings(tmp_path):
    path = _npz(tmp_path, enc=ENCODINGS[[3, 0, 5, 1, 4, 2]])
    space, rewards = read_npz(path, array="two", column=1)
    assert space.num_choices == (2, 3)
    assert rewards[1, 0] == 1  # the first row is the encoding 1, 0


def test_as_many_decisions_as_an_array_has_axes(tmp_path):
    def wide(count):
        return {
            "n_choices": np.r_[2, 3, np.ones(count - 2, int)],
            "enc": np.c_[ENCODINGS, np.zeros((6, count - 2), int)],
        }

    space, rewards = read_npz(_npz(tmp_path, **wide(32)), array="one")
    assert len(space.decisions) == 32 and rewards[space.encode((1, 2) + (0,) * 30)] == 5
    with pytest.raises(nk.DataError, match="n_choices in .* lists 33 decisions. Allowed: at most 32. Leave out those"):
        read_npz(_npz(tmp_path, **wide(33)), array="one")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"one": np.array([0, 1, 2, np.inf, -np.inf, 3])},
            "one in .* holds 2 infinite rewards. Allowed: finite numbers",
        ),
        ({"one": np.arange(6) * np.longdouble("1e4000")}, "one in .* holds 5 infinite rewards"),
        ({"enc": None}, "has no enc, but n_choices, one, two"),
        ({"n_choices": None, "enc": None}, "has no n_choices and no enc"),
        ({"n_choices": np.array([2.0, 3.0])}, "n_choices in .* must be whole numbers of at least 1"),
        ({"n_choices": np.array([], int)}, "n_choices in .* must be whole numbers of at least 1"),
        ({"n_choices": np.array([6, 0])}, "n_choices in .* must be whole numbers of at least 1"),
        ({"enc": ENCODINGS[:5]}, r"must hold every encoding once: 6 rows of 2 decisions .* It is int8 \[5, 2\]"),
        ({"enc": ENCODINGS[:, ::-1]}, "or exceeds these bounds"),
        ({"enc": ENCODINGS - 1}, "or exceeds these bounds"),
        ({"enc": ENCODINGS * 1.0}, "It is float64"),
        ({"enc": ENCODINGS[[0, 1, 2, 3, 4, 4]]}, "holds an encoding twice"),
        (
            {"one": np.arange(6) * 1j},
            "one.npy holds values of type complex128, but only real numbers and texts are read",
        ),
        ({"one": np.array([{}] * 6)}, "cannot be read as an npz file of plain arrays"),
    ],
)
def test_npz_files_that_are_no_table(tmp_path, changes, message):
    with pytest.raises(nk.DataError, match=message):
        read_npz(_npz(tmp_path, **changes), array="one")


@pytest.mark.parametrize(
    ("array", "column", "message"),
    [
        ("three", None, r"'three' is not an array of 6 rewards in .* It has: one \[6\], two \[6, 2\]"),
        ("enc", 0, "'enc' is not an array of 6 rewards"),
        ("one", 0, "Column 0 is not allowed: one in .* takes no column"),
        ("two", None, "Column None is not allowed: two in .* takes a column from 0 to 1"),
        ("two", 2, "Column 2 is not allowed"),
        ("two", -1, "Column -1 is not allowed"),
    ],
)
def test_arrays_that_are_not_there(tmp_path, array, column, message):
    with pytest.raises(nk.InvalidValueError, match=message):
        read_npz(_npz(tmp_path), array=array, column=column)


def test_files_that_are_none(tmp_path):
    (tmp_path / "text.npz").write_text("no array")
    for name in ("text.npz", "nowhere.npz", ""):
        with pytest.raises(nk.DataError, match="cannot be read as an npz file of plain arrays"):
            read_npz(tmp_path / name, array="one")
