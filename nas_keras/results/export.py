"""Exports the best children of a run: trains them longer, tests each once and writes it in all formats.

`<workdir>/best/` has the best child, `best/rank_2/` the second, and `best/children.json` lists them
(`results/export_folder.py`). Only an export reads the test split of a searched data set.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

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
from nas_keras.results.exporting.accuracies import errors_of, warn_of_guessing
from nas_keras.results.exporting.children import ExportJob, export_children, has_test
from nas_keras.results.exporting.ensemble import check_ensemble, update_ensemble
from nas_keras.results.exporting.exported_ensemble import ExportedEnsemble
from nas_keras.results.exporting.final_settings import FinalSettings
from nas_keras.results.exporting.planning import check_trainings, plan_export
from nas_keras.spaces.architecture_names import name_key
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Trial


def export_best(
    workdir: str | os.PathLike,
    *,
    top: int = 1,
    ensemble: int | None = None,
    epochs: int | None = None,
    recipe: str | TrainConfig | None = None,
    filters: int | None = None,
    cells_per_stage: int | None = None,
    stem_stride: int | None = None,
    images: Images | None = None,
    space: SearchSpace | None = None,
    build: Callable[..., Any] | None = None,
    workers: int | None = None,
    quantize: bool = False,
    progress: bool | None = None,
) -> list[ExportedChild | ExportedEnsemble]:
    """Trains the best children of a run longer, on the training split, tests each once and writes it in all formats.

    Every finished child counts, also those of a batch that is not complete yet. A child that was already exported with
    the same settings is not trained again. If there is no usable test split, a child is exported with the test
    accuracy None. docs/child.md describes the files.

    Args:
        workdir: the folder of the run, whose rewards come from training (or from a table of trainings).
        top: number of children.
        ensemble: number of best children that are one more model, with the mean of their probabilities; None: none.
        epochs: epochs of the final training; None: those of `recipe`, or else 10, or three times the search's if more.
        recipe: its settings, an `nk.TrainConfig` or the name "mnist_long_v1"; None: those of the search.
        filters: of the final network, see `nk.ChildConfig`; None: as in the search. The same holds for the next two.
        cells_per_stage: see `nk.ChildConfig`.
        stem_stride: see `nk.ChildConfig`.
        images: the data set of the run; None: loaded again from where the run had it.
        space: the space of the run; None: rebuilt from the run's configuration.
        build: the function that built the children of the run, with the same code; None if it was a search of cells.
        workers: number of worker processes; None: one for each GPU, or else each CPU core.
        quantize: whether a .tflite file of 8-bit integers is written too.
        progress: whether a bar on stderr shows the epochs; None: if stderr is a terminal, or in a notebook. `True`
            elsewhere: a plain line every half minute.

    Returns:
        The exported children, best first, and after them the ensemble, if there is one.

    Raises:
        InvalidValueError: if the folder is no run folder, or its children were not trained, or cannot be in this way.
        DataError: if a file of the run is corrupt, or the images are not those of the run.
        WriteError: if the disk is full, writing is not allowed, or the like.
        ExportError: if a child cannot be written in one of the formats.
        DisagreementError: if a format does not answer as the trained child does.
    """
    check_flag("quantize", quantize)
    if progress is not None:
        check_flag("progress", progress)
    final = FinalSettings(epochs, recipe, filters, cells_per_stage, stem_stride)
    run = _open(workdir, top=top, final=final, images=images, space=space, build=build)
    check_ensemble(ensemble, run)
    with run.workspace.locked():
        top = max(top, ensemble or 0)
        children = _export(run, final, top, images, workers, quantize=quantize, progress=progress)
        return [*children, *update_ensemble(run, children[: ensemble or 0], final, images, quantize=quantize)]


def already_exported(
    workdir: str | os.PathLike,
    *,
    top: int = 1,
    images: Images | None = None,
    space: SearchSpace | None = None,
    build: Callable[..., Any] | None = None,
    quantize: bool = False,
    **settings: Any,
) -> list[ExportedChild]:
    """Returns what `export_best` would return without training anything; [] if it would train a child.

    The arguments and errors are those of `export_best`; `settings` are those of the final training. Nothing is written.
    """
    final = FinalSettings(**settings)
    run = _open(workdir, top=top, final=final, images=images, space=space, build=build)
    trials, exported, todo = _compare(run, top, final, images, quantize=quantize)
    return [] if todo else [exported[rank] for rank in trials]


def _open(
    workdir: str | os.PathLike,
    *,
    top: int,
    final: FinalSettings,
    images: Images | None,
    space: SearchSpace | None,
    build: Callable[..., Any] | None,
) -> ExportableRun:
    """Checks the arguments of an export; returns the run."""
    check_at_least("top", top, 1)
    if images is not None:
        check_type("images", images, Images, "nk.Images, or None")
    if space is not None:
        check_type("space", space, SearchSpace, "an nk.SearchSpace, or None")
    run = open_exportable_run(workdir, images=images, space=space, build=build)
    final.network(run.network)
    return run


def _export(
    run: ExportableRun,
    final: FinalSettings,
    top: int,
    images: Images | None,
    workers: int | None,
    *,
    quantize: bool,
    progress: bool | None,
) -> list[ExportedChild]:
    """Trains and exports the best children that are not exported yet; returns all of them."""
    trials, exported, todo = _compare(run, top, final, images, quantize=quantize)
    if todo:
        names = run.operations_of(todo.values())
        images = images or run.load_images()
        check_exportable(run.recipe, images)
        check_trainings(run, final, names, images)
        jobs = {rank: plan_export(run, rank, trial, final, images, quantize=quantize) for rank, trial in todo.items()}
        environments = worker_environments(workers, run.distribute)[: len(todo)]
        restore_kernels(environments, run.environment)
        _train_and_export(run, final, jobs, todo, exported, images, environments, progress)
    return [exported[rank] for rank in trials]


def _compare(
    run: ExportableRun, top: int, final: FinalSettings, images: Images | None, *, quantize: bool
) -> tuple[dict[int, Trial], dict[int, ExportedChild], dict[int, Trial]]:
    """Returns, by rank, the best trials, the children that are exported, and the trials that are still to be."""
    trials = run.best_trials(top)
    exported = {child.rank: child for child in read_exported(run.workspace)}
    todo = {
        rank: trial
        for rank, trial in trials.items()
        if not _is_exported(run, exported.get(rank), trial, final, images, quantize=quantize)
    }
    return trials, exported, todo


def _is_exported(
    run: ExportableRun,
    exported: ExportedChild | None,
    trial: Trial,
    final: FinalSettings,
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
    same = (final.train(run.train).epochs, trial.seed, final.changes(run.network, run.train))
    return exported.key in keys and (exported.epochs, exported.seed, exported.changes) == same


def _train_and_export(
    run: ExportableRun,
    final: FinalSettings,
    jobs: dict[int, ExportJob],
    trials: dict[int, Trial],
    exported: dict[int, ExportedChild],
    images: Images,
    environments: Sequence[dict[str, str]],
    progress: bool | None,
) -> None:
    """Trains children side by side and exports each, best first; `exported` and the list on disk are kept up to date.

    Jobs, their trials in the search and the exported children are given by rank.
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
            recipe=final.recipe_name,
            changes=final.changes(run.network, run.train),
            **errors_of(written, images),
        )
        exported[rank] = child
        write_exported(run.workspace, exported, images.class_names)
        warn_of_guessing(child, images)
