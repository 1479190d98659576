"""Says, with figures, where an accuracy tells little: after too few training steps, or within noise of guessing."""

import math
from statistics import NormalDist

import numpy as np

from nas_keras.children.training import TrainConfig

ENOUGH_STEPS = 100  # with fewer, Adam has hardly left its initial weights, and accuracies do not rank cells
_CHANCE = 0.05  # probability that guesses alone reach the threshold


def few_steps(train: TrainConfig, num_images: int) -> str | None:
    """A sentence if a child gets fewer than `ENOUGH_STEPS` training steps, else None.

    Args:
        train: how a child is trained.
        num_images: of the training split.
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
    """A sentence if an accuracy is within noise of what guessing gives, else None.

    Guessing is right with probability p: that of the most frequent class or 1 / num_classes, whichever is more. The
    best of K guesses exceeds p + z * sqrt(p (1 - p) / N) once in twenty times, where z is the (1 - 0.05 / K) quantile
    of the normal distribution.

    Args:
        what: has this accuracy, for the sentence: "The best validation accuracy".
        accuracy: a fraction.
        labels: [N], of the images that it was measured on.
        num_classes: of the data set.
        num_tried: K children of which it is the best.
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
