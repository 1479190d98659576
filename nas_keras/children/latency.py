"""The latency of a network: the time in which it answers one image."""

import statistics
import time
from typing import Any

import numpy as np

from nas_keras._tensorflow import tf

_WARM_UP = 5  # calls that are not timed; the first one traces the graph
_FEWEST, _MOST = 20, 200  # timed calls
_SECONDS = 0.3  # after which no further call is timed


def measure_latency(model: Any) -> float:
    """Returns the median time of a call with one image, in milliseconds.

    It is the time of this process on this machine, with the threads that TensorFlow has here and with whatever else
    runs beside it. Weights do not matter, so the network need not be trained.

    Args:
        model: a built `tf.keras.Model` of one input.
    """
    image = tf.zeros([1, *model.input_shape[1:]], model.input.dtype)
    # A graph, as a SavedModel is; gradients are not needed, and batch norm uses its averages.
    call = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec.from_tensor(image))
    for _ in range(_WARM_UP):
        np.asarray(call(image))
    seconds: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(seconds) < _MOST and (len(seconds) < _FEWEST or time.perf_counter() < end):
        start = time.perf_counter()
        np.asarray(call(image))  # on a GPU a call returns before the result is there
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)
