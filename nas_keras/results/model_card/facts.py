"""What a model card is made from, gathered where each fact is known."""

import dataclasses
import importlib.metadata
import platform
from typing import Any

from nas_keras._version import __version__
from nas_keras.data.images import Images
from nas_keras.evaluators.workers.devices import processor
from nas_keras.results.formats.architecture_file import Architecture
from nas_keras.results.formats.writing import WrittenFormat
from nas_keras.results.model_card.accuracy import Answers

_PACKAGES = ("tensorflow", "tf-keras", "keras", "numpy", "tf2onnx", "onnxruntime")
# Licences of data sets, by name in TFDS, where the set itself does not name one.
_LICENCES = {
    "mnist": "[CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/), by Yann LeCun and Corinna Cortes",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Written:
    """What a worker has measured of a child that it has written in all formats.

    Attributes:
        valid_accuracy: accuracy on the validation split, a fraction.
        test_accuracy: accuracy on the test split; None if there was no usable test split.
        num_params: number of parameters.
        flops: floating-point operations for one image; NaN if a layer is of no known kind.
        formats: the formats.
        answers: the answers on the test split, or on the validation split if there is no test split.
    """

    valid_accuracy: float
    test_accuracy: float | None
    num_params: int
    flops: float
    formats: list[WrittenFormat]
    answers: Answers


@dataclasses.dataclass(frozen=True)
class Member:
    """A child of an ensemble.

    Attributes:
        rank: its rank in the search.
        title: the name of its architecture for people.
        num_params: number of parameters.
        valid_accuracy: accuracy on the validation split, a fraction.
        test_accuracy: accuracy on the test split; None if there was no usable test split.
        architecture: the child.
    """

    rank: int
    title: str
    num_params: int
    valid_accuracy: float
    test_accuracy: float | None
    architecture: Architecture


@dataclasses.dataclass(frozen=True, eq=False)
class CardFacts:
    """Everything that a card says.

    Attributes:
        title: the name of the architecture for people.
        architecture: the child; the first one of an ensemble.
        images: the data set.
        written: what was measured.
        search: name -> text about the search that found it; empty if none did.
        members: the children of an ensemble; empty for a single child.
    """

    title: str
    architecture: Architecture
    images: Images
    written: Written
    search: dict[str, str]
    members: tuple[Member, ...] = ()


def licence_of(images: Images) -> str:
    """Returns the licence of a data set as far as it is known."""
    name = str(images.source.get("dataset", "")).partition(":")[0]
    return _LICENCES.get(name, "not known to nas_keras; ask whoever made the data set")


def environment() -> dict[str, Any]:
    """Returns the machine and the versions of the packages that wrote the formats."""
    versions = {"nas_keras": __version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"machine": f"{processor()}, {platform.platform(terse=True)}", "versions": versions}
