"""Counts the floating-point operations of a child's training step, layer by layer.

A multiplication and its addition count as two operations. Only convolutions and dense layers are counted, not the few
percent for normalization, activations and pooling, so that a rate computed from the count is a lower bound.
"""

import math


def training_flops(model) -> int:
    """Counts the operations of the forward and backward pass for one image.

    The backward pass of a layer consists of two products of the size of the forward one, for its weights and for its
    input; the first layer with weights needs only the former.

    Args:
        model: a built `tf.keras.Model` of layers, such as `build_child` makes.
    """
    forward = [flops for flops in map(_forward_flops, model.layers) if flops]
    return 3 * sum(forward) - forward[0]


def _forward_flops(layer) -> int:
    """Counts the operations of one layer for one image; 0 for a kind that is not counted."""
    kind = type(layer).__name__
    if kind == "Dense":
        return 2 * math.prod(layer.kernel.shape)
    if kind not in ("Conv2D", "SeparableConv2D", "DepthwiseConv2D"):
        return 0
    places = math.prod(layer.output_shape[1:3])
    # A kernel is [height, width, inputs, outputs]: each weight is used once at each place of the output.
    kernels = [weight for weight in layer.trainable_weights if len(weight.shape) == 4]
    return 2 * places * sum(math.prod(kernel.shape) for kernel in kernels)
