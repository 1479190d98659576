"""The accuracies of an exported child beside their standard errors and guessing."""

from typing import Any

from absl import logging

from nas_keras.children.caveats import guessing, guessing_accuracy, standard_error
from nas_keras.data.images import Images
from nas_keras.results.export_folder import ExportedChild
from nas_keras.results.model_card.facts import Written


def errors_of(written: Written, images: Images) -> dict[str, Any]:
    """Returns the standard errors of the measured accuracies, and the accuracy of guessing."""
    valid, test = written.valid_accuracy, written.test_accuracy
    labels = images.valid_labels if test is None else images.test()[1]
    return {
        "valid_error": standard_error(valid, len(images.valid_labels)),
        "test_error": None if test is None else standard_error(test, len(labels)),
        "guessing": guessing_accuracy(labels, images.num_classes),
    }


def warn_of_guessing(child: ExportedChild, images: Images) -> None:
    """Warns if the accuracy of an exported child is within noise of guessing."""
    if child.test_accuracy is None:
        split, accuracy, labels = "validation", child.valid_accuracy, images.valid_labels
    else:
        split, accuracy, labels = "test", child.test_accuracy, images.test()[1]
    if caveat := guessing(f"The {split} accuracy of {child.title}", accuracy, labels, images.num_classes):
        logging.warning("%s", caveat)
