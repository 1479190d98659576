"""Augmentation of training images: random flips, rotations and shifts, each image's own, drawn anew in each epoch.

NumPy draws everything beforehand from the child's training seed, and the graph of the input pipeline applies it. Keras'
own layers (`RandomFlip`, `RandomRotation`) give the same transformations but draw from generators with a state, which
another order of the operations would change.

`B` images of height `H`, width `W` and `C` channels, `K` images drawn; a draw is a dict from a name below to an array.
"""

from typing import Any

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.children.train_config import TrainConfig
from nas_keras.errors import InvalidValueError

_SHIFT, _FLIP, _ROTATE = 5, 6, 7  # purposes of random generators, a part of their seeds: [seed, purpose]


def check_shift(config: TrainConfig, image_shape: tuple[int, int, int]) -> None:
    """Raises InvalidValueError for a shift that would move whole images, [H, W, C], out of themselves."""
    side = min(image_shape[:2])
    if config.shift >= side:
        raise InvalidValueError(
            f"shift={config.shift} (--shift) is not allowed for images of {image_shape[0]}x{image_shape[1]} pixels: "
            f"many would be empty. Allowed: less than {side}; a tenth of that is usual."
        )


def draw(config: TrainConfig, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draws the transformations of `count` images; a transformation that `config` leaves out has no entry.

    Args:
        config: the settings of the training.
        count: the number K of images, over all epochs.
        seed: training seed of the child.

    Returns:
        "flip": bool [K]; "angle": float32 [K], in radians, counter-clockwise; "shift": int32 [K, 2], pixels down and to
        the right.
    """
    drawn: dict[str, np.ndarray] = {}
    if config.flip:
        drawn["flip"] = np.random.default_rng([seed, _FLIP]).random(count) < 0.5
    if config.rotate:
        largest = np.radians(config.rotate)
        drawn["angle"] = np.random.default_rng([seed, _ROTATE]).uniform(-largest, largest, count).astype(np.float32)
    if config.shift:
        drawn["shift"] = np.random.default_rng([seed, _SHIFT]).integers(
            -config.shift, config.shift + 1, size=(count, 2), dtype=np.int32
        )
    return drawn


def augment(images: Any, drawn: dict[str, Any]) -> Any:
    """Flips, then rotates, then shifts images by what was drawn for each of them.

    Args:
        images: uint8 [B, H, W, C].
        drawn: a draw for these B images.

    Returns:
        uint8 [B, H, W, C].
    """
    if "flip" in drawn:
        images = tf.where(drawn["flip"][:, None, None, None], tf.reverse(images, axis=[2]), images)
    if "angle" in drawn:
        images = _rotate(images, drawn["angle"])
    if "shift" in drawn:
        images = _shift(images, drawn["shift"])
    return images


def _rotate(images: Any, angles: Any) -> Any:
    """Rotates images about their centres by float32 [B] radians, counter-clockwise; fills the corners with 0."""
    _, height, width, _ = images.shape
    x, y = (width - 1) / 2, (height - 1) / 2  # the centre
    cos, sin = tf.cos(angles), tf.sin(angles)
    zeros = tf.zeros_like(angles)
    # Output pixel (u, v) is read at (a0 u + a1 v + a2, b0 u + b1 v + b2); rows count downwards.
    transforms = tf.stack(
        [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y, zeros, zeros], axis=1
    )  # [B, 8]
    rotated = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=transforms,
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.cast(tf.round(rotated), tf.uint8)


def _shift(images: Any, shifts: Any) -> Any:
    """Shifts images, uint8 [B, H, W, C], down and right by int32 [B, 2] pixels; fills with zeros."""
    for axis in (1, 2):
        size = images.shape[axis]
        source = tf.range(size)[None, :] - shifts[:, axis - 1, None]  # [B, size]
        inside = (source >= 0) & (source < size)
        moved = tf.gather(images, tf.clip_by_value(source, 0, size - 1), axis=axis, batch_dims=1)
        inside = tf.reshape(inside, [-1, size, 1, 1] if axis == 1 else [-1, 1, size, 1])
        images = tf.where(inside, moved, tf.zeros_like(moved))
    return images
