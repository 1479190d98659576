"""Images with their labels, the two arrays of one split: their types and shapes, and a split that is read on demand."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from nas_keras.data.labels import describe
from nas_keras.errors import InvalidValueError

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


def _as_pair(images: np.ndarray, labels: np.ndarray) -> Pair:
    return images, labels


def check_pair(part: str, images: np.ndarray, labels: np.ndarray, num_classes: int, image_shape: tuple | None) -> None:
    """Raises InvalidValueError unless images and labels have the types and shapes that `nk.Images` promises."""
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
    check_length(part, images, labels)
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


def check_length(part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Raises InvalidValueError unless there is at least one image, and a label for each."""
    if len(images) != len(labels) or images.size == 0:
        raise InvalidValueError(
            f"{part} images are {describe(images)}, with {len(labels)} labels. Allowed: at least one image and one "
            "label for each; check how the arrays were split."
        )
