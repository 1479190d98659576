"""The final training of a child before it is exported, and the writing of its formats: the tasks of a worker.

The first task trains the child, on whatever device the search used, and keeps the weights. The second one, on the CPU
and in float32, measures the child and writes it in all formats.
"""

import concurrent.futures
import dataclasses
import functools
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_keras.children.train_config import TrainConfig
from nas_keras.children.training import MakeModel, Split, train_child
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.results.exporting.measured_writing import write_and_measure
from nas_keras.results.formats.writing import ChildToWrite
from nas_keras.results.model_card.facts import Written
from nas_keras.runner.monitoring.training_progress import write_epochs
from nas_keras.system.atomic_files import WriteError, writing

_WEIGHTS = "weights.npz"  # between the two tasks


@dataclasses.dataclass(frozen=True)
class FinalTraining:
    """The final training of one child.

    Attributes:
        make_model: builds the child, see `train_child`.
        train: the settings of the training.
        seed: the seed of the training.
        class_names: the names of the classes.
        distribute: "none" or "mirrored".
        has_own_build: whether a user's function builds the whole network, with tf_keras.
        has_own_code: whether code of the user is part of the network.
        quantize: whether a file of 8-bit integers is written too.
    """

    make_model: MakeModel
    train: TrainConfig
    seed: int
    class_names: Sequence[str]
    distribute: str
    has_own_build: bool
    has_own_code: bool
    quantize: bool

    def submit(self, pool: WorkerPool, folder: pathlib.Path, progress_file: str = "") -> concurrent.futures.Future:
        """Queues the training in a `TrainingPool`; see `result_of`.

        Args:
            pool: the workers.
            folder: where the worker keeps the weights; it is made anew.
            progress_file: where the worker writes how many epochs are done (`training_progress.py`); "": nowhere.
        """
        return pool.submit(_train, training=self, folder=str(folder), progress_file=progress_file)

    def submit_writing(self, pool: WorkerPool, folder: pathlib.Path) -> concurrent.futures.Future:
        """Queues the writing of the formats into the folder with the weights; the result is a `Written`."""
        return pool.submit(_write, training=self, folder=str(folder))


def result_of(future: concurrent.futures.Future) -> Any:
    """Waits for a task that was submitted, and returns its result.

    Raises:
        WriteError: if a file could not be written.
        ExportError: if the child could not be written in one of the formats.
        DisagreementError: if a format does not answer as the child does.
        RuntimeError: if the worker died or the training failed.
    """
    result = future.result()
    if isinstance(result, str):
        raise WriteError(result)
    return result


def _train(splits: dict[str, Split], *, training: FinalTraining, folder: str, progress_file: str) -> str | None:
    """The first task: trains a child and keeps its weights; returns why that failed, or None."""
    model = train_child(
        training.make_model,
        splits["train"],
        num_classes=len(training.class_names),
        config=training.train,
        seed=training.seed,
        distribute=training.distribute,
        on_epoch=functools.partial(write_epochs, progress_file) if progress_file else None,
    )
    try:
        with writing(folder):
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)  # fails if the run's folder is gone
            np.savez(os.path.join(folder, _WEIGHTS), *model.get_weights())
    except WriteError as error:
        return str(error)  # raised here, it would reach the user as a worker's traceback
    return None


def _write(splits: dict[str, Split], *, training: FinalTraining, folder: str) -> Written | str:
    """The second task: writes the trained child in all formats and measures it; or returns why that failed."""
    path = pathlib.Path(folder, _WEIGHTS)
    build = functools.partial(
        training.make_model, input_shape=splits["train"].images.shape[1:], num_classes=len(training.class_names)
    )
    model = build()  # in float32, whatever the training was in
    with np.load(path, allow_pickle=False) as weights:
        model.set_weights([weights[f"arr_{i}"] for i in range(len(weights.files))])
    child = ChildToWrite(
        model=model,
        build=None if training.has_own_build else build,
        class_names=training.class_names,
        is_own=training.has_own_code,
        quantize=training.quantize,
    )
    try:
        with writing(folder):
            os.remove(path)
            return write_and_measure(child, path.parent, splits)
    except WriteError as error:
        return str(error)
