"""Builds the child network of a cell as a Keras model; `training.py` trains it.

A child is a stem, then stages of cells, then a head. Between stages height and width are halved and the filters are
doubled, so the input of a cell always has the filters of its stage.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.errors import InvalidValueError, check_at_least, check_flag, check_type, shown, use_python_numbers
from nas_keras.spaces import operations
from nas_keras.spaces.cell import CONCAT, Cell, Tree
from nas_keras.spaces.variables import VariableWatch

INPUT_NAME = "images"  # the input's name in the SavedModel's signature
_MOST = {"filters": 4_096, "stages": 16, "cells_per_stage": 100, "stem_stride": 100}  # more is taken for a typing error
MOST_IN_LAST = 16_384
_MOST_PIXELS, _MOST_CLASSES = 100_000, 1_000_000  # the former along a side of an image


@dataclasses.dataclass(frozen=True)
class ChildConfig:
    """The shape of a child network around its cell.

    Attributes:
        filters: number of filters of the stem and the first stage; it doubles from stage to stage.
        stages: number of stages; between two of them a 2x2 max pool halves height and width.
        cells_per_stage: number of repetitions of the cell in a stage.
        stem_stride: stride of the stem's 3x3 convolution. A stride of 2 cuts the cost of a child to a quarter.
        batch_norm_momentum: momentum of the moving averages. With 0.9 they converge within a short training; with
            Keras' default of 0.99 they do not.
        dropout: fraction of the features before the last layer that a training step leaves out, 0 or more and less
            than 1.
    """

    filters: int = 16
    stages: int = 2
    cells_per_stage: int = 1
    stem_stride: int = 2
    batch_norm_momentum: float = 0.9
    dropout: float = dataclasses.field(default=0.0, metadata={"later": True})

    def __post_init__(self) -> None:
        use_python_numbers(self)
        for name, most in _MOST.items():
            check_at_least(name, getattr(self, name), 1, at_most=most)
        last = self.filters * 2 ** (self.stages - 1)
        if last > MOST_IN_LAST:
            raise InvalidValueError(
                f"filters={self.filters} with stages={self.stages} is not allowed: the last stage would have {last:,} "
                f"filters, and at most {MOST_IN_LAST:,} fit into memory. Use fewer filters or stages."
            )
        check_at_least("batch_norm_momentum", self.batch_norm_momentum, 0, integer=False)
        if self.batch_norm_momentum >= 1:
            raise InvalidValueError(f"batch_norm_momentum={self.batch_norm_momentum} must be below 1; 0.9 is usual.")
        check_at_least("dropout", self.dropout, 0, integer=False)
        if self.dropout >= 1:
            raise InvalidValueError(f"dropout={self.dropout} must be below 1; 0.2 to 0.5 are usual.")
        object.__setattr__(self, "dropout", float(self.dropout))  # 0 and 0.0 are one recipe


def build_child(
    cell: Cell,
    config: ChildConfig | None = None,
    *,
    input_shape: Sequence[int],
    num_classes: int,
    keras: Any = None,
    synchronized_norm: bool = False,
    watch: VariableWatch | None = None,
) -> Any:
    """Builds the child network of `cell` in canonical form: equal keys give the same model, layer for layer.

    Args:
        cell: the cell of every stage.
        config: the network around the cell; None: `ChildConfig()`.
        input_shape: (height, width, channels) of an image.
        num_classes: number of classes, at least 2.
        keras: the Keras module to build with; None: `tf.keras`, which is tf_keras.
        synchronized_norm: whether batch norm averages over all replicas of the current `tf.distribute` strategy.
        watch: a new watch, for a caller that wants to know which variables the operations create; None: a private one.

    Returns:
        An uncompiled `keras.Model` from raw images [B, H, W, C], of any number type with values from 0 to 255, to
        logits float32 [B, num_classes].

    Raises:
        InvalidValueError: for an unknown operation, one that uses variables that the child does not own and train, or
            an image too small for the stages.
    """
    config = ChildConfig() if config is None else config
    _check_arguments(cell, config, keras, synchronized_norm, watch)
    input_shape = _check_shape(input_shape, num_classes, config)
    keras = tf.keras if keras is None else keras
    watch = VariableWatch() if watch is None else watch
    norm = operations.BatchNorm(momentum=config.batch_norm_momentum, synchronized=synchronized_norm)

    images = keras.Input(input_shape, name=INPUT_NAME)  # [B, H, W, C]
    x = keras.layers.Rescaling(1 / 255)(images)
    x = operations.conv_norm_relu(keras, x, config.filters, 3, strides=config.stem_stride, norm=norm)
    x = _build_stages(keras, x, cell, config, norm=norm, watch=watch)  # [B, h, w, filters of the last stage]
    x = keras.layers.GlobalAveragePooling2D()(x)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout)(x)
    logits = keras.layers.Dense(int(num_classes), dtype="float32", name="logits")(x)  # also in mixed precision
    try:
        model = keras.Model(images, logits, name="child")
    except ValueError as error:  # Keras finds no path from the logits back to the images
        raise InvalidValueError(
            f"The child of {cell} cannot be built: an operation of it returns a tensor that is not made from its input."
        ) from error
    watch.check(model)
    return model


def _check_arguments(cell: object, config: object, keras: object, synchronized_norm: object, watch: object) -> None:
    """Raises InvalidValueError for an argument of `build_child` of the wrong type."""
    if not isinstance(cell, Cell):
        raise InvalidValueError(f"cell={shown(cell)} is not allowed: it must be an nk.Cell, as space.decode gives.")
    if not isinstance(config, ChildConfig):
        raise InvalidValueError(f"config={shown(config)} is not allowed: it must be an nk.ChildConfig.")
    check_flag("synchronized_norm", synchronized_norm)
    if keras is not None and not hasattr(keras, "layers"):
        raise InvalidValueError(f"keras={shown(keras)} is not allowed: it must be a Keras module, or None.")
    if watch is not None:
        check_type("watch", watch, VariableWatch, "a VariableWatch, or None")


def _build_stages(
    keras: Any, x: Any, cell: Cell, config: ChildConfig, *, norm: operations.BatchNorm, watch: VariableWatch
) -> Any:
    """Builds the stages of cells on the output of the stem, [B, h, w, filters]."""
    filters = config.filters
    for stage in range(config.stages):
        if stage:
            filters *= 2
            x = keras.layers.MaxPooling2D(2, strides=2)(x)
            x = _project(keras, x, filters, norm=norm)
        for _ in range(config.cells_per_stage):
            x = _build_cell(keras, x, cell, filters, norm=norm, watch=watch)
    return x


def _build_cell(
    keras: Any, x: Any, cell: Cell, filters: int, *, norm: operations.BatchNorm, watch: VariableWatch
) -> Any:
    loose_ends: list = []
    for tree in cell.trees:
        _build_tree(keras, x, tree, filters, loose_ends, norm=norm, watch=watch)
    if len(loose_ends) == 1:
        return loose_ends[0]
    if cell.combine == CONCAT:
        return _project(keras, keras.layers.Concatenate()(loose_ends), filters, norm=norm)
    return keras.layers.Add()(loose_ends)


def _build_tree(
    keras: Any, x: Any, tree: Tree, filters: int, loose_ends: list, *, norm: operations.BatchNorm, watch: VariableWatch
) -> None:
    with watch.watching(f"Operation {tree.operation!r}"):
        y = operations.build(tree.operation, keras, x, filters, norm=norm)
    if not tree.readers:
        loose_ends.append(y)
    for reader in tree.readers:
        _build_tree(keras, y, reader, filters, loose_ends, norm=norm, watch=watch)


def _project(keras: Any, x: Any, filters: int, *, norm: operations.BatchNorm) -> Any:
    """A linear 1x1 convolution and batch norm: [B, h, w, C] -> [B, h, w, filters]."""
    return norm(keras, keras.layers.Conv2D(filters, 1, use_bias=False)(x))


def _check_shape(input_shape: Sequence[int], num_classes: int, config: ChildConfig) -> tuple[int, int, int]:
    """Returns the shape as Python integers, or raises InvalidValueError for a shape or number that is not allowed."""
    given = input_shape
    try:
        input_shape = tuple(itertools.islice(given, 4))
    except TypeError:  # it is not iterable
        input_shape = ()
    if len(input_shape) != 3:
        raise InvalidValueError(f"input_shape={shown(given)} must be (height, width, channels), such as (28, 28, 1).")
    for name, value in zip(("height", "width", "channels"), input_shape, strict=True):
        check_at_least(name, value, 1, at_most=_MOST_PIXELS)
    check_at_least("num_classes", num_classes, 2, at_most=_MOST_CLASSES)
    smallest = min(input_shape[:2])
    after_stem = -(-smallest // config.stem_stride)
    if after_stem < 2 ** (config.stages - 1):
        raise InvalidValueError(
            f"An image of {input_shape[0]}x{input_shape[1]} is too small for {config.stages} stages with stem stride "
            f"{config.stem_stride}: use fewer stages or a smaller stride."
        )
    height, width, channels = map(int, input_shape)
    return height, width, channels
