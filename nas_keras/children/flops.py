"""Counts the floating-point operations of a network, layer by layer.

A multiplication and its addition count as two operations (a multiply-add is 2 FLOPs, half of which other papers call
MACs). Only convolutions and dense layers are counted, without their biases, and not the few percent for normalization,
activations and pooling, so that a rate computed from the count is a lower bound.
"""

import math
from typing import Any

from nas_keras._tensorflow import tf

# Layers that multiply by kernels. Each weight of a kernel is used once at each place of the output.
_AT_OUTPUTS = ("Dense", *(f"{kind}{d}D" for kind in ("Conv", "SeparableConv", "DepthwiseConv") for d in (1, 2, 3)))
_AT_INPUTS = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")  # once at each place of the input
_UNCOUNTED = ("Embedding", "LayerNormalization", "PReLU")  # their weights of two or more axes multiply no matrix


def count_flops(model: Any) -> float:
    """Counts the operations with which a network computes the logits of one image.

    Args:
        model: a built functional `tf.keras.Model`, such as `build_child` makes.

    Returns:
        A whole number, or NaN if the model has a layer with a matrix or kernel of weights that is of no known kind.
    """
    counts = [_forward_flops(*call) for call in _calls(model)]
    return float(sum(counts)) if counts else math.nan


def training_flops(model: Any) -> int:
    """Counts the operations of the forward and backward pass for one image.

    The backward pass of a layer consists of two products of the size of the forward one, for its weights and for its
    input; the first layer with weights needs only the former.

    Args:
        model: see `count_flops`.
    """
    forward = [int(flops) for flops in (_forward_flops(*call) for call in _calls(model)) if flops]
    return 3 * sum(forward) - forward[0]


def _calls(model: Any) -> list[tuple[Any, Any, Any]]:
    """Returns (layer, shape of its input, shape of its output) for each call of a layer, in order; [] if unknown."""
    levels = getattr(model, "_nodes_by_depth", None)  # nothing public tells how often a layer is called
    if not levels:
        return []
    nodes = [node for depth in sorted(levels, reverse=True) for node in levels[depth]]
    return [(node.layer, node.input_shapes, node.output_shapes) for node in nodes]


def _forward_flops(layer: Any, input_shape: Any, output_shape: Any) -> float:
    """Counts the operations of one call of a layer for one image; NaN for a layer of unknown kind."""
    if isinstance(layer, tf.keras.Model):
        return count_flops(layer)
    # A kernel is [height, width, inputs, outputs], and fewer or more places in other dimensions.
    kernels = [weight.shape for weight in layer.weights if len(weight.shape) > 1]
    kind = next((name for name in (*_AT_OUTPUTS, *_AT_INPUTS, *_UNCOUNTED) if _is_of(layer, name)), None)
    if not kernels or kind in _UNCOUNTED:
        return 0
    if kind is None:
        return math.nan
    shape = input_shape if kind in _AT_INPUTS else output_shape
    return 2 * math.prod(shape[1:-1]) * sum(map(math.prod, kernels))


def _is_of(layer: Any, kind: str) -> bool:
    """Returns whether a layer is of a kind of Keras' own; a class derived from it may compute something else."""
    return type(layer) is getattr(tf.keras.layers, kind, None)
