"""Exports the mean of the probabilities of exported children as one model, in all formats and with a card."""

import functools
import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.children.ensemble import build_ensemble, join_children
from nas_keras.children.training import Split
from nas_keras.data.images import Images
from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.evaluators.training_pool import TrainingPool
from nas_keras.evaluators.workers.devices import restore_kernels, worker_environments
from nas_keras.results.export_folder import ExportedChild, discard, install, is_complete, make_temporary_path
from nas_keras.results.exportable_run import ExportableRun
from nas_keras.results.exporting.accuracies import errors_of
from nas_keras.results.exporting.children import ExportJob, has_test
from nas_keras.results.exporting.exported_ensemble import (
    ExportedEnsemble,
    ensemble_folder,
    ensemble_title,
    read_ensemble,
    write_ensemble_list,
)
from nas_keras.results.exporting.final_settings import FinalSettings
from nas_keras.results.exporting.final_training import FinalTraining, result_of
from nas_keras.results.exporting.measured_writing import write_and_measure
from nas_keras.results.exporting.planning import plan_export
from nas_keras.results.formats.architecture_file import write_members
from nas_keras.results.formats.weights import load_weights
from nas_keras.results.formats.writing import SAVED_MODEL, ChildToWrite
from nas_keras.results.model_card.card import write_card
from nas_keras.results.model_card.facts import CardFacts, Member, Written
from nas_keras.system.atomic_files import WriteError, writing


def check_ensemble(ensemble: int | None, run: ExportableRun) -> None:
    """Raises InvalidValueError for a number of members below 2 or above that of a run's finished children."""
    if ensemble is None:
        return
    check_at_least("ensemble", ensemble, 2)
    count = len(run.best_trials(ensemble))
    if ensemble > count:
        raise InvalidValueError(
            f"ensemble={ensemble} is not allowed: the search has {count} different children that were trained. Use at "
            "most as many, or search longer."
        )


def update_ensemble(
    run: ExportableRun,
    children: Sequence[ExportedChild],
    final: FinalSettings,
    images: Images | None,
    *,
    quantize: bool,
) -> list[ExportedEnsemble]:
    """Exports the ensemble of exported children, unless that has been done; [] without children.

    Args:
        run: the run.
        children: the exported children, from the best one on.
        final: the settings of their training.
        images: the data set; None: loaded if it is needed.
        quantize: whether a .tflite file of 8-bit integers is written too.

    Raises:
        WriteError: if the disk is full, writing is not allowed, or the like.
        ExportError: if it cannot be written in one of the formats.
        DisagreementError: if a format does not answer as the ensemble does.
    """
    if not children:
        return []
    found = read_ensemble(run.workspace)
    is_same = found is not None and found.children == tuple(children)
    if found and is_same and is_complete(ensemble_folder(run.workspace), quantize=quantize):
        return [found]
    images = images or run.load_images()
    trials = run.best_trials(len(children))
    jobs = [plan_export(run, rank, trial, final, images, quantize=quantize) for rank, trial in trials.items()]
    environments = worker_environments(1, run.distribute)
    restore_kernels(environments, run.environment)
    if tf.config.list_physical_devices("GPU"):  # it rounds otherwise, and the formats are compared to 1e-5
        environments[0]["CUDA_VISIBLE_DEVICES"] = "-1"
    return [_export(run, jobs, children, images, environments)]


def _export(
    run: ExportableRun,
    jobs: Sequence[ExportJob],
    children: Sequence[ExportedChild],
    images: Images,
    environments: Sequence[Mapping[str, str]],
) -> ExportedEnsemble:
    """Writes the ensemble of exported children, `children` of `jobs`, in all formats, and tests it once."""
    folder = ensemble_folder(run.workspace)
    temporary = make_temporary_path(run.workspace.best, folder)
    models = [str(job.folder / SAVED_MODEL) for job in jobs]
    try:
        with TrainingPool(images, environments=environments, with_test=has_test(images)) as pool:
            trainings = [job.training for job in jobs]
            written = result_of(pool.submit(_write, trainings=trainings, models=models, folder=str(temporary)))
        ensemble = ExportedEnsemble(
            children=tuple(children),
            valid_accuracy=written.valid_accuracy,
            test_accuracy=written.test_accuracy,
            num_params=written.num_params,
            path=str((folder / SAVED_MODEL).relative_to(run.workspace.root)),
            **errors_of(written, images),
        )
        with writing(temporary):
            _describe(ensemble, jobs, images, written, run.facts, temporary)
        install(folder)
    except BaseException:
        discard(folder)
        raise
    return ensemble


def _describe(
    ensemble: ExportedEnsemble,
    jobs: Sequence[ExportJob],
    images: Images,
    written: Written,
    facts: dict[str, str],
    folder: pathlib.Path,
) -> None:
    """Writes ensemble.json, architecture.json and the card into a folder."""
    write_ensemble_list(ensemble, folder)
    write_members([job.architecture for job in jobs], folder)
    members = [
        Member(child.rank, job.title, child.num_params, child.valid_accuracy, child.test_accuracy, job.architecture)
        for job, child in zip(jobs, ensemble.children, strict=True)
    ]
    title = ensemble_title(len(jobs))
    write_card(CardFacts(title, jobs[0].architecture, images, written, facts, tuple(members)), folder)


def _write(
    splits: dict[str, Split], *, trainings: Sequence[FinalTraining], models: Sequence[str], folder: str
) -> Written | str:
    """The task of a worker: joins the children of SavedModels, writes all formats and measures; or returns why not."""
    first = trainings[0]
    shape: dict[str, Any] = {
        "input_shape": splits["train"].images.shape[1:],
        "num_classes": len(first.class_names),
    }
    children = []
    for training, path in zip(trainings, models, strict=True):
        children.append(training.make_model(**shape))  # in float32, whatever the training was in
        load_weights(children[-1], pathlib.Path(path))
    build = functools.partial(build_ensemble, [training.make_model for training in trainings], **shape)
    ensemble = ChildToWrite(
        model=join_children(children),
        build=None if first.has_own_build else build,
        class_names=first.class_names,
        is_own=any(training.has_own_code for training in trainings),
        quantize=first.quantize,
    )
    try:
        with writing(folder):
            shutil.rmtree(folder, ignore_errors=True)  # of an export that was killed
            os.mkdir(folder)
            return write_and_measure(ensemble, pathlib.Path(folder), splits)
    except WriteError as error:
        return str(error)  # raised here, it would reach the user as a worker's traceback
