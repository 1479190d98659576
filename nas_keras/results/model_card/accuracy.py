"""What the answers of a child on a split say: accuracy with an interval, confusion matrix, confident mistakes."""

import dataclasses
import math
from statistics import NormalDist

import numpy as np

from nas_keras.data.images import Images

MISTAKES = 10


def wilson_interval(accuracy: float, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the score interval of a proportion (Wilson 1927), which also holds near 0 and 1.

    With the proportion p of n images and the quantile z of the normal distribution:

        (p + z^2 / 2n ± z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Args:
        accuracy: the proportion p.
        count: the number n of images.
        confidence: probability that the interval holds the true proportion.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre, spread = accuracy + z * z / (2 * count), accuracy * (1 - accuracy) / count + (z / (2 * count)) ** 2
    half, scale = z * math.sqrt(max(0.0, spread)), 1 + z * z / count
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """The answers of a child on one split.

    Attributes:
        split: "test", or "validation" where there is no usable test split.
        confusion: int [num_classes, num_classes], the number of images by class (row) and answer (column).
        mistakes: (number of the image, class, answer, probability of the answer) of the most confident mistakes.
    """

    split: str
    confusion: np.ndarray
    mistakes: list[tuple[int, int, int, float]]

    @classmethod
    def of(cls, split: str, probabilities: np.ndarray, labels: np.ndarray) -> "Answers":
        """Summarizes probabilities, float32 [N, num_classes], of images with these labels, int32 [N]."""
        num_classes = probabilities.shape[1]
        answers, confidence = probabilities.argmax(-1), probabilities.max(-1)
        confusion = np.bincount(labels * num_classes + answers, minlength=num_classes**2)
        wrong = np.flatnonzero(answers != labels)
        worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
        mistakes = [(int(i), int(labels[i]), int(answers[i]), float(confidence[i])) for i in worst]
        return cls(split, confusion.reshape(num_classes, num_classes), mistakes)


def split_of(images: Images, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images and labels of "test" or "validation"."""
    return images.test() if split == "test" else (images.valid_images, images.valid_labels)
