"""Searches that were made, read from their folders to be told of; running ones as far as they got."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from nas_keras.errors import InvalidValueError
from nas_keras.runner.result import top_trials
from nas_keras.spaces.description import rebuild_space, space_difference
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.recipe import difference
from nas_keras.storage.run_config import check_settings, origin_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial

_TITLES = {"ppo": "PPO", "random": "random search", "reinforce": "REINFORCE", "ppo_predictor": "PPO with a predictor"}


@dataclasses.dataclass(frozen=True)
class Run:
    """One search.

    Attributes:
        path: its folder.
        title: its name beside the others: its strategy and, where that does not tell them apart, the name of its
            folder or else the whole path.
        config: its `config.json`.
        space: that it searched.
        batches: its trials, as told.
        pending: children that are finished, of a batch that is not; the strategy was not told of them.
    """

    path: pathlib.Path
    title: str
    config: dict[str, Any]
    space: SearchSpace
    batches: list[list[Trial]]
    pending: list[Trial] = dataclasses.field(default_factory=list)

    @property
    def fixed(self) -> dict[str, Any]:
        """The settings that may not change between starts."""
        return self.config["fixed"]

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
        return self.fixed["strategy"]["name"]

    @functools.cached_property
    def trials(self) -> list[Trial]:
        """All, in the order told."""
        return [trial for batch in self.batches for trial in batch]

    @functools.cached_property
    def evaluated(self) -> list[Trial]:
        """Those that cost an evaluation, failures included: one for each key, in the order told, pending ones last."""
        return [trial for trial in [*self.trials, *self.pending] if not trial.cached]

    def best(self, count: int) -> list[Trial]:
        """The best trials of different keys, best first; failures are left out."""
        return top_trials(self.evaluated, count)


def read_runs(paths: Sequence[str | os.PathLike]) -> list[Run]:
    """Reads the runs of some folders, which must be of one space and one recipe.

    Raises:
        InvalidValueError: if a folder is named twice, is no run or has no finished child yet, or two differ in space or
            recipe.
        DataError: if one is damaged.
    """
    paths = [local_path("runs", path) for path in paths]
    runs = [_read(path) for path in paths]
    for run in runs:
        if paths.count(run.path) > 1:
            raise InvalidValueError(f"The run {run.path} is named twice. Name it once.")
        for name, one, other in (
            ("space", run.space.fingerprint, runs[0].space.fingerprint),
            ("recipe", run.fixed["recipe"], runs[0].fixed["recipe"]),
        ):
            if one != other:
                how = difference(other, one) if name == "recipe" else _space_difference(runs[0], run)
                raise InvalidValueError(
                    f"{run.path} and {runs[0].path} are searches of another {name}: {how}. Name runs of one {name}."
                )
    return [_titled(run, runs) for run in runs]


def _space_difference(one: Run, other: Run) -> str:
    if one.space.name != other.space.name:
        return f"{one.space.name} and {other.space.name}"
    return space_difference(one.fixed["space"], other.fixed["space"])


def _read(path: pathlib.Path) -> Run:
    workspace = Workspace(path)
    config = workspace.read_config()
    if config is None:
        raise InvalidValueError(f"{path} is not a run folder: it has no config.json. Name the folder of a search.")
    origin = origin_of(config, workspace.config)
    check_settings(config, workspace.config)
    space = rebuild_space(config["fixed"]["space"], workspace.config)
    dataset = Dataset(origin, workspace, read_only=True)
    if not dataset.batches and not dataset.pending:
        raise InvalidValueError(f"The run {path} has no trial yet. Wait for its first child, or leave it out.")
    return Run(path, "", config, space, dataset.batches, dataset.pending)


def _titled(run: Run, runs: Sequence[Run]) -> Run:
    title = _TITLES.get(run.strategy, run.strategy)
    folders = [other.path for other in runs if other.strategy == run.strategy]
    if len(folders) > 1:
        is_unique = [folder.name for folder in folders].count(run.path.name) == 1
        title += f" ({run.path.name if is_unique else run.path})"
    return dataclasses.replace(run, title=title)
