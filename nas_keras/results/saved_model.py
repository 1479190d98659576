"""Saves a child as a SavedModel whose signature rejects images of another shape."""

import os

from nas_keras._tensorflow import tf
from nas_keras.children.build import INPUT_NAME


def save_child(model, path: str | os.PathLike) -> None:
    """Saves a child as a SavedModel.

    The signature `serving_default` maps `images`, uint8 [N, H, W, C] with values from 0 to 255 as in the data set, to
    `logits` and `probabilities`, float32 [N, num_classes]. Images of any other shape raise InvalidArgumentError; the
    child itself would accept them, since it averages over height and width, and its answers would be meaningless.
    `tf.saved_model.load`, `tf_keras.models.load_model` and, in stock Keras 3, `TFSMLayer(path,
    call_endpoint="serving_default")` can load it.

    Args:
        model: the trained child.
        path: the folder to write.
    """

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8, name=INPUT_NAME)])
    def serve(images):
        logits = model(_checked(images, model.input_shape), training=False)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    model.save(str(path), save_format="tf", include_optimizer=False, signatures={"serving_default": serve})


def _checked(images, shape: tuple[int | None, ...]):
    """Returns `images` after an assertion in the graph that their shape is `shape`, (None, H, W, C)."""
    # A loaded signature does not compare shapes, and a graph trusts the shapes of its signature, so that a plain check
    # would be optimized away. The output of this operation has a shape that is known only when the graph runs.
    images = tf.compat.v1.placeholder_with_default(images, shape=None)
    given = tf.shape(images)
    same_size = tf.raw_ops.Equal(x=given[1:], y=tf.constant(shape[1:]), incompatible_shape_error=False)
    is_right = tf.reduce_all(same_size) & tf.equal(tf.rank(images), len(shape)) & (tf.size(images) > 0)
    message = f"The images must be uint8 [N, {', '.join(map(str, shape[1:]))}] with N of at least 1. Their shape is"
    with tf.control_dependencies([tf.debugging.Assert(is_right, [message, given], summarize=10)]):
        return tf.ensure_shape(tf.identity(images), shape)
