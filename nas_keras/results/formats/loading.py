"""Loads an exported child as a Keras model again: the network is built anew, and gets the weights of the SavedModel.

Nothing in the files is run: a SavedModel's own graph and Keras' own loaders, which may run code, are not used.
"""

import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

from nas_keras.children.build import build_child
from nas_keras.children.ensemble import build_ensemble
from nas_keras.errors import DataError, InvalidValueError, check_at_least, check_flag
from nas_keras.evaluators.operation_check import check_code
from nas_keras.results.exportable_run import open_exportable_run
from nas_keras.results.formats.architecture_file import (
    ARCHITECTURE,
    ENSEMBLE,
    Architecture,
    read_architecture,
    read_members,
)
from nas_keras.results.formats.weights import load_weights
from nas_keras.results.formats.writing import SAVED_MODEL
from nas_keras.spaces.operations import OPERATIONS
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.sources import open_run
from nas_keras.system.paths import check_loadable, local_path


def load_model(
    workdir: str | os.PathLike,
    rank: int = 1,
    *,
    ensemble: bool = False,
    space: SearchSpace | None = None,
    build: Callable[..., Any] | None = None,
) -> Any:
    """Loads an exported child as a Keras model, such as for training it further.

    Args:
        workdir: the folder of a run whose children were exported, or that of a cell by itself, which
            `launch/train_child.py --export` has written.
        rank: the rank of the child in the search, from 1.
        ensemble: whether to load the exported ensemble of a run instead, whose logits are the logarithms of the mean of
            the probabilities of its members.
        space: the space of the run; None: rebuilt from the run's configuration. Only needed with `build`.
        build: the function that built the children of the run, with the same code; None for children around cells.

    Returns:
        An uncompiled `tf.keras.Model` from raw images [B, H, W, C], with values from 0 to 255, to logits float32
        [B, num_classes], as `build_child` returns it.

    Raises:
        InvalidValueError: if there is no such child or ensemble, or its operations or its function are not those of the
            run.
        DataError: if a file is corrupt.
    """
    check_at_least("rank", rank, 1)
    check_flag("ensemble", ensemble)
    root = local_path("workdir", workdir)
    if ensemble:
        folder = Workspace(root).best / ENSEMBLE
        if not (folder / ARCHITECTURE).exists():
            raise InvalidValueError(f"{root} has no ensemble. Export one by nk.export_best(workdir, ensemble=5).")
        members = read_members(folder / ARCHITECTURE)
        make = functools.partial(build_ensemble, [_make(member, root, folder, space, build) for member in members])
        return _load(make, members[0], folder)
    best = Workspace(root).best
    folder = root if (root / ARCHITECTURE).exists() else best if rank == 1 else best / f"rank_{rank}"
    if (folder == root and rank != 1) or not (folder / ARCHITECTURE).exists():
        what = f"has no exported child of rank {rank}" if root.is_dir() else "is not a folder"
        raise InvalidValueError(f"{root} {what}. Export it by nk.export_best(workdir, top={rank}).")
    architecture = read_architecture(folder / ARCHITECTURE)
    return _load(_make(architecture, root, folder, space, build), architecture, folder)


def _load(make: Callable[..., Any], architecture: Architecture, folder: pathlib.Path) -> Any:
    """Builds a model for images of an architecture and gives it the weights in a folder."""
    check_loadable("workdir", folder)
    model = make(input_shape=architecture.input_shape, num_classes=len(architecture.class_names))
    load_weights(model, folder / SAVED_MODEL)
    return model


def _make(
    architecture: Architecture,
    root: pathlib.Path,
    folder: pathlib.Path,
    space: SearchSpace | None,
    build: Callable[..., Any] | None,
) -> Callable[..., Any]:
    """Returns the function that builds the child of these input shape and number of classes."""
    if architecture.cell is not None:
        names = {name for _, name in architecture.cell.nodes} - set(OPERATIONS)
        if names and folder != root:
            check_code(names, open_run("workdir", root).recipe, root)
        return functools.partial(build_child, architecture.cell, architecture.child)
    if build is None:
        raise InvalidValueError(f"A function of your own built the children of {root}. Pass it: load_model(build=...).")
    run = open_exportable_run(root, images=None, space=space, build=build)
    chosen = []
    for decision in run.space.decisions:
        names_of_choices = [str(choice) for choice in decision.choices]
        if architecture.decisions.get(decision.name) not in names_of_choices:
            raise DataError(f"{folder / ARCHITECTURE} has no choice of {decision.name!r}. Export the child again.")
        chosen.append(names_of_choices.index(architecture.decisions[decision.name]))
    return run.network.make_model(run.space.decode(chosen))
