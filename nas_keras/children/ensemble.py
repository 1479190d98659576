"""Builds one network of several children: it answers with the mean of their probabilities."""

from collections.abc import Sequence
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.children.build import INPUT_NAME
from nas_keras.children.training import MakeModel

_LEAST = 1e-9  # probabilities below are raised to it, since the logarithm of 0 is infinite and has no 8-bit integer


def build_ensemble(
    make_children: Sequence[MakeModel], *, input_shape: tuple[int, int, int], num_classes: int, keras: Any = None
) -> Any:
    """Builds children that are not trained, and joins them; see `join_children`.

    Args:
        make_children: build the children, see `train_child`.
        input_shape: (H, W, C) of an image.
        num_classes: the number of classes.
        keras: the Keras module to build with, which functions of a user's own do not take; None: `tf.keras`.
    """
    settings = {} if keras is None else {"keras": keras}
    children = [make(input_shape=input_shape, num_classes=num_classes, **settings) for make in make_children]
    return join_children(children, keras=keras)


def join_children(children: Sequence[Any], *, keras: Any = None) -> Any:
    """Joins children into one model, whose logits are the logarithms of the mean of their probabilities.

    Args:
        children: models from images [B, H, W, C] to logits [B, num_classes], all of the same shapes. They become layers
            of the model, which shares their weights.
        keras: the Keras module that built them; None: `tf.keras`.

    Returns:
        An uncompiled `keras.Model` from images [B, H, W, C] to logits float32 [B, num_classes]. Its weights are those
        of the children, one after the other.
    """
    keras = tf.keras if keras is None else keras
    operations = keras.ops if hasattr(keras, "ops") else tf.math  # Keras 3 can save only operations of its own
    images = keras.Input(children[0].input_shape[1:], name=INPUT_NAME)
    probabilities = []
    for number, child in enumerate(children, start=1):
        # Every child has the same name, and the layers of a model need different ones.
        member = keras.Model(child.input, child.output, name=f"child_{number}")
        probabilities.append(keras.layers.Softmax(dtype="float32")(member(images)))
    mean = keras.layers.Average(dtype="float32")(probabilities)
    return keras.Model(images, operations.log(operations.maximum(mean, _LEAST)), name="ensemble")
