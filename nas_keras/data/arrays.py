"""Converts a user's images to uint8 if that is exact, and rejects others with advice; `labels.py` does so for labels.

Images are converted only if no value changes: those of any type whose values are whole numbers from 0 to 255. Any other
array is rejected with a message that contains the line to convert it. That line is derived from the measured range of
the values and never overflows.

`N` images of height `H`, width `W` and `C` channels.
"""

import itertools
import math
from typing import Any

import numpy as np

from nas_keras.data.labels import ALLOWED_LABELS, describe, read_labels
from nas_keras.errors import InvalidValueError, shown

_ALLOWED_IMAGES = "Allowed: uint8 [N, H, W, C], or whole numbers from 0 to 255 of another type."
_OVERSHOOT = 0.1  # distance by which resizing may exceed the range from 0 to 1
_DARKEST = 32  # smallest maximum of images from 0 to 255; a smaller one suggests another scale, such as standardized
_MOST_LOOKED_AT = 1_000  # items of a ragged list that are examined for the message


def to_pair(part: str, pair: object) -> tuple[np.ndarray, np.ndarray]:
    """Converts the images and labels of one split.

    Args:
        part: the name of the split, for messages.
        pair: (images, labels), arrays or array-like; images [N, H, W] are grey.

    Returns:
        Images uint8 [N, H, W, C], and labels as `read_labels` returns them; whether N agrees is not checked here.

    Raises:
        InvalidValueError: if a conversion would change a value, or the shapes cannot be those of images and labels.
    """
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        fraction = "" if part == "train" else f", or the fraction of train that becomes the {part} split"
        raise InvalidValueError(
            f"{part} is a {type(pair).__name__}. Allowed: a pair (images, labels) of arrays{fraction}."
        )
    images, labels = _to_array(f"{part} images", pair[0]), _to_array(f"{part} labels", pair[1])
    images = _to_images(f"{part} images", images)
    return images, read_labels(f"{part} labels", labels, len(images))


def _to_array(what: str, value: object) -> np.ndarray:
    if np.ma.is_masked(value):
        raise InvalidValueError(
            f"{what} are a masked array of which {np.ma.count_masked(value):,} values are masked. Allowed: arrays "
            "without a mask: leave out those images and labels, or give the values with .filled(0)."
        )
    try:
        array = np.asarray(value)
        if array.dtype == object:  # perhaps arrays of equal shape, or Python numbers
            array = np.asarray(array.tolist())
        if array.dtype != object:
            return array
        reason = f"NumPy makes an array of objects of shape {list(array.shape)} of them"
    except Exception as error:  # lists of unequal lengths, or an error of the value's class
        reason = str(error).rstrip(".")
    try:
        items: Any = value
        kinds = sorted({_kind(item) for item in itertools.islice(items, _MOST_LOOKED_AT)})
        reason = f"they hold {', '.join(kinds[:4])}{' and others' * (len(kinds) > 4)}"
    except TypeError:  # not iterable
        pass
    advice = (
        "Allowed: images of one size in one array: crop or resize them, then use numpy.stack."
        if what.endswith("images")
        else f"{ALLOWED_LABELS} Images with no label, or with several, must be left out."
    )
    raise InvalidValueError(f"{what} are {describe(value)}, not an array of numbers: {reason}. {advice}")


def _kind(item: Any) -> str:
    try:
        shape = np.shape(item)
    except ValueError:  # ragged itself
        shape = ()
    return f"{type(item).__name__}s of shape {list(shape)}" if shape else shown(item)[:40]


def _to_images(what: str, images: np.ndarray) -> np.ndarray:
    if images.dtype.kind not in "biuf":
        raise InvalidValueError(f"{what} are {describe(images)}. {_ALLOWED_IMAGES} Decode files and texts to pixels.")
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4:
        side = math.isqrt(images.shape[1]) if images.ndim == 2 else 0
        is_flat = side > 1 and side**2 == images.shape[1]
        advice = f" Flat rows become images with images.reshape(-1, {side}, {side})." if is_flat else ""
        raise InvalidValueError(
            f"{what} are {describe(images)}. Allowed: [N, H, W, C], or [N, H, W] for grey images.{advice}"
        )
    channels, height, width = images.shape[1:]
    if channels in (1, 3, 4) and width > 4:
        raise InvalidValueError(
            f"{what} are {describe(images)}, which looks like {channels} channels before a height of {height} and a "
            f"width of {width}. Allowed: [N, H, W, C]: images.transpose(0, 2, 3, 1) puts the channels last. If an "
            f"image is {channels} pixels high and has {width} channels, images.transpose(0, 2, 1, 3) turns it."
        )
    if images.dtype == np.uint8 or not images.size:
        return images.astype(np.uint8, copy=False)
    _refuse_not_finite(what, images)
    low, high = images.min(), images.max()
    is_scaled = images.dtype.kind == "b" or (images.dtype.kind == "f" and high <= 1)  # 1.0 is white, not 1 of 255
    if not is_scaled and low >= 0 and high <= 255 and (images.dtype.kind in "iu" or (images == np.rint(images)).all()):
        return images.astype(np.uint8)
    raise InvalidValueError(
        f"{what} are {describe(images)}, from {low:.7g} to {high:.7g}. {_ALLOWED_IMAGES} Convert every split with the "
        f"same line: {_conversion(images.dtype, float(low), float(high))}"
    )


def _refuse_not_finite(what: str, images: np.ndarray) -> None:
    finite = np.isfinite(images)
    if finite.all():
        return
    whole = finite.all(axis=(1, 2, 3))
    num_nan = int(np.isnan(images).sum())
    raise InvalidValueError(
        f"{what} are {describe(images)} and hold {num_nan:,} values that are NaN and "
        f"{finite.size - int(finite.sum()) - num_nan:,} that are infinite, in {len(whole) - int(whole.sum()):,} of the "
        f"{len(whole):,} images, the first of which is image {int(np.argmin(whole))}. {_ALLOWED_IMAGES} Repair the "
        "values, or leave out these images and their labels: keep = numpy.isfinite(images).reshape(len(images), "
        "-1).all(1); images, labels = images[keep], labels[keep]"
    )


def _conversion(dtype: np.dtype, low: float, high: float) -> str:
    """Returns a line of Python that maps `low`..`high` to 0..255 and clips values of other splits outside of it."""
    if dtype.kind == "b":
        return "255 * images.astype('uint8')"
    if low > -_OVERSHOOT and high < 1 + _OVERSHOOT:
        return "(255 * images).round().clip(0, 255).astype('uint8')"
    if low >= -0.5 and _DARKEST < high <= 255.5:  # fractions, as after resizing
        return "images.round().clip(0, 255).astype('uint8')"
    if low >= -1 and high <= 1:
        low, high = -1, 1
    elif dtype == np.int8:
        low, high = -128, 127
    elif low >= 0 and 255 < high <= 65_535:  # 10, 12 or 16 bits
        low, high = 0, 2 ** int(high).bit_length() - 1
    shift = f"{'-' if low > 0 else '+'} {_exactly(abs(low))}"
    shifted = f"(images.astype(float) {shift})" if low else "images"
    spread = high - low or 1  # all pixels are equal: any value
    return f"({shifted} * (255 / {_exactly(spread)})).round().clip(0, 255).astype('uint8')"


def _exactly(number: float) -> str:
    return repr(number).removesuffix(".0")
