"""Trains and exports a cell by itself, without a search."""

import os
import pathlib

from absl import logging

from nas_keras._tensorflow import NONE
from nas_keras.children.build import ChildConfig
from nas_keras.children.caveats import few_steps
from nas_keras.children.network import CellNetwork
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.operation_check import check_operations
from nas_keras.evaluators.workers.devices import worker_environments
from nas_keras.results.export_folder import install, is_leftover
from nas_keras.results.exporting.children import ExportJob, export_children
from nas_keras.results.exporting.final_training import FinalTraining, identity_of
from nas_keras.results.formats.architecture_file import ARCHITECTURE, Architecture
from nas_keras.results.model_card.facts import Written
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell
from nas_keras.system.paths import check_loadable, local_path


def export_place(folder: str | os.PathLike) -> pathlib.Path:
    """Returns the path of a folder into which a cell can be exported: a new or empty one, or that of an earlier export.

    Raises:
        InvalidValueError: if it is something else, or cannot be made.
    """
    path = local_path("export", folder)
    check_loadable("export", path)
    if not path.parent.is_dir():
        raise InvalidValueError(f"export={str(folder)!r} cannot be made: there is no folder {path.parent}.")
    is_taken = path.exists() and (not path.is_dir() or _holds_something_else(path))
    if is_taken:
        raise InvalidValueError(
            f"export={str(folder)!r} holds something else. Name a new folder, or one with an earlier export of a cell."
        )
    return path


def _holds_something_else(folder: pathlib.Path) -> bool:
    return not (folder / ARCHITECTURE).exists() and not all(map(is_leftover, folder.iterdir()))


def export_cell(
    cell: Cell,
    images: Images,
    folder: pathlib.Path,
    *,
    child: ChildConfig,
    train: TrainConfig,
    seed: int,
    quantize: bool = False,
    progress: bool | None = None,
) -> Written:
    """Trains a cell on the training split, tests it once and writes it in all formats.

    Args:
        cell: the cell.
        images: the data set.
        folder: the folder of the files, from `export_place`.
        child: the network around the cell.
        train: the settings of the training.
        seed: the seed of the training.
        quantize: whether a .tflite file of 8-bit integers is written too.
        progress: see `export_children`.

    Returns:
        What was measured.

    Raises:
        InvalidValueError: if an operation is unknown or cannot be trained here.
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    names = sorted({name for _, name in cell.nodes})
    check_operations(
        names,
        operations.registered(),
        child=child,
        input_shape=images.image_shape,
        num_classes=images.num_classes,
        precision=train.precision,
    )
    if caveat := few_steps(train, len(images.train_labels)):
        logging.warning("%s", caveat)
    architecture = Architecture(cell, {}, child, train, seed, images.image_shape, tuple(images.class_names))
    training = FinalTraining(
        make_model=CellNetwork(child).make_model(cell),
        train=train,
        seed=seed,
        class_names=images.class_names,
        distribute=NONE,
        has_own_build=False,
        has_own_code=not set(names) <= set(operations.OPERATIONS),
        quantize=quantize,
        identity=identity_of(architecture, images, NONE, None),
    )
    job = ExportJob(training, architecture, str(cell), {}, (folder,))
    exported = export_children([job], images, worker_environments(1, NONE), progress=progress)
    _, written = next(exported)
    install(folder)
    exported.close()  # ends the worker
    return written
