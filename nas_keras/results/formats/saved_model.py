"""Saves a child as a SavedModel with two signatures: for images of any size, and for encoded files."""

import os
from collections.abc import Sequence
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.children.build import INPUT_NAME
from nas_keras.results.formats.preprocessing import DECODABLE, check_images, decode_files, fit_images

FILES_NAME = "encoded"  # the input's name in the signature for files


def save_child(model: Any, path: str | os.PathLike, class_names: Sequence[str], *, is_own: bool = False) -> None:
    """Saves a child as a SavedModel.

    The signature `serving_default` maps `images`, uint8 [N, any height, any width, C] with values from 0 to 255, to
    `logits` and `probabilities`, float32 [N, num_classes], `class`, int64 [N], and `class_name`, string [N]. The
    signature `serving_bytes` does the same for `encoded`, the contents of PNG or JPEG files, strings [N] or a single
    one; a child of images with another number of channels than 1, 3 or 4 has none. Anything else raises
    InvalidArgumentError. `tf.saved_model.load`, `tf_keras.models.load_model` and, in stock Keras 3, `TFSMLayer(path,
    call_endpoint="serving_default")` can load it.

    Args:
        model: the trained child.
        path: the folder to write.
        class_names: the names of the classes.
        is_own: whether code of the user is part of it; then the graph of each layer is saved too, since tf_keras cannot
            rebuild the layers from their names and settings. That takes more than twice as long.
    """
    shape = tuple(model.input_shape[1:])
    names = tf.constant(list(class_names))
    # The specifications leave the rank open, see `check_images`.

    def answer(images: Any) -> dict[str, Any]:
        logits = model(images, training=False)
        number = tf.argmax(logits, axis=-1)
        return {
            "logits": logits,
            "probabilities": tf.nn.softmax(logits),
            "class": number,
            "class_name": tf.gather(names, number),
        }

    @tf.function(input_signature=[tf.TensorSpec(None, tf.uint8, name=INPUT_NAME)])
    def serve(images: Any) -> dict[str, Any]:
        return answer(fit_images(check_images(images, shape), shape))

    @tf.function(input_signature=[tf.TensorSpec(None, tf.string, name=FILES_NAME)])
    def serve_files(encoded: Any) -> dict[str, Any]:
        return answer(decode_files(encoded, shape))

    signatures = {"serving_default": serve}
    if shape[2] in DECODABLE:
        signatures["serving_bytes"] = serve_files
    model.save(str(path), save_format="tf", include_optimizer=False, signatures=signatures, save_traces=is_own)
