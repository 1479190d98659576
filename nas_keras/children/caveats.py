"""Caveats about an accuracy, with figures: its standard error, too few training steps, and results that are noise."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from nas_keras.children.train_config import TrainConfig
from nas_keras.system.words import counted

ENOUGH_STEPS = 400  # that a child needs, about; the default settings take 429 on MNIST
FEW_STEPS = 350  # fewer than this are not "about 400"
_ENOUGH_CHILDREN = 5  # the median of fewer says little
_MOST_OF_START = 0.01  # share of a moving average of the weights that the initial weights may have
_CHANCE = 0.05  # probability that guessing alone exceeds the threshold


def count_steps(train: TrainConfig, num_images: int) -> int:
    """Returns the number of training steps of a child, over all epochs."""
    return num_images // min(train.batch_size, num_images) * train.epochs


def few_steps(train: TrainConfig, num_images: int) -> str | None:
    """Returns a sentence if a child gets fewer than `FEW_STEPS` training steps, or too few for `ema`, else None.

    Args:
        train: the settings of the training.
        num_images: number of training images.
    """
    steps = count_steps(train, num_images)
    if steps >= FEW_STEPS:
        share = train.ema**steps
        if share <= _MOST_OF_START:
            return None
        return (
            f"With ema={train.ema}, the initial weights make up {share:.0%} of the average over {steps:,} training "
            "steps. Use a smaller ema, or more epochs."
        )
    epochs = math.ceil(ENOUGH_STEPS * train.epochs / steps)
    return (
        f"A child is trained for only {counted(steps, 'step')} (batches of {min(train.batch_size, num_images):,} of "
        f"{counted(num_images, 'image')}, epochs={train.epochs}). With fewer than about {ENOUGH_STEPS}, its accuracy "
        f"says little about its cell. Use epochs={epochs:,}, a smaller batch_size of the training, or the settings of "
        "nk.suggest_configs(images), which launch/search.py takes where no flag is given."
    )


def standard_error(accuracy: float, num_images: int) -> float:
    """Returns the standard error of an accuracy p that was measured on N images.

    It is half the width of Wilson's interval of one standard deviation, sqrt(p (1 - p) / N + 1 / 4 N^2) / (1 + 1 / N),
    which is close to sqrt(p (1 - p) / N), but not 0 where all of few images are right. It is that of drawing other
    images; another training seed adds to it.
    """
    variance = max(0.0, accuracy * (1 - accuracy)) / num_images + 0.25 / num_images**2
    return math.sqrt(variance) / (1 + 1 / num_images)


def _deviation(probability: float, num_images: int) -> float:
    """The standard deviation of the accuracy of a child that is right with this probability."""
    return math.sqrt(probability * (1 - probability) / num_images)


def guessing_accuracy(labels: np.ndarray, num_classes: int) -> float:
    """Returns the accuracy of guessing: the frequency of the most frequent class, or 1 / num_classes if larger."""
    return max(float(np.bincount(labels).max()) / len(labels), 1 / num_classes)


def near_median(accuracies: Sequence[float], num_images: int) -> str | None:
    """Returns a sentence if the best of a search's children is within noise of their median, else None.

    The best of K children that all have the median accuracy p exceeds p + z * sqrt(p (1 - p) / N) once in twenty times,
    where z is the (1 - 0.05 / K) quantile of the normal distribution. Fewer than five children give no sentence.

    Args:
        accuracies: of the children that succeeded, one for each key.
        num_images: number N of images on which they were measured.
    """
    if len(accuracies) < _ENOUGH_CHILDREN:
        return None
    median, best = float(np.median(accuracies)), max(accuracies)
    error = _deviation(median, num_images)
    threshold = median + NormalDist().inv_cdf(1 - _CHANCE / len(accuracies)) * error
    if best > threshold:
        return None
    return (
        f"The best validation accuracy, {best:.2%}, is within noise of the median of the {len(accuracies):,} children, "
        f"{median:.2%}: on {num_images:,} validation images its standard error is {error:.2%}, and the best of so many "
        f"equally good children exceeds {threshold:.2%} once in twenty times. The order of the best may be chance. "
        "Use more validation images, train children longer (epochs), or train the best with several seeds "
        "(launch/train_child.py)."
    )


def guessing(what: str, accuracy: float, labels: np.ndarray, num_classes: int, num_tried: int = 1) -> str | None:
    """Returns a sentence if an accuracy is within noise of guessing, else None.

    Guessing is right with probability p: the frequency of the most frequent class or 1 / num_classes, whichever is
    larger. The best of K children that guess exceeds p + z * sqrt(p (1 - p) / N) once in twenty times, where z is the
    (1 - 0.05 / K) quantile of the normal distribution.

    Args:
        what: the subject of the sentence, such as "The best validation accuracy".
        accuracy: a fraction.
        labels: labels of the images on which it was measured, [N].
        num_classes: number of classes of the data set.
        num_tried: the number K of children of which this is the best.
    """
    most_frequent = float(np.bincount(labels).max()) / len(labels)
    guess = guessing_accuracy(labels, num_classes)
    error = _deviation(guess, len(labels))
    threshold = guess + NormalDist().inv_cdf(1 - _CHANCE / num_tried) * error
    if accuracy > threshold:
        return None
    of_how_many = (
        f"the best of {num_tried:,} children that only guess" if num_tried > 1 else "a child that only guesses"
    )
    return (
        f"{what}, {accuracy:.1%}, is within noise of guessing: of these {len(labels):,} images, guessing gets "
        f"{guess:.1%} right (the most frequent class has {most_frequent:.1%}, one of {num_classes} classes is "
        f"{1 / num_classes:.1%}; standard error {error:.1%}), and {of_how_many} exceeds {threshold:.1%} once in twenty "
        "times. Train longer (epochs), use more images, or see whether the labels belong to the images."
    )
