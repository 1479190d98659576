"""Findings that make rewards on a data set less meaningful, reported with figures before the first child.

Each finding is a warning, except that a validation split equal to the training split is an error, since its rewards
would mean nothing.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
from absl import logging

from nas_keras.errors import InvalidValueError

_MOST_CLASSES_NAMED = 20
_NAMES = {"train": "training", "valid": "validation", "test": "test"}


def check_splits(
    name: str, labels: Mapping[str, np.ndarray], images: Mapping[str, np.ndarray], *, num_classes: int
) -> None:
    """Warns of classes that a split lacks, of images in two splits, and of pixels that are almost black.

    Args:
        name: name of the data set.
        labels: split -> integers [N], from 0 to num_classes - 1; "train", "valid" and optionally "test".
        images: split -> uint8 [N, H, W, C], the splits whose pixels may be read; at least "train" and "valid".
        num_classes: number of classes.

    Raises:
        InvalidValueError: if validation and training split hold the same images.
    """
    _check_overlap(name, images)
    _report_missing_classes(name, labels, num_classes)
    largest = int(images["train"].max())
    if largest <= 1:
        logging.warning(
            "%s: the largest pixel of its training images is %d, but white is 255: a child sees images that are almost "
            "black. If 1 is meant to be white, multiply the images of every split by 255.",
            name,
            largest,
        )


def find_hidden(name: str, labels: np.ndarray) -> bool:
    """Returns whether labels of a test split are hidden (-1); if so, warns that the split cannot be used."""
    num_hidden = int((labels < 0).sum())
    if num_hidden:
        logging.warning(
            "%s: %s of the %s labels of its test split are hidden (negative), so that no accuracy can be measured on "
            "it. The data set is used as one without a test split.",
            name,
            f"{num_hidden:,}",
            f"{len(labels):,}",
        )
    return bool(num_hidden)


def _report_missing_classes(name: str, labels: Mapping[str, np.ndarray], num_classes: int) -> None:
    is_missing = {part: np.bincount(found, minlength=num_classes) == 0 for part, found in labels.items()}
    nowhere = np.all(list(is_missing.values()), axis=0)
    if nowhere.any():
        logging.warning("%s: no split has an image of %s.", name, _name_classes(nowhere))
    for part, missing in is_missing.items():
        missing &= ~nowhere
        if not missing.any():
            continue
        num_lost = int(missing[labels["valid"]].sum()) if part == "train" else 0
        effect = f" No child can learn them, but {num_lost:,} of {len(labels['valid']):,} validation images have them."
        logging.warning(
            "%s: the %s split has no image of %s.%s",
            name,
            _NAMES[part],
            _name_classes(missing),
            effect * (num_lost > 0),
        )


def _name_classes(is_named: np.ndarray) -> str:
    """Names classes as in "2 of the 10 classes: 3, 7"."""
    classes = np.flatnonzero(is_named)
    named = ", ".join(map(str, classes[:_MOST_CLASSES_NAMED])) + ", ..." * (len(classes) > _MOST_CLASSES_NAMED)
    return f"{len(classes):,} of the {len(is_named):,} classes: {named}"


def _check_overlap(name: str, images: Mapping[str, np.ndarray]) -> None:
    digests = {part: _digests(pixels) for part, pixels in images.items()}
    if set(digests["train"]) == set(digests["valid"]):
        raise InvalidValueError(
            f"The validation split of {name} has the same images as its training split "
            f"({len(digests['train']):,} and {len(digests['valid']):,}). Rewards would measure what a child has "
            "memorized. Hold back images that are not trained on, such as valid=(images[:1000], labels[:1000]) and "
            "train=(images[1000:], labels[1000:]) of a shuffled set."
        )
    for held, part in (("valid", "train"), ("test", "train"), ("test", "valid")):
        if held in digests:
            others = set(digests[part])
            num_shared = sum(digest in others for digest in digests[held])
            if num_shared:
                logging.warning(
                    "%s: %s of the %s %s images are in the %s split too, so that accuracy on them says nothing about "
                    "new images. Remove them from one of the splits.",
                    name,
                    f"{num_shared:,}",
                    f"{len(digests[held]):,}",
                    _NAMES[held],
                    _NAMES[part],
                )


def _digests(images: np.ndarray) -> list[bytes]:
    """Returns the digest of each image, [N]."""
    rows = np.ascontiguousarray(images).reshape(len(images), -1)
    return [hashlib.blake2b(row, digest_size=16).digest() for row in rows]
