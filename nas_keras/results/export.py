"""What a person takes home: the best children of a run, trained longer, tested once, saved as SavedModels.

`<workdir>/best/saved_model/` is the best child, `best/rank_2/saved_model/` the second, and `best/children.json` says
what each is (`results/export_folder.py`). This is the only place where the test split of a searched data set is read.
"""

import dataclasses
import functools
import os
import shutil
from typing import Any

from absl import logging

from nas_keras._tensorflow import NONE
from nas_keras.children import named_recipes
from nas_keras.children.caveats import few_steps, guessing
from nas_keras.children.training import MOST_EPOCHS, Split, TrainConfig, measure, train_child
from nas_keras.data.images import Images
from nas_keras.data.tfds import load_source
from nas_keras.errors import DataError, InvalidValueError, NasKerasError, check_at_least, check_type
from nas_keras.evaluators.operation_check import check_code, check_operations, picklable
from nas_keras.evaluators.training import prepare_worker, share
from nas_keras.evaluators.workers.devices import put_back_kernels, worker_environments
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.results.export_folder import ExportedChild, folder_of, read_exported, write_exported
from nas_keras.results.saved_model import save_child
from nas_keras.runner.search import top_trials
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.description import describe_space, rebuild_space, space_difference
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import run_config
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import WriteError, sync_folder, sync_tree, writing
from nas_keras.system.paths import check_loadable
from nas_keras.trial import Trial

_SAVED_MODEL = "saved_model"
_LEAST_EPOCHS, _TIMES_LONGER = 10, 3  # of the longer training, by default


def export_best(
    workdir: str | os.PathLike,
    *,
    top: int = 1,
    epochs: int | None = None,
    images: Images | None = None,
    space: SearchSpace | None = None,
    workers: int | None = None,
) -> list[ExportedChild]:
    """Trains the best children of a run longer, on the training split, tests each once and saves it.

    Every finished child counts, also one of a batch that is not complete yet. A child that stands exported already with
    the same epochs is not trained again. Without a test split that can be used, a child is exported with the test
    accuracy None.

    Args:
        workdir: of the run, whose rewards came from training (or from a table of trainings).
        top: how many.
        epochs: of the longer training; by default 10, or three times those of the search if that is more.
        images: the data set of the run; by default loaded again from where the run had it.
        space: of the run; by default as its configuration says it.
        workers: processes that train.

    Raises:
        InvalidValueError: if the folder is no run, its rewards are not of trained children, or the images are others.
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    check_at_least("top", top, 1)
    if images is not None:
        check_type("images", images, Images, "nk.Images, or None")
    if space is not None:
        check_type("space", space, SearchSpace, "an nk.SearchSpace, or None")
    workspace = Workspace(workdir)
    check_loadable("workdir", workspace.root)
    config = workspace.read_config()
    if config is None:
        raise InvalidValueError(
            f"workdir={str(workdir)!r} is no run: it has no config.json. Name the folder of a search."
        )
    origin = run_config.origin_of(config, workspace.config)
    recipe = config["fixed"]["recipe"]
    check_exportable(recipe, images)
    child, train = named_recipes.configs_of(recipe, workspace.config)
    train = _longer(train, epochs)
    described = config["fixed"]["space"]
    space = space or rebuild_space(described, workspace.config)
    if space.fingerprint != origin.space:
        raise InvalidValueError(
            f"The run {str(workdir)!r} searched another space than {space!r}: "
            f"{space_difference(described, describe_space(space))}. Pass the space of the run: export_best(space=...)."
        )
    with workspace.locked():
        variants = config.get("variants", {})
        dataset = Dataset(origin, workspace)
        trials = top_trials([*dataset.trials, *dataset.pending], top)
        if not trials:
            raise InvalidValueError(f"The run {str(workdir)!r} has no child that was trained. Search first.")
        done = {exported.rank: exported for exported in read_exported(workspace)}
        todo = {
            rank: trial
            for rank, trial in enumerate(trials, start=1)
            if not _is_done(workspace, done.get(rank), trial, train, images)
        }
        if todo:
            check_code([space.decode(trial.actions) for trial in todo.values()], recipe, workspace.root)
            images = images or _load(config)
            check_exportable(recipe, images)
            distribute = recipe.get("distribute", NONE)
            trains = {rank: _train_of(trial, train, variants) for rank, trial in todo.items()}
            environments = worker_environments(workers, distribute)[: len(todo)]
            put_back_kernels(environments, run_config.environment_of(config, workspace.config))
            _check_cells(todo, space, images, child, train)
            _export(workspace, todo, done, space, images, child, trains, distribute, environments)
        return [done[rank] for rank in range(1, len(trials) + 1)]


def check_exportable(recipe: dict[str, Any], images: Images | None = None) -> None:
    """Raises unless rewards of this recipe are of trained children and, where `images` are given, of those.

    Raises:
        InvalidValueError: if no children were trained.
        DataError: if they were trained on other images.
    """
    if not {"data", "child", "train"} <= set(recipe):
        raise InvalidValueError(
            f"The rewards are not of trained children, but of {recipe}: there is none to train longer and to export."
        )
    data = recipe["data"]
    if not isinstance(data, dict) or not isinstance(data.get("digest"), str):
        raise DataError("The recipe does not say of which images the rewards are. Restore its file from a copy.")
    if images is not None and images.digest != recipe["data"]["digest"]:
        raise DataError(
            f"The images of {images.name} have digest {images.digest[:16]}, but the rewards of this run came from "
            f"{recipe['data']['digest'][:16]}: another data set, version, split or order. Use the copy that it was "
            "made with."
        )


def _longer(train: TrainConfig, epochs: int | None) -> TrainConfig:
    """The longer training: the recipe of the search with other epochs."""
    if epochs is None:
        epochs = min(max(_LEAST_EPOCHS, _TIMES_LONGER * train.epochs), MOST_EPOCHS)
    check_at_least("epochs", epochs, 1)
    if epochs < train.epochs:
        logging.warning(
            "The final training has %d epochs, fewer than the %d of the search, so what is exported may be worse than "
            "what was found. Leave epochs out, or use more.",
            epochs,
            train.epochs,
        )
    return dataclasses.replace(train, epochs=epochs)


def _check_cells(todo: dict[int, Trial], space: SearchSpace, images: Images, child, train: TrainConfig) -> None:
    """Refuses operations that cannot be trained here, and warns of a training that is too short."""
    names = dict.fromkeys(name for trial in todo.values() for _, name in space.decode(trial.actions).nodes)
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


def _has_test(images: Images) -> bool:
    """Whether there is a test split that can be used; says in a warning why not."""
    try:
        images.test()
    except NasKerasError as error:
        logging.warning("Exported without a test accuracy: %s", error)
        return False
    return True


def _is_done(
    workspace: Workspace, exported: ExportedChild | None, trial: Trial, train: TrainConfig, images: Images | None
) -> bool:
    if exported is None:
        return False
    if exported.test_accuracy is None and images is not None and _has_test(images):
        return False  # it can be tested now
    folder = folder_of(workspace, exported.rank) / _SAVED_MODEL
    if exported.path != str(folder.relative_to(workspace.root)) or not folder.is_dir():
        return False  # a list from elsewhere may name any folder
    return (exported.key, exported.epochs, exported.seed) == (trial.key, train.epochs, trial.seed)


def _load(config: dict[str, Any]) -> Images:
    source = config.get("source") or {}
    if not isinstance(source, dict) or "dataset" not in source:
        of_what = "came from a table" if isinstance(source, dict) and "table" in source else "was made from arrays"
        raise InvalidValueError(f"The run {of_what}: pass the same images to export_best(images=...).")
    return load_source(source)


def _train_of(trial: Trial, train: TrainConfig, variants: dict[str, Any]) -> TrainConfig:
    """How this child is trained: one that had no room for a whole batch has none now."""
    variant = variants.get(trial.evaluation.recipe)
    if not variant:
        return train
    return dataclasses.replace(train, batch_size=named_recipes.configs_of(variant, "config.json")[1].batch_size)


def _export(
    workspace, todo: dict[int, Trial], done: dict, space, images, child, trains, distribute, environments
) -> None:
    has_test = _has_test(images)
    shared = share(images, test=has_test)
    pool = WorkerPool(
        functools.partial(prepare_worker, shared.fd, shared.layout, picklable(operations.registered())),
        environments=environments,
        pass_fds=[shared.fd],
    )
    try:
        settings = {"num_classes": images.num_classes, "child": child, "distribute": distribute}
        futures = {}
        for rank, trial in todo.items():
            folder = folder_of(workspace, rank)
            with writing(folder):
                workspace.best.mkdir(exist_ok=True)
                folder.mkdir(exist_ok=True)
            temporary = folder / f".{_SAVED_MODEL}.tmp"
            arguments = {
                "cell": space.decode(trial.actions),
                "seed": trial.seed,
                "settings": {**settings, "config": trains[rank]},
            }
            futures[rank] = folder, temporary, pool.submit(_train_and_save, path=str(temporary), **arguments)
        for rank, (folder, temporary, future) in futures.items():
            measured = future.result()
            if "problem" in measured:
                raise WriteError(measured["problem"])
            target = folder / _SAVED_MODEL
            # The list is taken back before the folder it describes, and written after the new one is there.
            done.pop(rank, None)
            write_exported(workspace, done)
            with writing(target):
                sync_tree(temporary)
                shutil.rmtree(target, ignore_errors=True)
                os.replace(temporary, target)
                sync_folder(folder)
            trial = todo[rank]
            done[rank] = ExportedChild(
                rank=rank,
                key=trial.key,
                search_reward=trial.reward,
                epochs=trains[rank].epochs,
                seed=trial.seed,
                path=str(target.relative_to(workspace.root)),
                **measured,
            )
            write_exported(workspace, done)
            part, accuracy = (
                ("test", done[rank].test_accuracy) if has_test else ("validation", done[rank].valid_accuracy)
            )
            labels = images.test()[1] if has_test else images.valid_labels
            if caveat := guessing(f"The {part} accuracy of {trial.key}", accuracy, labels, images.num_classes):
                logging.warning("%s", caveat)
    finally:
        pool.close()
        shared.close()


def _train_and_save(splits: dict[str, Split], *, cell: Cell, seed: int, settings: dict[str, Any], path: str) -> dict:
    """A worker's task: trains, measures on validation and test, saves."""
    model = train_child(cell, splits["train"], seed=seed, **settings)
    measured = {
        "valid_accuracy": measure(model, splits["valid"])[0],
        "test_accuracy": measure(model, splits["test"])[0] if "test" in splits else None,
        "num_params": model.count_params(),
    }
    try:
        with writing(path):
            shutil.rmtree(path, ignore_errors=True)
            os.mkdir(path)  # which fails where the run's folder is gone; TensorFlow would make it anew
            save_child(model, path)
    except WriteError as error:
        return {"problem": str(error)}  # an exception would travel as a traceback
    return measured
