"""The images of one data set: train and validation split in memory, test split on demand. It does not know TFDS.

Scaling, shuffling and batching are left to the training; here the pixels are those of the data set, uint8, in a fixed
order. `N` images of height `H`, width `W` and `C` channels; labels are 0 to num_classes - 1.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nas_keras.data.arrays import describe, to_pair
from nas_keras.data.checks import check_splits, find_hidden
from nas_keras.errors import DataError, InvalidValueError, check_at_least, check_name

Pair = tuple[np.ndarray, np.ndarray]  # images [N, H, W, C], labels [N]


@dataclasses.dataclass(frozen=True, eq=False)
class HeldOutSplit:
    """A test split whose labels are known before it is read, so that they can be checked with those of the others.

    Attributes:
        read: reads the split, (images uint8 [N, H, W, C], labels int32 [N]).
        labels: int32 [N].
        images: uint8 [N, H, W, C] if they are in memory already, or None.
    """

    read: Callable[[], Pair]
    labels: np.ndarray
    images: np.ndarray | None = None

    @classmethod
    def of(cls, pair: Pair) -> "HeldOutSplit":
        """Makes a test split of arrays in memory."""
        images, labels = pair
        return cls(functools.partial(_as_pair, images, labels), labels, images)  # a lambda could not be pickled

    def __call__(self) -> Pair:
        """Reads the split."""
        return self.read()


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """The images of one data set in memory, in a fixed order; the test images are not read before `test()`.

    `Images.from_arrays` and `load_images` make it; the former converts arrays of other types. Splits on which a reward
    would say little are reported in warnings, however the object is made.

    Attributes:
        name: name of the data set, for messages and recipes.
        train_images: uint8 [N, H, W, C].
        train_labels: int32 [N].
        valid_images: uint8 [M, H, W, C], on which rewards are measured.
        valid_labels: int32 [M].
        num_classes: number of classes; labels are 0 to num_classes - 1.
        load_test: reads the test split, (images uint8 [K, H, W, C], labels int32 [K]); None if there is none.
        source: a JSON value from which `load_source` can load the same images again; empty for arrays.

    Raises:
        InvalidValueError: if an array has another type or shape, or both splits hold the same images.
    """

    name: str
    train_images: np.ndarray = dataclasses.field(repr=False)
    train_labels: np.ndarray = dataclasses.field(repr=False)
    valid_images: np.ndarray = dataclasses.field(repr=False)
    valid_labels: np.ndarray = dataclasses.field(repr=False)
    num_classes: int
    load_test: Callable[[], Pair] | None = dataclasses.field(default=None, repr=False)
    source: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("An image set's name", self.name)
        check_at_least("num_classes", self.num_classes, 2, at_most=1_000_000)
        _check_pair("train", self.train_images, self.train_labels, self.num_classes, None)
        _check_pair("valid", self.valid_images, self.valid_labels, self.num_classes, self.image_shape)
        labels = {"train": self.train_labels, "valid": self.valid_labels}
        images = {"train": self.train_images, "valid": self.valid_images}
        if isinstance(self.load_test, HeldOutSplit):
            labels["test"] = self.load_test.labels
            if self.load_test.images is not None:
                images["test"] = self.load_test.images
                self.test()  # costs nothing here, and reports a wrong array before the search instead of after it
        check_splits(self.name, labels, images, num_classes=self.num_classes)

    @classmethod
    def from_arrays(
        cls, train: Pair, valid: Pair, *, test: Pair | None = None, num_classes: int | None = None, name: str = "arrays"
    ) -> "Images":
        """Makes `Images` from arrays in memory.

        Images of another type than uint8 are converted if their values are whole numbers from 0 to 255 (floats of at
        most 1 are assumed to be scaled and are rejected), and labels if they are whole numbers. Any other array is
        rejected with a message that contains the line to convert it. A test split with hidden labels (-1) is dropped
        with a warning.

        Args:
            train: (images [N, H, W, C] or [N, H, W], labels [N]) for training.
            valid: the same for validation; images that are also in `train` are counted in a warning.
            test: the same for the final test, or None.
            num_classes: number of classes; None: one more than the largest label.
            name: name of the data set.

        Raises:
            InvalidValueError: if an array cannot be used, or `valid` has the same images as `train`.
        """
        check_name("An image set's name", name)
        pairs = {part: to_pair(part, pair) for part, pair in (("train", train), ("valid", valid))}
        if test is not None:
            pairs["test"] = to_pair("test", test)
            if find_hidden(name, pairs["test"][1]):
                del pairs["test"]
        if num_classes is None:
            num_classes = _count_classes([labels for _, labels in pairs.values()])
        return cls(
            name,
            *pairs["train"],
            *pairs["valid"],
            num_classes=int(num_classes) if isinstance(num_classes, np.integer) else num_classes,
            load_test=HeldOutSplit.of(pairs["test"]) if "test" in pairs else None,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image, (H, W, C)."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the shapes, types and contents of train and validation, which depends on their order."""
        digest = hashlib.sha256()
        for part in ("train_images", "train_labels", "valid_images", "valid_labels"):
            array = getattr(self, part)
            digest.update(f"{part} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def test(self) -> Pair:
        """Returns the test split, (images uint8 [K, H, W, C], labels int32 [K]), which the first call reads."""
        return self._test

    @functools.cached_property
    def _test(self) -> Pair:
        if self.load_test is None:
            raise DataError(f"{self.name} has no test split: pass test=(images, labels) to Images.from_arrays.")
        images, labels = self.load_test()
        _check_pair("test", images, labels, self.num_classes, self.image_shape)
        return images, labels


def _as_pair(images: np.ndarray, labels: np.ndarray) -> Pair:
    return images, labels


def _count_classes(labels: list[np.ndarray]) -> int:
    """Returns one more than the largest label of all splits."""
    together = np.concatenate(labels)
    if not together.size:
        return 2  # any number: the check of the splits reports that they are empty
    low, high = int(together.min()), int(together.max())
    if low > 0:
        raise InvalidValueError(
            f"The labels run from {low} to {high}, so that no image has label 0. Allowed: labels that count from 0: "
            f"pass labels - {low} for every split, or num_classes={high + 1} if there are classes without images."
        )
    return high + 1


def _check_pair(part: str, images: np.ndarray, labels: np.ndarray, num_classes: int, image_shape: tuple | None) -> None:
    """Raises InvalidValueError unless images and labels have the types and shapes that `Images` promises."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        raise InvalidValueError(
            f"{part} images are {describe(images)}. Allowed: uint8 [N, H, W, C]; Images.from_arrays converts other "
            "types, or says how to."
        )
    if not isinstance(labels, np.ndarray) or labels.dtype != np.int32 or labels.ndim != 1:
        raise InvalidValueError(
            f"{part} labels are {describe(labels)}. Allowed: int32 [N]; Images.from_arrays converts other types, or "
            "says how to."
        )
    if len(images) != len(labels) or images.size == 0:
        raise InvalidValueError(
            f"{part} images are {describe(images)}, with {len(labels)} labels. Allowed: at least one image and one "
            "label for each; check how the arrays were split."
        )
    if image_shape is not None and images.shape[1:] != image_shape:
        raise InvalidValueError(
            f"{part} images are {describe(images)}. Allowed: {list(image_shape)} each, as the train images are; bring "
            "both to one size first."
        )
    if labels.min() < 0:
        raise InvalidValueError(
            f"{part} labels run from {labels.min()} to {labels.max()}. Allowed: 0 to {num_classes - 1}. Images whose "
            "label is hidden or unknown (-1) must be left out."
        )
    if labels.max() >= num_classes:
        raise InvalidValueError(
            f"{part} labels run from {labels.min()} to {labels.max()}. Allowed: 0 to {num_classes - 1}, as "
            f"num_classes={num_classes}. Pass a larger num_classes, or labels that count from 0."
        )
