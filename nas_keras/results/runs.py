"""Runs read from their folders, finished or still running, for reports and later trainings."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from nas_keras.errors import InvalidValueError
from nas_keras.runner.result import top_trials
from nas_keras.spaces.description import rebuild_space
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.run_config import check_settings
from nas_keras.storage.sources import open_run
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial

_TITLES = {"ppo": "PPO", "random": "random search", "reinforce": "REINFORCE", "ppo_predictor": "PPO with a predictor"}


@dataclasses.dataclass(frozen=True)
class Run:
    """One search.

    Attributes:
        path: the run's folder.
        title: a name that is unique among several runs: the strategy, followed if necessary by the name of the folder
            or its whole path.
        config: the content of `config.json`.
        space: the space that was searched.
        batches: the trials, batch by batch, as the strategy observed them.
        pending: the finished trials of an unfinished batch, which the strategy has not observed yet.
    """

    path: pathlib.Path
    title: str
    config: dict[str, Any]
    space: SearchSpace
    batches: list[list[Trial]]
    pending: list[Trial] = dataclasses.field(default_factory=list)

    @property
    def fixed(self) -> dict[str, Any]:
        """The settings that are fixed for the lifetime of the run."""
        return self.config["fixed"]

    @property
    def strategy(self) -> str:
        """The name of the strategy."""
        return self.fixed["strategy"]["name"]

    @property
    def objective(self) -> str | None:
        """What the search maximizes, if it is not the accuracy: a formula or the name of a function."""
        return self.fixed.get("objective")

    @functools.cached_property
    def trials(self) -> list[Trial]:
        """The trials, in the order in which the strategy observed them."""
        return [trial for batch in self.batches for trial in batch]

    @functools.cached_property
    def evaluated(self) -> list[Trial]:
        """Trials that cost an evaluation, failures included: one for each key, pending ones last."""
        return [trial for trial in [*self.trials, *self.pending] if not trial.cached and not trial.evaluation.refused]

    @property
    def num_refused(self) -> int:
        """The number of distinct cells that were refused, as over a limit."""
        return sum(trial.evaluation.refused for trial in [*self.trials, *self.pending] if not trial.cached)

    def best(self, count: int) -> list[Trial]:
        """Returns the best trials with different keys, best first, without failures."""
        return top_trials(self.evaluated, count)


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
    source = open_run("runs", path)
    check_settings(source.config, source.run.config)
    space = rebuild_space(source.space, source.run.config)
    dataset = source.read_dataset()
    if not dataset.batches and not dataset.pending:
        raise InvalidValueError(f"The run {path} has no trial yet. Wait for its first child, or leave it out.")
    return Run(path, "", source.config, space, dataset.batches, dataset.pending)


def _titled(run: Run, runs: Sequence[Run]) -> Run:
    title = _TITLES.get(run.strategy, run.strategy)
    folders = [other.path for other in runs if other.strategy == run.strategy]
    if len(folders) > 1:
        is_unique = [folder.name for folder in folders].count(run.path.name) == 1
        title += f" ({run.path.name if is_unique else run.path})"
    return dataclasses.replace(run, title=title)
