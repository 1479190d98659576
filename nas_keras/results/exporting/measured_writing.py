"""Writes a trained model in all formats and measures it on the splits of its data, in a worker on the CPU."""

import pathlib

import numpy as np

from nas_keras.children.flops import count_flops
from nas_keras.children.training import Split
from nas_keras.results.formats import readers
from nas_keras.results.formats.agreement import predict_all
from nas_keras.results.formats.writing import ChildToWrite, write_formats
from nas_keras.results.model_card.accuracy import Answers
from nas_keras.results.model_card.facts import Written


def write_and_measure(child: ChildToWrite, folder: pathlib.Path, splits: dict[str, Split]) -> Written:
    """Writes a model in all formats; they are compared on the test split, or on the validation split without one.

    Args:
        child: the model.
        folder: an existing folder.
        splits: the splits "train", "valid" and, if there is a usable one, "test".

    Raises:
        WriteError: if the disk is full, writing is not allowed, or the like.
        ExportError: if a format cannot be written.
        DisagreementError: if a format does not answer as the model does.
    """
    part = "test" if "test" in splits else "valid"
    formats, probabilities = write_formats(child, folder, train=splits["train"], measured_on=splits[part])
    on_valid = probabilities
    if part == "test":
        on_valid = predict_all(readers.predict_child(child.model), splits["valid"].images)
    return Written(
        valid_accuracy=_accuracy(on_valid, splits["valid"]),
        test_accuracy=_accuracy(probabilities, splits["test"]) if part == "test" else None,
        num_params=child.model.count_params(),
        flops=count_flops(child.model),
        formats=formats,
        answers=Answers.of("test" if part == "test" else "validation", probabilities, np.asarray(splits[part].labels)),
    )


def _accuracy(probabilities: np.ndarray, split: Split) -> float:
    """Returns the accuracy as Keras measures it, in single precision."""
    return float(np.float32(np.mean(probabilities.argmax(-1) == np.asarray(split.labels))))
