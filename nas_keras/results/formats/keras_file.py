"""Saves a child as a `.keras` file that stock Keras 3 loads, by building the same layers with Keras 3.

The file maps `images` [N, any height, any width, C], with values from 0 to 255, to probabilities [N, num_classes]. The
preprocessing is part of the model, as layers and operations of Keras itself, so that no code of this package is needed.
"""

import importlib.util
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nas_keras.errors import NasKerasError, in_one_line


class NotPortableError(Exception):
    """The child cannot be saved in a format; the message is the reason, and it never leaves this package."""


def load_keras() -> Any:
    """Imports Keras 3, with TensorFlow as its backend, beside the tf_keras of this process.

    Raises:
        NotPortableError: if this process has another backend already, or `keras` is not Keras 3.
    """
    if importlib.util.find_spec("keras") is None:
        raise NotPortableError("the package `keras` is not installed")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # a user's ~/.keras/keras.json may name another one
    import keras

    if not keras.__version__.startswith("3.") or keras.backend.backend() != "tensorflow":
        raise NotPortableError(f"the package `keras` is version {keras.__version__} on {keras.backend.backend()} here")
    return keras


def save_keras(
    build: Callable[..., Any], weights: Sequence[np.ndarray], path: pathlib.Path, *, shape: tuple[int, int, int]
) -> None:
    """Builds a child with Keras 3, gives it the trained weights, puts the preprocessing before it and saves it.

    Args:
        build: called as build(keras=keras); returns the uncompiled child, see `build_child`.
        weights: the weights of the trained child, in Keras' order.
        path: the file to write, which ends in .keras.
        shape: (H, W, C) of the images that the child takes.

    Raises:
        NotPortableError: if an operation of the user cannot be built with Keras 3, or is not part of stock Keras.
    """
    keras = load_keras()
    try:
        child = build(keras=keras)
    except NasKerasError as error:
        raise NotPortableError(f"it cannot be built with Keras 3: {in_one_line(error)}") from error
    for layer in _layers(keras, child):
        module = type(layer).__module__
        if module.partition(".")[0] != "keras":
            raise NotPortableError(f"its layer {type(layer).__name__} of {module} is not part of stock Keras")
    child.set_weights(weights)

    images = keras.Input((None, None, shape[2]), name="images")
    x = keras.layers.Resizing(*shape[:2], interpolation="bilinear", antialias=True)(images)
    x = keras.ops.clip(keras.ops.round(x), 0, 255)
    probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")(child(x))
    keras.Model(images, probabilities, name="classifier").save(path)


def _layers(keras: Any, model: Any) -> Iterator[Any]:
    """Yields all layers of a model, those inside of other models too."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(keras, layer)
