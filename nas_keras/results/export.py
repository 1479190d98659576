"""Exports the best children of a run: trains them longer, tests each once and writes it in all formats.

`<workdir>/best/` has the best child, `best/rank_2/` the second, and `best/children.json` lists them
(`results/export_folder.py`). Only an export reads the test split of a searched data set.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

from nas_keras.children.caveats import guessing, guessing_accuracy, standard_error
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import check_at_least, check_flag, check_type
from nas_keras.evaluators.workers.devices import restore_kernels, worker_environments
from nas_keras.results.export_folder import (
    ExportedChild,
    install,
    is_complete,
    read_exported,
    saved_model_path,
    write_exported,
)
from nas_keras.results.exportable_run import ExportableRun, check_exportable, open_exportable_run
from nas_keras.results.exporting.children import ExportJob, export_children, has_test
from nas_keras.results.exporting.final_training import final_settings
from nas_keras.results.exporting.planning import check_trainings, plan_export
from nas_keras.results.model_card.facts import Written
from nas_keras.spaces.architecture_names import name_key
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
    quantize: bool = False,
    progress: bool | None = None,
) -> list[ExportedChild]:
    """Trains the best children of a run longer, on the training split, tests each once and writes it in all formats.

    Every finished child counts, also those of a batch that is not complete yet. A child that was already exported with
    the same number of epochs is not trained again. If there is no usable test split, a child is exported with the test
    accuracy None. docs/child.md describes the files.

    Args:
        workdir: the folder of the run, whose rewards come from training (or from a table of trainings).
        top: number of children.
        epochs: number of epochs of the final training; None: 10, or three times those of the search if that is more.
        images: the data set of the run; None: loaded again from where the run had it.
        space: the space of the run; None: rebuilt from the run's configuration.
        build: the function that built the children of the run, with the same code; None if it was a search of cells.
        workers: number of worker processes; None: one for each GPU, or else each CPU core.
        quantize: whether a .tflite file of 8-bit integers is written too.
        progress: whether a bar on stderr shows the epochs; None: if stderr is a terminal, or in a notebook. `True`
            elsewhere: a plain line every half minute.

    Returns:
        The exported children, best first.

    Raises:
        InvalidValueError: if the folder is not a run folder, or its rewards do not come from trained children.
        DataError: if a file of the run is corrupt, or the images are not those of the run.
        WriteError: if the disk is full, writing is not allowed, or the like.
        ExportError: if a child cannot be written in one of the formats.
        DisagreementError: if a format does not answer as the trained child does.
    """
    check_flag("quantize", quantize)
    if progress is not None:
        check_flag("progress", progress)
    run, train = _open(workdir, top=top, epochs=epochs, images=images, space=space, build=build)
    with run.workspace.locked():
        trials, exported, todo = _compare(run, top, train, images, quantize=quantize)
        if todo:
            names = run.operations_of(todo.values())
            images = images or run.load_images()
            check_exportable(run.recipe, images)
            jobs = {
                rank: plan_export(run, rank, trial, train, images, quantize=quantize) for rank, trial in todo.items()
            }
            environments = worker_environments(workers, run.distribute)[: len(todo)]
            restore_kernels(environments, run.environment)
            check_trainings(run, next(iter(jobs.values())).training, names, images)
            _train_and_export(run, jobs, todo, exported, images, environments, progress)
        return [exported[rank] for rank in trials]


def already_exported(
    workdir: str | os.PathLike,
    *,
    top: int = 1,
    epochs: int | None = None,
    images: Images | None = None,
    space: SearchSpace | None = None,
    build: Callable[..., Any] | None = None,
    quantize: bool = False,
) -> list[ExportedChild]:
    """Returns what `export_best` would return without training anything; [] if it would train a child.

    The arguments and errors are those of `export_best`; nothing is written.
    """
    run, train = _open(workdir, top=top, epochs=epochs, images=images, space=space, build=build)
    trials, exported, todo = _compare(run, top, train, images, quantize=quantize)
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
    run: ExportableRun, top: int, train: TrainConfig, images: Images | None, *, quantize: bool
) -> tuple[dict[int, Trial], dict[int, ExportedChild], dict[int, Trial]]:
    """Returns, by rank, the best trials, the children that are exported, and the trials that are still to be."""
    trials = run.best_trials(top)
    exported = {child.rank: child for child in read_exported(run.workspace)}
    todo = {
        rank: trial
        for rank, trial in trials.items()
        if not _is_exported(run, exported.get(rank), trial, train, images, quantize=quantize)
    }
    return trials, exported, todo


def _is_exported(
    run: ExportableRun,
    exported: ExportedChild | None,
    trial: Trial,
    train: TrainConfig,
    images: Images | None,
    *,
    quantize: bool,
) -> bool:
    """Returns whether the child of this rank is the trial's, was trained in the same way and is still there."""
    if exported is None:
        return False
    if exported.test_accuracy is None and images is not None and has_test(images):
        return False  # it can be tested now
    path = saved_model_path(run.workspace, exported.rank)
    if exported.path != str(path.relative_to(run.workspace.root)) or not is_complete(path.parent, quantize=quantize):
        return False  # a list from elsewhere may name any folder
    # Earlier versions wrote the key itself.
    keys = (trial.key, name_key(run.space, trial.key, trial.actions))
    return exported.key in keys and (exported.epochs, exported.seed) == (train.epochs, trial.seed)


def _train_and_export(
    run: ExportableRun,
    jobs: dict[int, ExportJob],
    trials: dict[int, Trial],
    exported: dict[int, ExportedChild],
    images: Images,
    environments: Sequence[dict[str, str]],
    progress: bool | None,
) -> None:
    """Trains children side by side and exports each, best first; `exported` and the list on disk are kept up to date.

    Args:
        run: the run.
        jobs: the children to train, by rank.
        trials: their trials in the search, by rank.
        exported: the exported children by rank.
        images: the data set.
        environments: environment variables of each worker.
        progress: see `export_best`.
    """
    ranks = {id(job): rank for rank, job in jobs.items()}
    for job, written in export_children(list(jobs.values()), images, environments, progress=progress):
        rank, trial = ranks[id(job)], trials[ranks[id(job)]]
        # The entry is removed before the files it describes, and written once the new files are in place.
        exported.pop(rank, None)
        write_exported(run.workspace, exported, images.class_names)
        install(job.folder)
        child = ExportedChild(
            rank=rank,
            key=name_key(run.space, trial.key, trial.actions),
            name=job.title,
            search_reward=trial.reward,
            epochs=job.training.train.epochs,
            seed=trial.seed,
            path=str(saved_model_path(run.workspace, rank).relative_to(run.workspace.root)),
            valid_accuracy=written.valid_accuracy,
            test_accuracy=written.test_accuracy,
            num_params=written.num_params,
            **_errors(written, images),
        )
        exported[rank] = child
        write_exported(run.workspace, exported, images.class_names)
        _warn_of_guessing(child, images)


def _errors(written: Written, images: Images) -> dict[str, Any]:
    """Returns the standard errors of the measured accuracies, and the accuracy of guessing."""
    valid, test = written.valid_accuracy, written.test_accuracy
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
