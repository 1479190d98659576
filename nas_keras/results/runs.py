"""Runs and tables read from their folders, finished or not.

`load_run` reads one folder, `read_runs` several runs that are compared. Neither changes a file, so a search may be
running in the folder.
"""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

from nas_keras.errors import InvalidValueError, check_type
from nas_keras.results.loaded_run import Run
from nas_keras.spaces.rebuilding import find_space, rebuild_space
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.run_config import check_settings
from nas_keras.storage.sources import Source, open_run, open_source
from nas_keras.storage.table import read_table
from nas_keras.system.paths import local_path

_TITLES = {"ppo": "PPO", "random": "random search", "reinforce": "REINFORCE", "ppo_predictor": "PPO with a predictor"}


def load_run(path: str | os.PathLike, *, space: SearchSpace | None = None) -> Run:
    """Reads the folder of a run, finished, running or interrupted, or of a table.

        run = nk.load_run("runs/mnist")
        run.best, run.top(5)
        run.to_dataframe().sort_values("reward")

    Args:
        path: the folder.
        space: the space of a table of your own space, which its folder does not hold; None: the space is found.

    Returns:
        What the folder holds at this moment; children that have finished in a batch that is still open included.

    Raises:
        InvalidValueError: if the folder is neither a run nor a table, or is of another space.
        DataError: if a file is corrupt.
    """
    if space is not None:
        check_type("space", space, SearchSpace, "an nk.SearchSpace, or None")
    source = open_source("path", path)
    if space is not None and space.fingerprint != source.origin.space:
        raise InvalidValueError(f"{source.path} is not of the space {space!r}. Give its own space, or leave it out.")
    if source.is_table:
        return _read_table(source, space)
    run = _read_run(source, space)
    return dataclasses.replace(run, title=_TITLES.get(run.strategy, run.strategy))


def read_runs(paths: Sequence[str | os.PathLike]) -> list[Run]:
    """Reads several runs, which must have the same space and the same recipe.

    Raises:
        InvalidValueError: if a folder is named twice, is not a run folder or has no finished child yet, or if two runs
            differ in space or recipe.
        DataError: if a run is corrupt.
    """
    folders = [local_path("runs", path) for path in paths]
    runs = [_read(path) for path in folders]
    for run in runs:
        if folders.count(run.path) > 1:
            raise InvalidValueError(f"The run {run.path} is named twice. Name it once.")
        check_same(
            run.path,
            runs[0].path,
            space=(run.fixed["space"], runs[0].fixed["space"]),
            recipe=(run.fixed["recipe"], runs[0].fixed["recipe"]),
            fix="Name runs of one space and one recipe.",
        )
        if run.objective != runs[0].objective:
            raise InvalidValueError(
                f"{run.path} has another objective than {runs[0].path}: {run.objective or 'accuracy'} and "
                f"{runs[0].objective or 'accuracy'}. Name runs of one objective."
            )
    return [_titled(run, runs) for run in runs]


def _read(path: pathlib.Path) -> Run:
    run = _read_run(open_run("runs", path))
    if not run.trials:
        raise InvalidValueError(f"The run {path} has no trial yet. Wait for its first child, or leave it out.")
    return run


def _read_run(source: Source, space: SearchSpace | None = None) -> Run:
    check_settings(source.config, source.run.config)
    space = space or rebuild_space(source.space, source.run.config)
    dataset = source.read_dataset()
    digest = dataset.digest(len(dataset.batches))
    return Run(source.path, "", source.config, space, dataset.batches, dataset.pending, digest)


def _read_table(source: Source, space: SearchSpace | None) -> Run:
    space = space or find_space(source.origin.space)
    if space is None:
        raise InvalidValueError(
            f"{source.path} is a table of a space of your own, which it does not hold. Give the space: "
            "nk.load_run(path, space=...), or --import the file that defines it."
        )
    table = read_table(source.path)
    config = {name: getattr(table, name) for name in ("recipe", "variants", "environment", "space")}
    return Run(source.path, source.path.name, config, space, [table.trials])


def _titled(run: Run, runs: Sequence[Run]) -> Run:
    title = _TITLES.get(run.strategy, run.strategy)
    folders = [other.path for other in runs if other.strategy == run.strategy]
    if len(folders) > 1:
        is_unique = [folder.name for folder in folders].count(run.path.name) == 1
        title += f" ({run.path.name if is_unique else run.path})"
    return dataclasses.replace(run, title=title)
