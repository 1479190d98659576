"""Caveats about an accuracy, with figures: too few training steps, or a result within noise of guessing."""

import math
from statistics import NormalDist

import numpy as np

from nas_keras.children.train_config import TrainConfig

ENOUGH_STEPS = 100  # after fewer, Adam has hardly left the initial weights, and accuracies do not rank cells
_CHANCE = 0.05  # probability that guessing alone exceeds the threshold


def few_steps(train: TrainConfig, num_images: int) -> str | None:
    """Returns a sentence if a child gets fewer than `ENOUGH_STEPS` training steps, else None.

    Args:
        train: the settings of the training.
        num_images: number of training images.
    """
    batch_size = min(train.batch_size, num_images)
    steps_per_epoch = num_images // batch_size
    steps = steps_per_epoch * train.epochs
    if steps >= ENOUGH_STEPS:
        return None
    epochs = math.ceil(ENOUGH_STEPS / steps_per_epoch)
    return (
        f"A child is trained for only {steps:,} steps (batches of {batch_size:,} of {num_images:,} images, "
        f"epochs={train.epochs}). With fewer than {ENOUGH_STEPS}, its accuracy says little about its cell. Use "
        f"epochs={epochs:,}, or a smaller batch_size of the training."
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
    guess = max(most_frequent, 1 / num_classes)
    error = math.sqrt(guess * (1 - guess) / len(labels))
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
