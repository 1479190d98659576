"""Exports the best children of a run: trains them longer, tests each once and saves it as a SavedModel.

`<workdir>/best/saved_model/` is the best child, `best/rank_2/saved_model/` the second, and `best/children.json`
describes them (`results/export_folder.py`). Only an export reads the test split of a searched data set.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

from nas_keras.children.build import ChildConfig
from nas_keras.children.caveats import few_steps, guessing, guessing_accuracy, standard_error
from nas_keras.children.network import CellNetwork
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import NasKerasError, check_at_least, check_type
from nas_keras.evaluators.operation_check import check_operations
from nas_keras.evaluators.training_pool import TrainingPool
from nas_keras.evaluators.workers.devices import restore_kernels, worker_environments
from nas_keras.results.export_folder import (
    ExportedChild,
    install_model,
    make_temporary_path,
    read_exported,
    saved_model_path,
    write_exported,
)
from nas_keras.results.exportable_run import ExportableRun, check_exportable, open_exportable_run
from nas_keras.results.final_training import FinalTraining, final_settings, measurements
from nas_keras.spaces import operations
from nas_keras.spaces.architecture_names import name_architecture, name_key
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Trial


def export_best(
    workdir: str | os.PathLike,
    *,
    top: int = 1,
    epochs: int | None = None,
    images: Images | None = None,
    space: SearchSpace | None = None,
    build: Callable[..., Any] | None = None,
    workers: int | None = None,
) -> list[ExportedChild]:
    """Trains the best children of a run longer, on the training split, tests each once and saves it.

    Every finished child counts, also those of a batch that is not complete yet. A child that was already exported with
    the same number of epochs is not trained again. If there is no usable test split, a child is exported with the test
    accuracy None.

    Args:
        workdir: the folder of the run, whose rewards come from training (or from a table of trainings).
        top: number of children.
        epochs: number of epochs of the final training; None: 10, or three times those of the search if that is more.
        images: the data set of the run; None: loaded again from where the run had it.
        space: the space of the run; None: rebuilt from the run's configuration.
        build: the function that built the children of the run, with the same code; None if it was a search of cells.
        workers: number of worker processes; None: one for each GPU, or else each CPU core.

    Returns:
        The exported children, best first.

    Raises:
        InvalidValueError: if the folder is not a run folder, or its rewards do not come from trained children.
        DataError: if a file of the run is corrupt, or the images are not those of the run.
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    run, train = _open(workdir, top=top, epochs=epochs, images=images, space=space, build=build)
    with run.workspace.locked():
        trials, exported, todo = _compare(run, top, train, images)
        if todo:
            names = run.operations_of(todo.values())
            images = images or run.load_images()
            check_exportable(run.recipe, images)
            trainings = [_plan_training(run, rank, trial, train, images) for rank, trial in todo.items()]
            environments = worker_environments(workers, run.distribute)[: len(todo)]
            restore_kernels(environments, run.environment)
            _check_trainings(run, trainings, names, images)
            _train_and_export(run, trainings, exported, images, environments)
        return [exported[rank] for rank in trials]


def already_exported(
    workdir: str | os.PathLike,
    *,
    top: int = 1,
    epochs: int | None = None,
    images: Images | None = None,
    space: SearchSpace | None = None,
    build: Callable[..., Any] | None = None,
) -> list[ExportedChild]:
    """Returns what `export_best` would return without training anything; [] if it would train a child.

    The arguments and errors are those of `export_best`; nothing is written.
    """
    run, train = _open(workdir, top=top, epochs=epochs, images=images, space=space, build=build)
    trials, exported, todo = _compare(run, top, train, images)
    return [] if todo else [exported[rank] for rank in trials]


def _open(
    workdir: str | os.PathLike,
    *,
    top: int,
    epochs: int | None,
    images: Images | None,
    space: SearchSpace | None,
    build: Callable[..., Any] | None,
) -> tuple[ExportableRun, TrainConfig]:
    """Checks the arguments of an export; returns the run and the settings of the final training."""
    check_at_least("top", top, 1)
    if images is not None:
        check_type("images", images, Images, "nk.Images, or None")
    if space is not None:
        check_type("space", space, SearchSpace, "an nk.SearchSpace, or None")
    run = open_exportable_run(workdir, images=images, space=space, build=build)
    return run, final_settings(run.train, epochs)


def _compare(
    run: ExportableRun, top: int, train: TrainConfig, images: Images | None
) -> tuple[dict[int, Trial], dict[int, ExportedChild], dict[int, Trial]]:
    """Returns, by rank, the best trials, the children that are exported, and the trials that are still to be."""
    trials = run.best_trials(top)
    exported = {child.rank: child for child in read_exported(run.workspace)}
    todo = {
        rank: trial for rank, trial in trials.items() if not _is_exported(run, exported.get(rank), trial, train, images)
    }
    return trials, exported, todo


def _is_exported(
    run: ExportableRun, exported: ExportedChild | None, trial: Trial, train: TrainConfig, images: Images | None
) -> bool:
    """Returns whether the child of this rank is the trial's, was trained in the same way and is still there."""
    if exported is None:
        return False
    if exported.test_accuracy is None and images is not None and _has_test(images):
        return False  # it can be tested now
    path = saved_model_path(run.workspace, exported.rank)
    if exported.path != str(path.relative_to(run.workspace.root)) or not path.is_dir():
        return False  # a list from elsewhere may name any folder
    # Earlier versions wrote the key itself.
    keys = (trial.key, name_key(run.space, trial.key, trial.actions))
    return exported.key in keys and (exported.epochs, exported.seed) == (train.epochs, trial.seed)


def _has_test(images: Images) -> bool:
    """Returns whether there is a usable test split; logs the reason if not."""
    try:
        images.test()
    except NasKerasError as error:
        logging.warning("Exported without a test accuracy: %s", error)
        return False
    return True


def _plan_training(run: ExportableRun, rank: int, trial: Trial, train: TrainConfig, images: Images) -> FinalTraining:
    return FinalTraining(
        rank=rank,
        trial=trial,
        make_model=run.network.make_model(run.space.decode(trial.actions)),
        train=run.training_of(trial, train),
        num_classes=images.num_classes,
        distribute=run.distribute,
    )


def _check_trainings(
    run: ExportableRun, trainings: Sequence[FinalTraining], names: Sequence[str], images: Images
) -> None:
    """Raises InvalidValueError for an operation that cannot be trained here; warns of a training that is too short."""
    first = trainings[0]
    check_operations(
        names,
        operations.registered(),
        child=run.network.child if isinstance(run.network, CellNetwork) else ChildConfig(stages=1),
        input_shape=images.image_shape,
        num_classes=images.num_classes,
        precision=first.train.precision,
    )
    if caveat := few_steps(first.train, len(images.train_labels)):
        logging.warning("%s", caveat)


def _train_and_export(
    run: ExportableRun,
    trainings: Sequence[FinalTraining],
    exported: dict[int, ExportedChild],
    images: Images,
    environments: Sequence[dict[str, str]],
) -> None:
    """Trains children side by side and exports each, best first; `exported` and the list on disk are kept up to date.

    Args:
        run: the run.
        trainings: the children to train.
        exported: the exported children by rank.
        images: the data set.
        environments: environment variables of each worker.
    """
    has_test = _has_test(images)
    with TrainingPool(images, environments=environments, with_test=has_test) as pool:
        submitted = []
        for training in trainings:
            temporary = make_temporary_path(run.workspace, training.rank)
            submitted.append((training, temporary, training.submit(pool, temporary)))
        for training, temporary, future in submitted:
            measured = measurements(future)
            # The entry is removed before the folder it describes, and written once the new folder is in place.
            exported.pop(training.rank, None)
            write_exported(run.workspace, exported, images.class_names)
            path = install_model(run.workspace, training.rank, temporary)
            child = ExportedChild(
                rank=training.rank,
                key=name_key(run.space, training.trial.key, training.trial.actions),
                name=name_architecture(run.space, training.trial.actions),
                search_reward=training.trial.reward,
                epochs=training.train.epochs,
                seed=training.trial.seed,
                path=str(path.relative_to(run.workspace.root)),
                **measured,
                **_errors(measured, images),
            )
            exported[training.rank] = child
            write_exported(run.workspace, exported, images.class_names)
            _warn_of_guessing(child, images)


def _errors(measured: dict[str, Any], images: Images) -> dict[str, Any]:
    """Returns the standard errors of the measured accuracies, and the accuracy of guessing."""
    valid, test = measured["valid_accuracy"], measured["test_accuracy"]
    labels = images.valid_labels if test is None else images.test()[1]
    return {
        "valid_error": standard_error(valid, len(images.valid_labels)),
        "test_error": None if test is None else standard_error(test, len(labels)),
        "guessing": guessing_accuracy(labels, images.num_classes),
    }


def _warn_of_guessing(child: ExportedChild, images: Images) -> None:
    if child.test_accuracy is None:
        split, accuracy, labels = "validation", child.valid_accuracy, images.valid_labels
    else:
        split, accuracy, labels = "test", child.test_accuracy, images.test()[1]
    if caveat := guessing(f"The {split} accuracy of {child.title}", accuracy, labels, images.num_classes):
        logging.warning("%s", caveat)
