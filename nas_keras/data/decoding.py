"""Decodes one image file to uint8 pixels: PNG, JPEG, BMP, GIF (its first frame) and WebP.

The pixels of a file follow from its content by these rules:

- The orientation in its EXIF data is applied.
- Transparent pixels are blended with white.
- 16-bit values v become round(v / 257), which maps 65535 to 255.
- If an image has to be resized, `resize` does so, by the bilinear, antialiased `tf.image.resize`. An exported network
  can do the same in TensorFlow. The aspect ratio is not kept.

Images have height `H`, width `W` and `C` channels, 1 (grey) or 3 (RGB).
"""

import errno
import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from nas_keras._tensorflow import tf
from nas_keras.errors import DataError, InvalidValueError, check_at_least, shown

RESIZE = "tf.image.resize, bilinear, antialias=True; rounded, clipped to 0..255"  # recorded with the images
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")

_MOST_PIXELS = 10_000  # along a side
_GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"}  # Pillow's modes without colour
_ORIENTATION = 0x0112  # EXIF
_SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange height and width
# Errors of the machine and not of the file, which would leave out good images.
_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE)


class Header(NamedTuple):
    """What a file says about its image: height and width in pixels as it is shown, and whether it has no colour."""

    height: int
    width: int
    is_grey: bool


class UnreadableError(Exception):
    """An image file that cannot be decoded; the message is the reason, and it never leaves this package."""


def read_header(path: pathlib.Path) -> Header:
    """Reads the size and kind of an image without decoding it.

    Raises:
        UnreadableError: if the file is not an image of an allowed format.
        DataError: if the machine cannot read files now.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            # Without EXIF data before its pixels, Pillow would decode a whole PNG file in search of them.
            has_exif = image.format != "PNG" or "exif" in image.info
            if has_exif and image.getexif().get(_ORIENTATION) in _SIDEWAYS:
                width, height = height, width
            return Header(height, width, image.mode in _GREY)
    except Exception as error:  # a corrupt file makes Pillow raise errors of many kinds
        raise _unreadable(path, error) from error


def decode(path: pathlib.Path, size: Sequence[int], num_channels: int, *, may_resize: bool) -> np.ndarray:
    """Decodes an image.

    Args:
        path: the file.
        size: (H, W) of the result.
        num_channels: 1 or 3; with 1, colours become grey.
        may_resize: whether an image of another size is resized or unreadable.

    Returns:
        Its pixels, uint8 [H, W, C].

    Raises:
        UnreadableError: if the file cannot be decoded.
        DataError: if the machine cannot read files now.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            pixels = _to_pixels(ImageOps.exif_transpose(image), num_channels)
        if pixels.shape[:2] == tuple(size):
            return pixels
        if not may_resize:
            raise ValueError(f"its size is {pixels.shape[0]},{pixels.shape[1]}")
        with tf.device("CPU:0"):  # the same result on every machine
            return resize(pixels, size).numpy()
    except Exception as error:
        raise _unreadable(path, error) from error


def resize(image: Any, size: Sequence[int]) -> Any:
    """Resizes an image, uint8 [H, W, C], to (H, W) pixels: bilinear, antialiased, rounded; the aspect ratio changes."""
    resized = tf.image.resize(image, size, antialias=True)  # float32, may overshoot
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def check_image_size(image_size: object) -> None:
    """Raises InvalidValueError unless it is None or (H, W) in pixels."""
    if image_size is None:
        return
    if not isinstance(image_size, (tuple, list)) or len(image_size) != 2:
        raise InvalidValueError(f"image_size={shown(image_size)} is not allowed: it must be (height, width) in pixels.")
    for side in image_size:
        check_at_least("image_size", side, 1, at_most=_MOST_PIXELS)


def _to_pixels(image: Any, num_channels: int) -> np.ndarray:
    if image.mode == "I" or image.mode.startswith("I;"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError(f"its values run from {values.min()} to {values.max()}, which is more than 16 bits")
        image = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    pixels = np.asarray(image.convert("L" if num_channels == 1 else "RGB"))
    return pixels[..., np.newaxis] if num_channels == 1 else pixels


def _unreadable(path: pathlib.Path, error: Exception) -> Exception:
    """Returns the exception that tells why a file cannot be read."""
    if isinstance(error, MemoryError):
        return error
    code = error.errno if isinstance(error, OSError) else None
    if code in _MACHINE:
        return DataError(f"{path} cannot be read now: {os.strerror(code)}. Fix that, then start again.")
    if isinstance(error, UnidentifiedImageError):
        empty = "the file is empty" if path.stat().st_size == 0 else None
        return UnreadableError(empty or "not a PNG, JPEG, BMP, GIF or WebP image")
    return UnreadableError(os.strerror(code) if code else str(error) or type(error).__name__)
