"""Compares an exported format with the trained child on a whole split, and measures how fast it answers."""

import dataclasses
import math
import statistics
import time

import numpy as np

from nas_keras.children.training import evaluation_batch
from nas_keras.errors import NasKerasError
from nas_keras.results.formats.readers import Predict

BATCH = 256  # the larger of the two sizes whose latency is measured
INT8_POINTS = 0.2  # percentage points by which 8-bit integers may change the accuracy
_SECONDS, _FEWEST, _MOST = 0.3, 3, 100  # seconds after which no further call is timed, and the number of timed calls


class DisagreementError(NasKerasError, RuntimeError):
    """An exported format does not answer as the trained child does."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """What was measured of one format.

    Attributes:
        difference: largest difference of a probability from that of the child, over all images and classes.
        accuracy: its accuracy, a fraction.
        latency_1: median time of a call with one image, in milliseconds.
        latency_256: the same with 256 images; NaN for images so large that these may not fit into memory.
    """

    difference: float
    accuracy: float
    latency_1: float
    latency_256: float


def predict_all(predict: Predict, images: np.ndarray) -> np.ndarray:
    """Returns the probabilities of all images, float32 [N, num_classes]."""
    size = min(BATCH, evaluation_batch(*images.shape[1:3]))
    return np.concatenate(
        [predict(np.ascontiguousarray(images[start : start + size])) for start in range(0, len(images), size)]
    )


def compare(
    name: str, predict: Predict, images: np.ndarray, labels: np.ndarray, expected: np.ndarray, *, limit: float | None
) -> Agreement:
    """Compares a format with the child and measures its latencies.

    Args:
        name: name of the format, for messages.
        predict: the format, loaded.
        images: uint8 [N, H, W, C].
        labels: int32 [N].
        expected: the probabilities of the child, float32 [N, num_classes].
        limit: the largest difference of a probability that is allowed; None for 8-bit integers, whose accuracy is
            limited instead.

    Raises:
        DisagreementError: if the format differs from the child by more.
    """
    found = predict_all(predict, images)
    difference = float(np.abs(found - expected).max()) if np.isfinite(found).all() else np.inf
    is_right = found.argmax(-1) == labels
    if limit is None:
        _check_accuracy(name, int(is_right.sum()), int((expected.argmax(-1) == labels).sum()), len(labels))
    else:
        _check_difference(name, found, expected, difference, limit)
    return Agreement(
        difference,
        float(np.float32(is_right.mean())),  # as Keras measures it
        _latency(predict, images, 1),
        _latency(predict, images, BATCH),
    )


def _check_difference(name: str, found: np.ndarray, expected: np.ndarray, difference: float, limit: float) -> None:
    if not difference <= limit:
        raise DisagreementError(
            f"{name} does not answer as the trained child does: a probability differs by {difference:.2g}, and at most "
            f"{limit:g} is allowed. Nothing was exported. Report this with the cell and the versions of the packages."
        )
    # Another class is only possible where the child itself holds two classes for equally likely.
    rows = np.flatnonzero(found.argmax(-1) != expected.argmax(-1))
    two_best = np.sort(expected[rows], axis=-1)[:, -2:]
    assert (two_best[:, 1] - two_best[:, 0] <= 2 * limit).all(), name


def _check_accuracy(name: str, num_right: int, num_expected: int, count: int) -> None:
    # One image of a small split is more than the limit.
    allowed = max(1, int(INT8_POINTS / 100 * count))
    if abs(num_right - num_expected) > allowed:
        raise DisagreementError(
            f"{name} classifies {num_right:,} of {count:,} images correctly and the trained child {num_expected:,}: "
            f"their accuracies differ by {100 * abs(num_right - num_expected) / count:.2f} percentage points, and at "
            f"most {INT8_POINTS} (or one image) are allowed. Nothing was exported. Leave quantize out."
        )


def _latency(predict: Predict, images: np.ndarray, size: int) -> float:
    """Returns the median time of a call with `size` images, in milliseconds; NaN if they may not fit into memory."""
    if evaluation_batch(*images.shape[1:3]) < size:
        return math.nan
    batch = np.ascontiguousarray(np.resize(images[:size], (size, *images.shape[1:])))  # repeats them if there are few
    predict(batch)  # the first call prepares the size
    seconds: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(seconds) < _MOST and (len(seconds) < _FEWEST or time.perf_counter() < end):
        start = time.perf_counter()
        predict(batch)
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)
