"""build_child: a cell becomes a Keras model, by the functional API. It is trained by `training.py`.

Stem, then stages of cells, then head. Between stages height and width are halved and the filters doubled, so a cell's
input always has the stage's filters already.
"""

import dataclasses
import itertools
from collections.abc import Sequence

from nas_keras._tensorflow import tf
from nas_keras.errors import InvalidValueError, check_at_least, check_flag, check_type, shown, use_python_numbers
from nas_keras.spaces import operations
from nas_keras.spaces.cell import CONCAT, Cell, Tree
from nas_keras.spaces.variables import VariableWatch

INPUT_NAME = "images"  # the key of the SavedModel's signature
_MOST = {"filters": 4_096, "stages": 16, "cells_per_stage": 100, "stem_stride": 100}  # beyond, it is a slip
_MOST_IN_LAST = 16_384
_MOST_PIXELS, _MOST_CLASSES = 100_000, 1_000_000  # along a side of an image (or channels); labels


@dataclasses.dataclass(frozen=True)
class ChildConfig:
    """The shape of a child network around its cell.

    Attributes:
        filters: of the stem and the first stage; each further stage has twice as many.
        stages: between two of them a 2x2 max pool halves height and width.
        cells_per_stage: how often the cell is repeated in a stage.
        stem_stride: of the 3x3 convolution of the stem. 2 quarters the cost of a child.
        batch_norm_momentum: of the moving averages; 0.9 arrives within a short training, Keras' 0.99 does not.
    """

    filters: int = 16
    stages: int = 2
    cells_per_stage: int = 1
    stem_stride: int = 2
    batch_norm_momentum: float = 0.9

    def __post_init__(self):
        use_python_numbers(self)
        for name, most in _MOST.items():
            check_at_least(name, getattr(self, name), 1, at_most=most)
        last = self.filters * 2 ** (self.stages - 1)
        if last > _MOST_IN_LAST:
            raise InvalidValueError(
                f"filters={self.filters} with stages={self.stages} is not allowed: the last stage would have {last:,} "
                f"filters, and at most {_MOST_IN_LAST:,} fit into memory. Use fewer filters or stages."
            )
        check_at_least("batch_norm_momentum", self.batch_norm_momentum, 0, integer=False)
        if self.batch_norm_momentum >= 1:
            raise InvalidValueError(f"batch_norm_momentum={self.batch_norm_momentum} must be below 1; 0.9 is usual.")


def build_child(
    cell: Cell,
    config: ChildConfig | None = None,
    *,
    input_shape: Sequence[int],
    num_classes: int,
    keras=None,
    synchronized_norm: bool = False,
    watch: VariableWatch | None = None,
):
    """Builds the child network of `cell`, in its canonical form: equal keys give the same model, layer for layer.

    Args:
        cell: what stands in each stage.
        config: the child around it; `ChildConfig()` by default.
        input_shape: (height, width, channels) of an image.
        num_classes: at least 2.
        keras: the Keras module to build with; by default `tf.keras`, which is tf_keras.
        synchronized_norm: batch norm over all replicas of the `tf.distribute` strategy in whose scope this is called.
        watch: a new one, for a caller that asks it afterwards which variables the operations made.

    Returns:
        An uncompiled `keras.Model` from raw images [B, H, W, C], 0 to 255 of any number type, to logits
        [B, num_classes].

    Raises:
        InvalidValueError: for an unknown operation, one that uses variables that the child does not own and train, or
            an image too small for the stages.
    """
    config = ChildConfig() if config is None else config
    if not isinstance(cell, Cell):
        raise InvalidValueError(f"cell={shown(cell)} is not allowed: it must be an nk.Cell, as space.decode gives.")
    if not isinstance(config, ChildConfig):
        raise InvalidValueError(f"config={shown(config)} is not allowed: it must be an nk.ChildConfig.")
    check_flag("synchronized_norm", synchronized_norm)
    if keras is not None and not hasattr(keras, "layers"):
        raise InvalidValueError(f"keras={shown(keras)} is not allowed: it must be a Keras module, or None.")
    if watch is not None:
        check_type("watch", watch, VariableWatch, "a VariableWatch, or None")
    input_shape = _check_shape(input_shape, num_classes, config)
    keras = tf.keras if keras is None else keras
    norm = operations.BatchNorm(momentum=config.batch_norm_momentum, synchronized=synchronized_norm)

    watch = VariableWatch() if watch is None else watch

    images = keras.Input(input_shape, name=INPUT_NAME)  # [B, H, W, C]
    x = keras.layers.Rescaling(1 / 255)(images)
    filters = config.filters
    x = operations.conv_norm_relu(keras, x, filters, 3, strides=config.stem_stride, norm=norm)
    for stage in range(config.stages):
        if stage:
            filters *= 2
            x = keras.layers.MaxPooling2D(2, strides=2)(x)
            x = _project(keras, x, filters, norm=norm)
        for _ in range(config.cells_per_stage):
            x = _build_cell(keras, x, cell, filters, norm=norm, watch=watch)  # [B, h, w, filters]
    x = keras.layers.GlobalAveragePooling2D()(x)  # [B, filters]
    logits = keras.layers.Dense(int(num_classes), dtype="float32", name="logits")(x)  # also in mixed precision
    try:
        model = keras.Model(images, logits, name="child")
    except ValueError as error:  # Keras finds no way from the logits back to the images
        raise InvalidValueError(
            f"The child of {cell} cannot be built: an operation of it returns a tensor that is not made from its input."
        ) from error
    watch.check(model)
    return model


def _build_cell(keras, x, cell: Cell, filters: int, *, norm, watch: VariableWatch):
    loose_ends = []
    for tree in cell.trees:
        _build_tree(keras, x, tree, filters, loose_ends, norm=norm, watch=watch)
    if len(loose_ends) == 1:
        return loose_ends[0]
    if cell.combine == CONCAT:
        return _project(keras, keras.layers.Concatenate()(loose_ends), filters, norm=norm)
    return keras.layers.Add()(loose_ends)


def _build_tree(keras, x, tree: Tree, filters: int, loose_ends: list, *, norm, watch) -> None:
    with watch.watching(tree.operation):
        y = operations.build(tree.operation, keras, x, filters, norm=norm)
    if not tree.readers:
        loose_ends.append(y)
    for reader in tree.readers:
        _build_tree(keras, y, reader, filters, loose_ends, norm=norm, watch=watch)


def _project(keras, x, filters: int, *, norm):
    """1x1 convolution and batch norm, linear: [B, h, w, C] -> [B, h, w, filters]."""
    return norm(keras, keras.layers.Conv2D(filters, 1, use_bias=False)(x))


def _check_shape(input_shape: Sequence[int], num_classes: int, config: ChildConfig) -> tuple[int, int, int]:
    """The shape as Python integers, after all checks."""
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
    return tuple(map(int, input_shape))
