"""Saves a child as a SavedModel whose signature refuses images of another shape."""

import os

from nas_keras._tensorflow import tf
from nas_keras.children.build import INPUT_NAME


def save_child(model, path: str | os.PathLike) -> None:
    """Saves a child as a SavedModel.

    Its `serving_default` takes `images`, uint8 [N, H, W, C] from 0 to 255 as the data set has them, and gives `logits`
    and `probabilities`, float32 [N, num_classes]. Images of any other shape are an InvalidArgumentError: a child would
    take them, since it averages over height and width, and answer at random. `tf.saved_model.load`,
    `tf_keras.models.load_model` and, in stock Keras 3, `TFSMLayer(path, call_endpoint="serving_default")` read it.
    """

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8, name=INPUT_NAME)])
    def serve(images):
        logits = model(_checked(images, model.input_shape), training=False)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    model.save(str(path), save_format="tf", include_optimizer=False, signatures={"serving_default": serve})


def _checked(images, shape: tuple[int | None, ...]):
    """`images`, once the graph that runs has found them to be of `shape`, (None, H, W, C)."""
    # A loaded signature does not compare shapes, and a graph takes those of its signature for granted, so that a check
    # would be optimized away. What passes through this operation has a shape that is known only when it runs.
    images = tf.compat.v1.placeholder_with_default(images, shape=None)
    given = tf.shape(images)
    same_size = tf.raw_ops.Equal(x=given[1:], y=tf.constant(shape[1:]), incompatible_shape_error=False)
    is_right = tf.reduce_all(same_size) & tf.equal(tf.rank(images), len(shape)) & (tf.size(images) > 0)
    message = f"The images must be uint8 [N, {', '.join(map(str, shape[1:]))}] with N of at least 1. Their shape is"
    with tf.control_dependencies([tf.debugging.Assert(is_right, [message, given], summarize=10)]):
        return tf.ensure_shape(tf.identity(images), shape)
