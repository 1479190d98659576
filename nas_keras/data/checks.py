"""Findings that make rewards on a data set less meaningful, reported with figures before the first child.

Each finding is a warning, except that a validation split equal to the training split is an error, since its rewards
would mean nothing. The rules, with their numbers, are in docs/own_images.md.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from nas_keras.data.splits import has_usual_counts
from nas_keras.errors import InvalidValueError
from nas_keras.system.mapped_files import chunks

_MOST_CLASSES_NAMED = 20
_DOMINANT = 0.95  # fraction of a split beyond which guessing its most frequent class hides what a child has learned
_NAMES = {"train": "training", "valid": "validation", "test": "test"}


def check_splits(
    name: str, labels: Mapping[str, np.ndarray], images: Mapping[str, np.ndarray], *, class_names: Sequence[str]
) -> None:
    """Warns of classes that a split lacks or has in excess, of images in two splits, and of pixels almost black.

    Args:
        name: name of the data set.
        labels: split -> integers [N], from 0 to K - 1; "train", "valid" and optionally "test".
        images: split -> uint8 [N, H, W, C], the splits whose pixels may be read; at least "train" and "valid".
        class_names: the names of the K classes.

    Raises:
        InvalidValueError: if validation and training split hold the same images.
    """
    _check_overlap(name, images)
    _report_missing_classes(name, labels, class_names)
    _report_shares(name, labels, class_names)
    largest = max(int(chunk.max()) for chunk in chunks(images["train"]))
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


def _report_missing_classes(name: str, labels: Mapping[str, np.ndarray], class_names: Sequence[str]) -> None:
    is_missing = {part: np.bincount(found, minlength=len(class_names)) == 0 for part, found in labels.items()}
    nowhere = np.all(list(is_missing.values()), axis=0)
    if nowhere.any():
        logging.warning("%s: no split has an image of %s.", name, _name_classes(nowhere, class_names))
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
            _name_classes(missing, class_names),
            effect * (num_lost > 0),
        )


def _report_shares(name: str, labels: Mapping[str, np.ndarray], class_names: Sequence[str]) -> None:
    """Warns of a class that is almost all of a split, and of classes whose shares differ much between splits."""
    for part, found in labels.items():
        counts = np.bincount(found, minlength=len(class_names))
        largest = int(counts.argmax())
        if counts[largest] > _DOMINANT * len(found):
            logging.warning(
                "%s: %s of the %s %s images are of the class %s (%.1f %%). A child that always guesses it has that "
                "accuracy. Add images of the others, or leave some of these out.",
                name,
                f"{counts[largest]:,}",
                f"{len(found):,}",
                _NAMES[part],
                class_names[largest],
                100 * counts[largest] / len(found),
            )
    shares = {p: np.bincount(found, minlength=len(class_names)) / len(found) for p, found in labels.items()}
    for part in ("valid", "test"):
        if part in labels and not has_usual_counts([labels["train"], labels[part]]):
            worst = int(np.abs(shares[part] - shares["train"]).argmax())
            logging.warning(
                "%s: the classes have other shares in the %s split than in the training split, as if the images were "
                "sorted by class before they were split: %s is %.1f %% of the one and %.1f %% of the other. Shuffle "
                "the images before they are split, or let a fraction be drawn.",
                name,
                _NAMES[part],
                class_names[worst],
                100 * shares[part][worst],
                100 * shares["train"][worst],
            )


def _name_classes(is_named: np.ndarray, class_names: Sequence[str]) -> str:
    """Names classes as in "2 of the 10 classes: 3, 7"."""
    classes = np.flatnonzero(is_named)
    named = ", ".join(class_names[number] for number in classes[:_MOST_CLASSES_NAMED]) + ", ..." * (
        len(classes) > _MOST_CLASSES_NAMED
    )
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
    return [
        hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
        for chunk in chunks(images)
        for image in chunk
    ]
