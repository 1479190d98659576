"""The final training of a child before it is exported, and the writing of its formats: the tasks of a worker.

The first task trains the child, on whatever device the search used, and keeps the weights in the file from which it
also continues after it was killed. The second one, on the CPU and in float32, measures the child and writes it in all
formats.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

from nas_keras.children.train_config import TrainConfig
from nas_keras.children.training import MakeModel, Split, train_child
from nas_keras.children.training_state import TrainingState, read_state
from nas_keras.data.images import Images
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.results.exporting.measured_writing import write_and_measure
from nas_keras.results.exporting.training_checkpoint import Checkpoint
from nas_keras.results.formats.architecture_file import Architecture
from nas_keras.results.formats.writing import ChildToWrite
from nas_keras.results.model_card.facts import Written
from nas_keras.runner.monitoring.training_progress import write_epochs
from nas_keras.spaces import operations
from nas_keras.storage.recipe import fingerprint
from nas_keras.system.atomic_files import WriteError, writing


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
        identity: see `identity_of`.
    """

    make_model: MakeModel
    train: TrainConfig
    seed: int
    class_names: Sequence[str]
    distribute: str
    has_own_build: bool
    has_own_code: bool
    quantize: bool
    identity: str

    def submit(
        self, pool: WorkerPool, checkpoint_file: pathlib.Path, progress_file: str = ""
    ) -> concurrent.futures.Future:
        """Queues the training in a `TrainingPool`; see `result_of`.

        Args:
            pool: the workers.
            checkpoint_file: where the worker keeps the training, and continues one that is kept there.
            progress_file: where the worker writes how many epochs are done (`training_progress.py`); "": nowhere.
        """
        return pool.submit(_train, training=self, checkpoint_file=checkpoint_file, progress_file=progress_file)

    def submit_writing(
        self, pool: WorkerPool, checkpoint_file: pathlib.Path, folder: pathlib.Path
    ) -> concurrent.futures.Future:
        """Queues the writing of the formats of a child that is trained; the result is a `Written`.

        Args:
            pool: the workers.
            checkpoint_file: where the training was kept.
            folder: the folder of the formats, which is made anew.
        """
        return pool.submit(_write, training=self, checkpoint_file=checkpoint_file, folder=folder)


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


def identity_of(architecture: Architecture, images: Images, distribute: str, code: Any) -> str:
    """Returns a text that is the same only for trainings that give the same weights.

    Args:
        architecture: what is trained, with settings and seed.
        images: the data set.
        distribute: "none" or "mirrored".
        code: JSON of the code of a user's function that builds the network; None for cells.
    """
    described = {"architecture": dataclasses.asdict(architecture), "data": images.digest, "distribute": distribute}
    return fingerprint({**described, "build": code, "operations": operations.registered_code()})


def _train(
    splits: dict[str, Split], *, training: FinalTraining, checkpoint_file: pathlib.Path, progress_file: str
) -> str | None:
    """The first task: trains a child and keeps its weights; returns why that failed, or None."""
    checkpoint, epochs = Checkpoint(checkpoint_file, training.identity), training.train.epochs
    state = checkpoint.read()
    began = 0 if state is None else state.epochs
    write_epochs(progress_file, began, began)

    def on_epoch(done: int, model: Any) -> None:
        write_epochs(progress_file, done, began)
        if done < epochs and checkpoint.is_due():
            with contextlib.suppress(WriteError):  # the training goes on, and says so at its end if that lasts
                checkpoint.write(read_state(model, done))

    if began == epochs:  # its files were not written
        return None
    model = train_child(
        training.make_model,
        splits["train"],
        num_classes=len(training.class_names),
        config=training.train,
        seed=training.seed,
        distribute=training.distribute,
        state=state,
        on_epoch=on_epoch,
    )
    try:
        checkpoint.write(TrainingState(epochs, model.get_weights()))
    except WriteError as error:
        return str(error)  # raised here, it would reach the user as a worker's traceback
    return None


def _write(
    splits: dict[str, Split], *, training: FinalTraining, checkpoint_file: pathlib.Path, folder: pathlib.Path
) -> Written | str:
    """The second task: writes the trained child in all formats and measures it; or returns why that failed."""
    state = Checkpoint(checkpoint_file, training.identity).read()
    if state is None or state.epochs != training.train.epochs:
        return f"{checkpoint_file}, where the trained child was kept, was lost. Start the same command again."
    build = functools.partial(
        training.make_model, input_shape=splits["train"].images.shape[1:], num_classes=len(training.class_names)
    )
    model = build()  # in float32, whatever the training was in
    model.set_weights(state.arrays)
    child = ChildToWrite(
        model=model,
        build=None if training.has_own_build else build,
        class_names=training.class_names,
        is_own=training.has_own_code,
        quantize=training.quantize,
    )
    try:
        with writing(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()  # fails if the run's folder is gone
            return write_and_measure(child, folder, splits)
    except WriteError as error:
        return str(error)
