"""Splits a data set into training, validation and test split, by labels and rows alone.

`N` images.
"""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras.errors import InvalidValueError, shown

_STANDARD_ERRORS = 5  # a larger deviation is not chance, even among a thousand classes


def is_representative(parts: Sequence[np.ndarray]) -> bool:
    """Whether the frequency of each class is about the same in each part of a data set, as in a random order.

    The rule is that of `has_usual_counts`; besides, a class with at least one image for each part must occur in each.

    Args:
        parts: the labels of each part, integers [N]; together they are the data set.
    """
    counts = _count(parts)
    return has_usual_counts(parts) and bool(((counts > 0) | (counts.sum(axis=0) < len(parts))).all())


def has_usual_counts(parts: Sequence[np.ndarray]) -> bool:
    """Whether each class occurs about as often in each part of a data set as in a random order.

    In a part with the fraction s of all images, a class of n images is expected sn times. Its count may deviate by five
    standard errors, 5 * sqrt(sn), plus one image.

    Args:
        parts: the labels of each part, integers [N].
    """
    counts = _count(parts)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return bool((np.abs(counts - expected) <= _STANDARD_ERRORS * np.sqrt(expected) + 1).all())


def _count(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Counts each class in each part, [parts, classes]."""
    classes, codes = np.unique(np.concatenate(parts), return_inverse=True)
    ends = np.cumsum([len(part) for part in parts])
    return np.array([np.bincount(part, minlength=len(classes)) for part in np.split(codes, ends[:-1])])


def stratify(labels: np.ndarray, fractions: Mapping[str, float], *, seed: int) -> dict[str, np.ndarray]:
    """Draws splits with the same fraction of each class, in random order.

    Each split gets at least one image of each class, in the order of `fractions`, as long as one is left for training.

    Args:
        labels: the labels of the whole data set, integers [N].
        fractions: the fraction of each split except "train", which gets the rest.
        seed: seed of the random generator.

    Returns:
        The rows of the data set, int64, for "train" and each split of `fractions`.
    """
    rng = np.random.default_rng(seed)
    rows = {part: [np.zeros(0, np.int64)] for part in ("train", *fractions)}
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        num_members = len(members)
        for part, fraction in fractions.items():
            count = min(max(1, round(fraction * num_members)), len(members) - 1)
            rows[part].append(members[:count])
            members = members[count:]
        rows["train"].append(members)
    return {part: rng.permutation(np.concatenate(drawn)) for part, drawn in rows.items()}


def check_fractions(fractions: Mapping[str, Any]) -> None:
    """Checks the fractions of a data set that become splits of their own.

    Args:
        fractions: split -> fraction.

    Raises:
        InvalidValueError: if one is not a number from 0 to 1, or together they leave nothing to train on.
    """
    for part, fraction in fractions.items():
        is_number = isinstance(fraction, numbers.Real) and not isinstance(fraction, bool)
        if not is_number or not 0 <= fraction < 1:
            raise InvalidValueError(
                f"{part}={shown(fraction)} is not allowed: it must be a fraction, of at least 0 and less than 1."
            )
    if sum(fractions.values()) >= 1:
        given = " and ".join(f"{part}={fraction}" for part, fraction in fractions.items())
        raise InvalidValueError(f"{given} leave no image to train on. Allowed: fractions whose sum is less than 1.")
