"""Converts a child for LiteRT (TensorFlow Lite), in floating point or quantized to 8-bit integers.

Either file maps `images`, uint8 [N, H, W, C], to `probabilities` and `logits`, float32 [N, num_classes]. Its only
signature is `serving_default`; N may be changed by resizing the input.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.system.descriptors import memory_file

REPRESENTATIVE = 300  # training images from which the ranges of the activations are taken


def convert_lite(model: Any, *, representative: np.ndarray | None = None) -> bytes:
    """Converts a child.

    Args:
        model: the trained child.
        representative: images, uint8 [K, H, W, C], whose activations give the ranges of the 8-bit integers; None for a
            file in floating point.

    Returns:
        The content of a .tflite file.
    """
    function = serving_function(model).get_concrete_function()
    # The converter saves what owns the variables. Saving the Keras model itself would trace every layer again.
    owner = tf.Module()
    owner.weights = model.weights
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
    if representative is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in representative)
    with _quiet_stderr():
        return converter.convert()


def choose_representative(images: np.ndarray) -> np.ndarray:
    """Returns up to `REPRESENTATIVE` of the training images, [K, H, W, C], evenly spread over their order."""
    return np.asarray(images[np.linspace(0, len(images) - 1, min(REPRESENTATIVE, len(images))).astype(int)])


def serving_function(model: Any) -> Any:
    """Returns the `tf.function` from images, uint8 [N, H, W, C], that the formats of a fixed size convert."""

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8, name="images")])
    def serve(images: Any) -> dict[str, Any]:
        logits = model(tf.cast(images, tf.float32), training=False)
        return {"probabilities": tf.nn.softmax(logits), "logits": logits}

    return serve


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Discards what the converter writes to file descriptor 2 about each conversion."""
    with memory_file() as nowhere:
        stderr = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
