"""The final training of a child before it is exported: the recipe of the search with more epochs, in a worker."""

import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
from typing import Any

from absl import logging

from nas_keras.children.train_config import MOST_EPOCHS, TrainConfig
from nas_keras.children.training import MakeModel, Split, measure, train_child
from nas_keras.errors import check_at_least
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.results.saved_model import save_child
from nas_keras.system.atomic_files import WriteError, writing
from nas_keras.trial import Trial

_LEAST_EPOCHS, _TIMES_LONGER = 10, 3  # by default


@dataclasses.dataclass(frozen=True)
class FinalTraining:
    """The final training of one child.

    Attributes:
        rank: the child's rank in the search, from 1.
        trial: the child's trial in the search; the training uses the same seed.
        make_model: builds the child, see `train_child`.
        train: the settings of the training.
        num_classes: number of classes of the images.
        distribute: "none" or "mirrored".
    """

    rank: int
    trial: Trial
    make_model: MakeModel
    train: TrainConfig
    num_classes: int
    distribute: str

    def submit(self, pool: WorkerPool, path: pathlib.Path) -> concurrent.futures.Future:
        """Queues the training in a `TrainingPool`; see `measurements`.

        Args:
            pool: the workers.
            path: the folder to which the worker saves the child.
        """
        settings = {
            "num_classes": self.num_classes,
            "config": self.train,
            "distribute": self.distribute,
        }
        return pool.submit(
            _train_and_save, make_model=self.make_model, seed=self.trial.seed, settings=settings, path=str(path)
        )


def final_settings(train: TrainConfig, epochs: int | None) -> TrainConfig:
    """Returns the settings of the search with the epochs of the final training.

    Args:
        train: the settings of the search.
        epochs: number of epochs of the final training; None: 10, or three times those of the search if that is more.

    Raises:
        InvalidValueError: for a number of epochs that is not allowed.
    """
    if epochs is None:
        epochs = min(max(_LEAST_EPOCHS, _TIMES_LONGER * train.epochs), MOST_EPOCHS)
    check_at_least("epochs", epochs, 1)
    if epochs < train.epochs:
        logging.warning(
            "The final training has %d epochs, fewer than the %d of the search, so the exported child may be worse "
            "than the one that was found. Leave epochs out, or use more.",
            epochs,
            train.epochs,
        )
    return dataclasses.replace(train, epochs=epochs)


def measurements(future: concurrent.futures.Future) -> dict[str, Any]:
    """Waits for a training that was submitted.

    Returns:
        `valid_accuracy` and `test_accuracy`, fractions (the latter None without a test split), and `num_params`.

    Raises:
        WriteError: if the child could not be saved.
        RuntimeError: if the worker died or the training failed.
    """
    measured = future.result()
    if "problem" in measured:
        raise WriteError(measured["problem"])
    return measured


def _train_and_save(
    splits: dict[str, Split], *, make_model: MakeModel, seed: int, settings: dict[str, Any], path: str
) -> dict:
    """The task of a worker: trains a child, measures it on validation and test split, and saves it."""
    model = train_child(make_model, splits["train"], seed=seed, **settings)
    measured = {
        "valid_accuracy": measure(model, splits["valid"])[0],
        "test_accuracy": measure(model, splits["test"])[0] if "test" in splits else None,
        "num_params": model.count_params(),
    }
    try:
        with writing(path):
            shutil.rmtree(path, ignore_errors=True)
            os.mkdir(path)  # fails if the run's folder is gone; TensorFlow would create the folder again
            save_child(model, path)
    except WriteError as error:
        return {"problem": str(error)}  # raised here, it would reach the user as a worker's traceback
    return measured
