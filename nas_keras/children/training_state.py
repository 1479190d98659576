"""The state of a training after an epoch: the child's weights, and the optimizer with the averaged weights.

With it, a training continues as if it had never been interrupted: order and augmentation of the images are drawn from
the seed, and the optimizer counts the steps of the schedule. What is drawn within the network is an exception: the
random numbers of dropout have a state in TensorFlow that cannot be read, so they are others. With mixed_float16 the
scale of the loss begins anew.
"""

from typing import Any, NamedTuple

import numpy as np


class TrainingState(NamedTuple):
    """What a training continues from.

    Attributes:
        epochs: number of epochs that are done.
        arrays: the values of the variables; those of the child come first.
    """

    epochs: int
    arrays: list[np.ndarray]


def read_state(model: Any, epochs: int) -> TrainingState:
    """Reads the state of a compiled model after this number of epochs."""
    return TrainingState(epochs, [variable.numpy() for variable in _variables(model)])


def restore_state(model: Any, state: TrainingState) -> None:
    """Gives a compiled model, built in the same way, the values of a state."""
    for variable, value in zip(_variables(model), state.arrays, strict=True):
        variable.assign(value)


def _variables(model: Any) -> list[Any]:
    return [*model.weights, *model.optimizer.variables()]
