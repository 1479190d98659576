"""Tests of nas_keras/data/labels.py: which labels are converted, by which rule, and which are refused."""

import numpy as np
import pytest

from nas_keras.data.arrays import to_pair
from nas_keras.data.images import Images
from nas_keras.data.labels import check_class_names, number_classes
from nas_keras.errors import InvalidValueError

LABELS = np.arange(6) % 3
PICTURES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)


def _read(labels, count=6):
    return to_pair("train", (PICTURES[:count], labels))[1]


def _number(*labels, num_classes=None, class_names=None):
    """The labels of splits, as lists; the number of classes; their names."""
    read = {str(part): _read(found, len(found)) for part, found in enumerate(labels)}
    numbers, count, names = number_classes(read, num_classes=num_classes, class_names=class_names)
    assert all(found.dtype == np.int32 for found in numbers.values())
    return [found.tolist() for found in numbers.values()], count, names


@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS.astype(np.uint64), LABELS.astype(float), LABELS.astype(object), LABELS[:, None]],
)
def test_whole_numbers_from_0_are_themselves(labels):
    assert _number(labels) == ([[0, 1, 2, 0, 1, 2]], 3, ())


def test_a_row_of_labels_is_told_from_one_hot_rows_by_the_number_of_images():
    assert _read(LABELS[None]).tolist() == LABELS.tolist()
    assert _number(np.eye(3)[[2]]) == ([[2]], 3, ())


def test_true_and_false_are_1_and_0():
    assert _number(LABELS == 1) == _number((LABELS == 1).tolist()) == ([[0, 1, 0, 0, 1, 0]], 2, ())


@pytest.mark.parametrize("kind", [list, np.array, lambda texts: np.array(texts, object)])
@pytest.mark.parametrize("encode", [str, str.encode])
def test_texts_are_numbered_in_their_order(kind, encode):
    train, valid = ([encode(text) for text in texts.split()] for texts in ("dog cat dog cat émeu cat", "émeu dog"))
    assert _number(kind(train), kind(valid)) == ([[1, 0, 1, 0, 2, 0], [2, 1]], 3, ("cat", "dog", "émeu"))
    named = _number(kind(train), class_names=["dog", "émeu", "cat", "yak"])
    assert named == ([[0, 2, 0, 2, 1, 2]], 4, ("dog", "émeu", "cat", "yak"))


def test_numbers_that_do_not_start_at_0_are_numbered_in_their_order():
    assert _number([7, 10**10, 7], [7, 9]) == ([[0, 2, 0], [0, 1]], 3, ("7", "9", "10000000000"))
    assert _number([1, 3, 2], class_names=("a", "b", "c")) == ([[0, 2, 1]], 3, ("a", "b", "c"))
    # With a number of classes, or names for more classes, labels count from 0.
    assert _number([1, 3, 2], num_classes=4) == ([[1, 3, 2]], 4, ())
    assert _number([1, 2], class_names=("a", "b", "c")) == ([[1, 2]], 3, ("a", "b", "c"))
    assert _number([0, 5]) == ([[0, 5]], 6, ())


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_one_hot_rows_become_numbers_of_all_their_classes(dtype):
    assert _number(np.eye(5, dtype=dtype)[LABELS], np.eye(5, dtype=dtype)[[4]]) == ([[0, 1, 2, 0, 1, 2], [4]], 5, ())


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0, 1, 2, 0.5, 1.5, 2], "hold 2 values that are not whole numbers, such as 0.5."),
        ([0, 1, 2, np.nan, 1, 2], "hold 1 values that are not whole numbers, such as nan."),
        ([0, 1, 2, np.inf, 1, 2], "train labels are float64 [6], from 0 to inf."),
        ([0, 1, None, 2, 1, 2], "train labels are a list, not an array of numbers: they hold 0, 1, 2, None."),
        ([[0, 1], [2], [0], [1], [2], [0]], "they hold lists of shape [1], lists of shape [2]. Allowed: whole numbers"),
        ({0, 1}, "train labels are a set, not an array of numbers"),
        (5, "train labels are int64 []"),
        ([1j] * 6, "train labels are complex128 [6]"),
        ([2**63] * 6, "train labels are uint64 [6], from 9.223372e+18 to 9.223372e+18."),
        ([b"\xff"] * 6, "train labels are bytes that are not UTF-8"),
        (np.zeros((6, 2, 2)), "train labels are float64 [6, 2, 2]. Allowed: whole numbers"),
        (np.full((6, 3), 1 / 3), "of which 6 rows are not one 1 and zeros, such as row 0: [0.3333"),
        (
            np.eye(3)[LABELS] + np.outer(np.arange(6) == 5, [1, 0, 0]),
            "of which 1 rows are not one 1 and zeros, such as row 5: [1.0",
        ),
        (2 * np.eye(3)[LABELS], "of which 6 rows are not one 1 and zeros"),
    ],
)
def test_labels_that_are_none(labels, says):
    with pytest.raises(InvalidValueError) as error:
        _read(labels)
    assert says in str(error.value)


def test_probabilities_become_labels_as_advised():
    rows = np.eye(3)[LABELS] * 0.8 + 0.05
    with pytest.raises(InvalidValueError, match=r"become labels with labels.argmax\(-1\)"):
        _read(rows)
    assert _read(rows.argmax(-1)).tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("splits", "settings", "says"),
    [
        ([["a", "b"], [0, 1]], {}, r"labels of different kinds: 0 <U1 \[2\]; 1 int64 \[2\]. Allowed: one kind for all"),
        ([np.eye(2), np.eye(3)], {}, "labels of different kinds"),
        ([["a", "b"], ["c", "d"]], {"class_names": ["a", "b"]}, "The label 'c' and 1 others are not in class_names."),
        ([[0, 2**40]], {}, "labels run from 0 to 1099511627776, and some are 0 or less"),
    ],
)
def test_labels_that_do_not_fit_together(splits, settings, says):
    with pytest.raises(InvalidValueError, match=says):
        _number(*splits, **settings)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("ab", "class_names='ab' is not allowed: it must be a list of texts."),
        (7, "class_names=7 is not allowed"),
        (["a", 1], "A class name must be a non-empty string of printable characters, not 1."),
        (["a", ""], "A class name must be"),
        (["a", "a"], "class_names has 'a' twice. Allowed: different names."),
        (["a", "b", "c"], "There are 3 class_names for num_classes=2. Allowed: one for each class."),
    ],
)
def test_class_names_that_are_none(names, says):
    with pytest.raises(InvalidValueError) as error:
        check_class_names(names, 2)
    assert says in str(error.value)
    assert check_class_names(np.array(["a", "b"]), 2) == ("a", "b")


def test_images_have_class_names():
    arrays = {"train": (PICTURES, LABELS), "valid": (255 - PICTURES, LABELS)}
    assert Images.from_arrays(**arrays).class_names == ("0", "1", "2")
    named = Images.from_arrays(**arrays, class_names=["x", "y", "z"])
    assert named.class_names == ("x", "y", "z") and named.num_classes == 3
    assert named.digest == Images.from_arrays(**arrays).digest
