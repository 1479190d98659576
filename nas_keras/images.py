"""Images: the arrays of one data set, train and validation at hand, test on demand. Knows no child and no TFDS.

Whoever trains scales, shuffles and batches; here the pixels stay as the data set has them, uint8, in stored order.
`N` images of height `H`, width `W` and `C` channels; labels are 0 to num_classes - 1.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nas_keras.errors import DataError, InvalidValueError, check_at_least, check_name

Pair = tuple[np.ndarray, np.ndarray]  # images [N, H, W, C], labels [N]


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """The images of one data set in memory, in a fixed order; the test split stays unread until `test()`.

    Attributes:
        name: what people call the data set.
        train_images: uint8 [N, H, W, C].
        train_labels: int32 [N].
        valid_images: uint8 [M, H, W, C]; rewards are measured on these.
        valid_labels: int32 [M].
        num_classes: labels are 0 to num_classes - 1.
        load_test: reads the test split, (images uint8 [K, H, W, C], labels int32 [K]); None if there is none.
        source: a JSON value from which `load_images` can load the same again; empty for arrays.
    """

    name: str
    train_images: np.ndarray = dataclasses.field(repr=False)
    train_labels: np.ndarray = dataclasses.field(repr=False)
    valid_images: np.ndarray = dataclasses.field(repr=False)
    valid_labels: np.ndarray = dataclasses.field(repr=False)
    num_classes: int
    load_test: Callable[[], Pair] | None = dataclasses.field(default=None, repr=False)
    source: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check_name("An image set's name", self.name)
        check_at_least("num_classes", self.num_classes, 2, at_most=1_000_000)
        _check_pair("train", self.train_images, self.train_labels, self.num_classes, None)
        _check_pair("valid", self.valid_images, self.valid_labels, self.num_classes, self.image_shape)

    @classmethod
    def from_arrays(
        cls, train: Pair, valid: Pair, *, test: Pair | None = None, num_classes: int | None = None, name: str = "arrays"
    ) -> "Images":
        """Makes `Images` of arrays in memory.

        Args:
            train: (images uint8 [N, H, W, C] or [N, H, W], labels of any integer type [N]).
            valid: the same for validation; it must share no image with `train` for a reward to mean anything.
            test: the same for the final test, or None.
            num_classes: number of classes; None: one more than the largest label.
            name: what people call the data set.
        """
        pairs = {part: _to_pair(part, pair) for part, pair in (("train", train), ("valid", valid))}
        if test is not None:
            pairs["test"] = _to_pair("test", test)
        if num_classes is None:
            num_classes = 1 + max((labels.max() for _, labels in pairs.values() if labels.size), default=0)
        if isinstance(num_classes, (np.integer, np.floating)):  # what labels.max() + 1 gives
            num_classes = num_classes.item()
        images = cls(
            name,
            *pairs["train"],
            *pairs["valid"],
            num_classes=num_classes,
            # Not a lambda, so that the whole can be pickled for a worker.
            load_test=functools.partial(tuple, pairs["test"]) if "test" in pairs else None,
        )
        if test is not None:
            images.test()  # It costs nothing here, and a wrong array is reported before the search and not after it.
        return images

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return tuple(self.train_images.shape[1:])

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of shapes, types and contents of train and validation; the order is part of it."""
        digest = hashlib.sha256()
        for part in ("train_images", "train_labels", "valid_images", "valid_labels"):
            array = getattr(self, part)
            digest.update(f"{part} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    def test(self) -> Pair:
        """The test split, (images uint8 [K, H, W, C], labels int32 [K]), read at the first call and kept."""
        return self._test

    @functools.cached_property
    def _test(self) -> Pair:
        if self.load_test is None:
            raise DataError(f"{self.name} has no test split: pass test=(images, labels) to Images.from_arrays.")
        images, labels = self.load_test()
        _check_pair("test", images, labels, self.num_classes, self.image_shape)
        return images, labels


def _to_pair(part: str, pair: Pair) -> Pair:
    """Converts (images, labels) given by the user to the shapes and types of `Images`, where that changes no value."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InvalidValueError(f"{part} is a {type(pair).__name__}. Allowed: a pair (images, labels) of arrays.")
    images, labels = (np.asarray(array) for array in pair)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if labels.dtype.kind in "iu" and np.array_equal(labels.astype(np.int32), labels):
        labels = labels.astype(np.int32)
    return images, labels


def _check_pair(part: str, images: np.ndarray, labels: np.ndarray, num_classes: int, image_shape: tuple | None) -> None:
    """Raises InvalidValueError unless images and labels are what `Images` promises."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        raise InvalidValueError(
            f"{part} images are {_describe(images)}. Allowed: uint8 [N, H, W, C], 0 to 255; floats from 0 to 1 become "
            "that with (255 * images).round().astype('uint8')."
        )
    if not isinstance(labels, np.ndarray) or labels.dtype != np.int32 or labels.ndim != 1:
        raise InvalidValueError(
            f"{part} labels are {_describe(labels)}. Allowed: int32 [N] (Images.from_arrays takes every integer type); "
            "one-hot rows become that with labels.argmax(-1), a column with labels.reshape(-1)."
        )
    if len(images) != len(labels) or images.size == 0:
        raise InvalidValueError(
            f"{part} images are {_describe(images)}, with {len(labels)} labels. Allowed: at least one image and one "
            "label for each; see how the arrays were cut."
        )
    if image_shape is not None and images.shape[1:] != image_shape:
        raise InvalidValueError(
            f"{part} images are {_describe(images)}. Allowed: {list(image_shape)} each, as the train images are; bring "
            "both to one size first."
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise InvalidValueError(
            f"{part} labels run from {labels.min()} to {labels.max()}. Allowed: 0 to {num_classes - 1}, as "
            f"num_classes={num_classes}; a larger num_classes, or labels that count from 0, are the way out."
        )


def _describe(array: object) -> str:
    return f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
