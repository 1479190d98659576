"""Settings of child and training that follow from the images: how large they are, and how many there are.

The rules are for data of which nothing else is known. For MNIST they give `ChildConfig()` and `TrainConfig()`.

1. Stages: as many as leave the last one at least 5 x 5 pixels, at most five. The stem halves height and width, unless
   the images are so small that two stages would not fit after it.
2. Memory: the batch is halved, and then the stride of the stem doubled, until the training of a large cell is expected
   to fit into half of a core's share of the memory.
3. Steps: if the default batch gives a child fewer than about 400 training steps, the batch is halved down to 32, and
   then the epochs are raised.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from nas_keras.children.build import MOST_IN_LAST, ChildConfig
from nas_keras.children.caveats import ENOUGH_STEPS, FEW_STEPS, count_steps
from nas_keras.children.train_config import MOST_EPOCHS, TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import InvalidValueError, check_type, shown
from nas_keras.system.cgroups import available_cores, available_memory

FOLLOWING = ("stem_stride", "stages", "batch_size", "epochs")  # the settings that follow from the images
_SMALLEST_MAP, _MOST_STAGES = 5, 5  # pixels along a side in the last stage; its filters double from stage to stage
_SMALLEST_BATCH = 32  # of few images: the gradients of smaller batches are noisy, and a step costs more per image
_SMALLEST_BATCH_IN_MEMORY = 16  # batch norm needs some images
_MOST_STRIDE = 16
# float32 values that the training of a large cell holds at once, per value of a stage's map: three nodes of two
# convolutions, each with batch norm and ReLU, their gradients, and the copies of the batch. Measured on a CPU, see
# tests/children/defaults_test.py.
_TENSORS_PER_STAGE = 28


class SuggestedConfigs(NamedTuple):
    """Settings that follow from images.

    Attributes:
        child: the network around a cell.
        train: the settings of the training.
        reasons: field -> why it has its value, for each field that follows from the images and was not given.
    """

    child: ChildConfig
    train: TrainConfig
    reasons: dict[str, str]


def suggest_configs(images: Images, **given: Any) -> SuggestedConfigs:
    """Suggests settings of child and training that suit the size and the number of the images.

    Args:
        images: the data set.
        **given: settings that are known already, fields of `ChildConfig` or `TrainConfig`; the others suit them.

    Returns:
        (child, train, reasons), the first two as `nk.TrainingEvaluator` takes them.

    Raises:
        InvalidValueError: for an unknown setting, or a value that is not allowed.
    """
    check_type("images", images, Images, "nk.Images")
    memory = available_memory() / available_cores() / 2  # not for the number of workers, which changes no reward
    return suggest(images.image_shape, len(images.train_labels), memory=memory, given=given)


def suggest(
    image_shape: tuple[int, int, int], num_images: int, *, memory: float, given: dict[str, Any]
) -> SuggestedConfigs:
    """Suggests settings as `suggest_configs` does.

    Args:
        image_shape: (height, width, channels) of an image.
        num_images: number of training images.
        memory: bytes that the training of one child may take.
        given: settings that are known already.
    """
    child, train = _given_configs(given)
    side, reasons = min(image_shape[:2]), {}
    if "stem_stride" not in given and _map_side(side, child.stem_stride, 2) < _SMALLEST_MAP:
        child = dataclasses.replace(child, stem_stride=1)
        reasons["stem_stride"] = f"a stride of 2 is too much for images of {_size(image_shape)} pixels"
    child = _with_stages(child, side, given)
    child, train = _fit_memory(child, train, image_shape, memory, given, reasons)
    train = _take_enough_steps(train, num_images, given, reasons)
    steps, last = count_steps(train, num_images), _map_side(side, child.stem_stride, child.stages)
    usual = {
        "stem_stride": "a stride of 2 quarters the cost of a child",
        "stages": f"the last one sees {last} pixels along the shorter side of an image of {_size(image_shape)}",
        "batch_size": f"{steps // train.epochs:,} steps in an epoch of {num_images:,} images",
        "epochs": f"{steps:,} training steps of a child, which needs about {ENOUGH_STEPS}",
    }
    return SuggestedConfigs(
        child, train, {name: reasons.get(name, usual[name]) for name in FOLLOWING if name not in given}
    )


def _given_configs(given: dict[str, Any]) -> tuple[ChildConfig, TrainConfig]:
    """Returns the default settings with the given ones."""
    names = {config: [field.name for field in dataclasses.fields(config)] for config in (ChildConfig, TrainConfig)}
    if unknown := [name for name in given if not any(name in fields for fields in names.values())]:
        raise InvalidValueError(
            f"{unknown[0]}={shown(given[unknown[0]])} is not a setting. Allowed: {', '.join(sum(names.values(), []))}."
        )
    child, train = ({name: given[name] for name in fields if name in given} for fields in names.values())
    return ChildConfig(**child), TrainConfig(**train)


def _with_stages(child: ChildConfig, side: int, given: dict[str, Any]) -> ChildConfig:
    """Returns the child with as many stages as suit images of this shorter side."""
    if "stages" in given:
        return child
    stages = 1
    while stages < _MOST_STAGES and _map_side(side, child.stem_stride, stages + 1) >= _SMALLEST_MAP:
        stages += 1
    while stages > 1 and child.filters * 2 ** (stages - 1) > MOST_IN_LAST:
        stages -= 1
    return dataclasses.replace(child, stages=stages)


def _fit_memory(
    child: ChildConfig,
    train: TrainConfig,
    image_shape: tuple[int, int, int],
    memory: float,
    given: dict[str, Any],
    reasons: dict[str, str],
) -> tuple[ChildConfig, TrainConfig]:
    """Halves the batch, then doubles the stride of the stem, until a training is expected to fit into `memory`."""

    def fits() -> bool:
        return train.batch_size * bytes_per_image(child, image_shape) <= memory

    why = f"a larger one may not fit into {memory / 2**20:,.0f} MiB, half of a core's share of the memory"
    while not fits() and "batch_size" not in given and train.batch_size > _SMALLEST_BATCH_IN_MEMORY:
        train = dataclasses.replace(train, batch_size=train.batch_size // 2)
        reasons["batch_size"] = why
    while not fits() and "stem_stride" not in given and child.stem_stride < _MOST_STRIDE:
        wider = dataclasses.replace(child, stem_stride=2 * child.stem_stride)
        if _map_side(min(image_shape[:2]), wider.stem_stride, child.stages if "stages" in given else 1) < 1:
            break
        child = _with_stages(wider, min(image_shape[:2]), given)
        reasons["stem_stride"] = why.replace("larger", "smaller")
    return child, train


def _take_enough_steps(
    train: TrainConfig, num_images: int, given: dict[str, Any], reasons: dict[str, str]
) -> TrainConfig:
    """Halves the batch and then raises the epochs, if a child would take fewer than about 400 steps."""
    steps = count_steps(train, num_images)
    if steps >= FEW_STEPS:
        return train
    if "batch_size" not in given:
        before = train.batch_size
        while count_steps(train, num_images) < ENOUGH_STEPS and train.batch_size >= 2 * _SMALLEST_BATCH:
            train = dataclasses.replace(train, batch_size=train.batch_size // 2)
        if train.batch_size < before:
            reasons["batch_size"] = (
                f"batches of {before} would give a child {steps:,} training steps, and it needs about {ENOUGH_STEPS}"
            )
    if "epochs" not in given and count_steps(train, num_images) < FEW_STEPS:
        epochs = math.ceil(ENOUGH_STEPS / count_steps(dataclasses.replace(train, epochs=1), num_images))
        train = dataclasses.replace(train, epochs=min(epochs, MOST_EPOCHS))
    return train


def bytes_per_image(child: ChildConfig, image_shape: tuple[int, int, int]) -> int:
    """Estimates the bytes of memory that the training of a large cell takes for each image of a batch."""
    height, width, channels = image_shape
    values = height * width * channels
    for h, w, filters in _maps(child, height, width):
        values += _TENSORS_PER_STAGE * child.cells_per_stage * h * w * filters
    return 4 * values


def _maps(child: ChildConfig, height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """Yields height, width and filters of each stage."""
    for stage in range(child.stages):
        yield (
            _map_side(height, child.stem_stride, stage + 1),
            _map_side(width, child.stem_stride, stage + 1),
            child.filters * 2**stage,
        )


def _map_side(side: int, stride: int, stage: int) -> int:
    """The pixels along a side of the map of a stage, counted from 1."""
    return -(-side // stride) // 2 ** (stage - 1)


def _size(image_shape: tuple[int, int, int]) -> str:
    return f"{image_shape[0]}x{image_shape[1]}"
