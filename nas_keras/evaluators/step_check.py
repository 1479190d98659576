"""Checks a training step of a child that contains a user's code; the step is traced, and nothing is computed."""

from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.errors import InvalidValueError
from nas_keras.spaces.variables import (
    FROZEN,
    NO_GRADIENT,
    NOT_OWNED,
    VariableWatch,
    identities,
    identities_of,
    is_weight,
)

_READING = {"ReadVariableOp", "ResourceGather"}  # operations of a graph that do not change a variable
_PASSING = {"Identity", "Cast"}  # operations of a graph that do not change values
_SQUASHING = {"Softmax": "a softmax", "Sigmoid": "a sigmoid"}


def check_step(subject: str, model: Any, watch: VariableWatch) -> None:
    """Raises InvalidValueError for a weight that a training step reads but does not change, and for probabilities.

    A weight that is not trained, such as a moving average, must be assigned by the step itself.

    Args:
        subject: the user's code, which begins the message, such as "Operation 'mine'".
        model: a child.
        watch: the watch of its variables.
    """
    without_gradient = []

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8)])
    def step(images):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_sum(logits)
        gradients = tape.gradient(loss, model.trainable_weights)
        without_gradient.extend(w for w, g in zip(model.trainable_weights, gradients, strict=True) if g is None)
        return logits

    graph = step.get_concrete_function().graph
    for variable in filter(is_weight, graph.variables):
        if not identities(variable) & identities_of(model.weights):
            raise watch.refusal(subject, variable, NOT_OWNED)
    consumers = {id(handle): {op.type for op in inside.consumers()} for handle, inside in graph.captures}
    for _, variable in watch.created:
        if identities(variable) & identities_of(without_gradient):
            raise watch.refusal(subject, variable, NO_GRADIENT)
        if not variable.trainable and consumers.get(id(variable.handle), _READING) <= _READING:
            raise watch.refusal(subject, variable, FROZEN)
    made = graph.outputs[0].op
    while made.type in _PASSING:
        made = made.inputs[0].op
    if made.type in _SQUASHING:
        raise InvalidValueError(
            f"{subject} ends in {_SQUASHING[made.type]}, but the loss and the exported network expect logits and apply "
            "the softmax themselves. Leave out the last activation: tf.keras.layers.Dense(num_classes)."
        )
