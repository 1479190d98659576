"""Writes a trained child in all formats into one folder, and compares each, loaded again, with the child.

It runs in a worker process on the CPU, which has the splits of the data set.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nas_keras.children.training import Split
from nas_keras.errors import NasKerasError, in_one_line
from nas_keras.results.formats import readers
from nas_keras.results.formats.agreement import Agreement, compare, predict_all
from nas_keras.results.formats.keras_file import NotPortableError, save_keras
from nas_keras.results.formats.lite import choose_representative, convert_lite
from nas_keras.results.formats.onnx_file import EXTRA, convert_onnx, is_installed
from nas_keras.results.formats.saved_model import save_child
from nas_keras.system import atomic_files

SAVED_MODEL, KERAS, LITE, LITE_INT8, ONNX = (
    "saved_model",
    "model.keras",
    "model.tflite",
    "model_int8.tflite",
    "model.onnx",
)
FILES = (SAVED_MODEL, KERAS, LITE, LITE_INT8, ONNX)
_EXACT, _LITE = 1e-5, 1e-4  # largest allowed differences of a probability
_LIMITS = {SAVED_MODEL: _EXACT, KERAS: _EXACT, LITE: _LITE, LITE_INT8: None, ONNX: _EXACT}
_READERS: dict[str, Callable[[pathlib.Path], readers.Predict]] = {
    SAVED_MODEL: readers.read_saved_model,
    KERAS: readers.read_keras,
    LITE: readers.read_lite,
    LITE_INT8: readers.read_lite,
    ONNX: readers.read_onnx,
}


class ExportError(NasKerasError, RuntimeError):
    """A child could not be written in one of the formats."""


@dataclasses.dataclass(frozen=True)
class WrittenFormat:
    """One format of an exported child.

    Attributes:
        file: name of the file or folder, one of `FILES`.
        omitted: why it was not written; "" if it was.
        num_bytes: its size.
        agreement: what was measured of it; None if it was not written.
    """

    file: str
    omitted: str = ""
    num_bytes: int = 0
    agreement: Agreement | None = None


@dataclasses.dataclass(frozen=True)
class ChildToWrite:
    """A trained child, and how to build it.

    Attributes:
        model: the trained child, a tf_keras model whose layers compute in float32.
        build: called as build(keras=keras), builds the same layers; None if only tf_keras can, since a user's function
            builds the child.
        class_names: the names of the classes.
        is_own: whether code of the user is part of it: then a format in which it cannot be written is left out, and
            otherwise that is an error.
        quantize: whether the file of 8-bit integers is written.
    """

    model: Any
    build: Callable[..., Any] | None
    class_names: Sequence[str]
    is_own: bool
    quantize: bool


def write_formats(
    child: ChildToWrite, folder: pathlib.Path, *, train: Split, measured_on: Split
) -> tuple[list[WrittenFormat], np.ndarray]:
    """Writes a child in every format and compares each with it.

    Args:
        child: the child.
        folder: an existing folder.
        train: the training split, for the ranges of 8-bit integers.
        measured_on: the split on which the formats are compared.

    Returns:
        The formats, and the probabilities of the child on `measured_on`, float32 [N, num_classes].

    Raises:
        ExportError: if a format cannot be written.
        DisagreementError: if a format differs from the child by more than is allowed.
    """
    images, labels = np.asarray(measured_on.images), np.asarray(measured_on.labels)
    expected = predict_all(readers.predict_child(child.model), images)
    written = []
    for file in FILES:
        if file == LITE_INT8 and not child.quantize:
            continue
        path = folder / file
        if reason := _write(child, file, path, train.images):
            written.append(WrittenFormat(file, omitted=reason))
            continue
        agreement = compare(file, _READERS[file](path), images, labels, expected, limit=_LIMITS[file])
        written.append(WrittenFormat(file, num_bytes=_size(path), agreement=agreement))
    return written, expected


def _write(child: ChildToWrite, file: str, path: pathlib.Path, train_images: np.ndarray) -> str:
    """Writes one format; returns why it is omitted, or ""."""
    try:
        with atomic_files.writing(path.parent):
            return _convert(child, file, path, train_images)
    except atomic_files.WriteError:
        raise
    except Exception as error:  # converters raise errors of many kinds
        if child.is_own and file != SAVED_MODEL:
            return in_one_line(error)
        raise ExportError(f"The child cannot be written as {file}: {in_one_line(error)}") from error


def _convert(child: ChildToWrite, file: str, path: pathlib.Path, train_images: np.ndarray) -> str:
    """Writes one format, by a converter that may raise any error; returns why it is omitted, or ""."""
    if file == SAVED_MODEL:
        save_child(child.model, path, child.class_names, is_own=child.is_own)
    elif file == KERAS:
        if child.build is None:
            raise NotPortableError("a function of your own builds the network with tf_keras")
        save_keras(child.build, child.model.get_weights(), path, shape=tuple(child.model.input_shape[1:]))
    elif file == ONNX:
        if not is_installed():
            return EXTRA
        path.write_bytes(convert_onnx(child.model))
    else:
        images = choose_representative(train_images) if file == LITE_INT8 else None
        path.write_bytes(convert_lite(child.model, representative=images))
    return ""


def _size(path: pathlib.Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
