"""Reads a user's labels and numbers the classes from 0; the original labels become the names of the classes.

| labels | become |
|---|---|
| whole numbers from 0, of any type | themselves |
| whole numbers whose smallest is above 0 | the places of their sorted, different values, from 0 |
| texts | the places of their sorted, different values, or of `class_names` |
| one-hot rows [N, K] | the place of the 1 in each row; there are K classes |
| one row or column | its values |

`N` images, `K` classes.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from absl import logging

from nas_keras.errors import InvalidValueError, check_name, shown

ALLOWED_LABELS = "Allowed: whole numbers [N] from 0, texts [N], or one-hot rows [N, K], one for each image."
_MOST_CLASSES = 1_000_000
_INT32, _INT64 = np.iinfo(np.int32), np.iinfo(np.int64)


def describe(array: object) -> str:
    """Returns the type and shape of an array, for a message."""
    return f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"


def read_labels(what: str, labels: np.ndarray, num_images: int) -> np.ndarray:
    """Reads the labels of one split.

    Args:
        what: name of the array, for messages.
        labels: the array.
        num_images: number of images, which tells one-hot rows from a row of labels.

    Returns:
        Integers int64 [N]; texts, str [N]; or one-hot rows as bool [N, K].

    Raises:
        InvalidValueError: if they are not labels of classes.
    """
    if labels.ndim == 2 and (min(labels.shape) > 1 or len(labels) == num_images != labels.size):
        return _read_one_hot(what, labels)
    if labels.ndim != 1 and labels.size:
        if labels.ndim == 0 or labels.size != max(labels.shape):
            raise InvalidValueError(f"{what} are {describe(labels)}. {ALLOWED_LABELS}")
        labels = labels.reshape(-1)
    if labels.dtype.kind == "S":
        try:
            return np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise InvalidValueError(f"{what} are bytes that are not UTF-8: {error}. {ALLOWED_LABELS}") from error
    if labels.dtype.kind == "U":
        return labels
    if labels.dtype.kind not in "biuf":
        raise InvalidValueError(f"{what} are {describe(labels)}. {ALLOWED_LABELS}")
    if labels.dtype.kind == "f" and not (labels == np.rint(labels)).all():
        wrong = labels[labels != np.rint(labels)]
        raise InvalidValueError(
            f"{what} are {describe(labels)} and hold {len(wrong):,} values that are not whole numbers, such as "
            f"{wrong[0]}. {ALLOWED_LABELS} Children learn classes, not quantities: leave out images without a "
            "label, and sort quantities into classes with numpy.digitize."
        )
    # As Python numbers: in NumPy's floats the largest integer would be rounded up.
    if labels.size and not (_INT64.min <= int_or_float(labels.min()) and int_or_float(labels.max()) <= _INT64.max):
        raise InvalidValueError(
            f"{what} are {describe(labels)}, from {labels.min():.7g} to {labels.max():.7g}. {ALLOWED_LABELS} Give such "
            "numbers as texts."
        )
    return labels.astype(np.int64)


def int_or_float(number: Any) -> int | float:
    """Returns a NumPy number as a Python one, which compares exactly; infinity stays a float."""
    return int(number) if np.isfinite(number) else float(number)


def _read_one_hot(what: str, labels: np.ndarray) -> np.ndarray:
    is_one = labels == 1
    is_right = is_one.sum(axis=1) == 1
    is_right &= (is_one | (labels == 0)).all(axis=1)
    if not is_right.all():
        row = int(np.argmin(is_right))
        raise InvalidValueError(
            f"{what} are {describe(labels)}, of which {len(labels) - int(is_right.sum()):,} rows are not one 1 and "
            f"zeros, such as row {row}: {shown(labels[row].tolist())}. {ALLOWED_LABELS} Probabilities become labels "
            "with labels.argmax(-1); images with several labels, or none, must be left out."
        )
    return is_one


def number_classes(
    labels: Mapping[str, np.ndarray], *, num_classes: int | None, class_names: Iterable[str] | None
) -> tuple[dict[str, np.ndarray], int, tuple[str, ...]]:
    """Numbers the classes of all splits alike, by the table above.

    Args:
        labels: split -> labels, as `read_labels` returns them.
        num_classes: number of classes; None: as many as there are.
        class_names: the names of the classes in their order; None: the labels themselves.

    Returns:
        The labels int32 [N] of each split, the number of classes and their names.

    Raises:
        InvalidValueError: if the splits have different kinds of labels, or a label is not in `class_names`.
    """
    given = None if class_names is None else check_class_names(class_names, num_classes)
    widths = {found.shape[1] for found in labels.values() if found.ndim == 2}
    texts = [part for part, found in labels.items() if found.dtype.kind == "U"]
    if len(widths) > 1 or (texts and len(texts) < len(labels)) or (widths and texts):
        kinds = "; ".join(f"{part} {describe(found)}" for part, found in labels.items())
        raise InvalidValueError(f"The splits have labels of different kinds: {kinds}. Allowed: one kind for all.")
    numbers = {part: found.argmax(axis=1) if found.ndim == 2 else found for part, found in labels.items()}
    together = np.concatenate(list(numbers.values()))
    values = np.unique(together)
    if texts:
        names = given or tuple(values.tolist())
        unknown = sorted(set(values.tolist()) - set(names))
        if unknown:
            raise InvalidValueError(
                f"The label {shown(unknown[0])} and {len(unknown) - 1:,} others are not in class_names. Allowed: a "
                "name for each label."
            )
        place = {name: number for number, name in enumerate(names)}
        numbers = {p: np.array([place[x] for x in found.tolist()], np.int32) for p, found in numbers.items()}
        return numbers, len(names) if num_classes is None else num_classes, names
    if len(values) and values[0] > 0 and num_classes is None and not widths and len(given or values) == len(values):
        logging.info("The labels %s ... are numbered from 0 in their order.", ", ".join(map(str, values[:5])))
        names = given or tuple(map(str, values.tolist()))
        return {p: np.searchsorted(values, found).astype(np.int32) for p, found in numbers.items()}, len(names), names
    if len(values) and not (_INT32.min <= values[0] and values[-1] <= _INT32.max):
        raise InvalidValueError(
            f"The labels run from {values[0]} to {values[-1]}, and some are 0 or less. {ALLOWED_LABELS} Give such "
            "numbers as texts."
        )
    if num_classes is None:  # of no labels any number: the check of the splits reports that they are empty
        num_classes = (
            len(given or ()) or max([2, *widths]) if given or widths or not len(values) else int(values[-1]) + 1
        )
    return {part: found.astype(np.int32) for part, found in numbers.items()}, num_classes, given or ()


def check_class_names(names: Iterable[str], num_classes: int | None) -> tuple[str, ...]:
    """Returns the names of classes as a tuple.

    Raises:
        InvalidValueError: if they are not different, printable texts, one for each class.
    """
    try:
        is_text = isinstance(names, str | bytes | bytearray)
        found = None if is_text else tuple(itertools.islice(iter(names), _MOST_CLASSES + 1))
    except TypeError:
        found = None
    if found is None:
        raise InvalidValueError(f"class_names={shown(names)} is not allowed: it must be a list of texts.")
    for name in found:
        check_name("A class name", name)
    if num_classes is not None and len(found) != num_classes:
        raise InvalidValueError(
            f"There are {len(found):,} class_names for num_classes={shown(num_classes)}. Allowed: one for each class."
        )
    if len(set(found)) < len(found):
        twice = next(name for place, name in enumerate(found) if name in found[:place])
        raise InvalidValueError(f"class_names has {twice!r} twice. Allowed: different names.")
    return tuple(map(str, found))  # NumPy's texts too
