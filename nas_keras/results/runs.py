"""Runs and tables read from their folders, finished or not: the trials as Python objects, data frame, CSV or study.

`load_run` reads one folder, `read_runs` several runs that are compared. Neither changes a file, so a search may be
running in the folder.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from nas_keras.errors import InvalidValueError, check_type
from nas_keras.results.tabular import rows
from nas_keras.results.tabular.optuna_study import add_trials
from nas_keras.runner.result import top_trials
from nas_keras.spaces.rebuilding import find_space, rebuild_space
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import recipe as recipes
from nas_keras.storage.agreement import check_same
from nas_keras.storage.run_config import check_settings
from nas_keras.storage.sources import Source, open_run, open_source
from nas_keras.storage.table import mean_evaluation, read_table
from nas_keras.system.atomic_files import write_whole
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial

_TITLES = {"ppo": "PPO", "random": "random search", "reinforce": "REINFORCE", "ppo_predictor": "PPO with a predictor"}


@dataclasses.dataclass(frozen=True)
class Run:
    """One search, or a table of rewards, as `nk.load_run` reads it.

    Attributes:
        path: the folder.
        title: a name that is unique among several runs: the strategy, followed if necessary by the name of the folder
            or its whole path.
        config: the content of `config.json`; of a table, that of its `recipe.json`.
        space: the space that was searched.
        batches: the trials, batch by batch, as the strategy observed them; a table is one batch.
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
        """The settings that are fixed for the lifetime of the run; none of a table."""
        return self.config.get("fixed", {})

    @property
    def is_table(self) -> bool:
        """Whether this is a table."""
        return "fixed" not in self.config

    @property
    def strategy(self) -> str:
        """The name of the strategy."""
        return self.fixed["strategy"]["name"]

    @property
    def objective(self) -> str | None:
        """What the search maximizes, if it is not the accuracy: a formula or the name of a function."""
        return self.fixed.get("objective")

    @functools.cached_property
    def told(self) -> list[Trial]:
        """The trials that the strategy observed, in this order."""
        return [trial for batch in self.batches for trial in batch]

    @functools.cached_property
    def trials(self) -> list[Trial]:
        """All trials that are finished: those that the strategy observed, in this order, then the pending ones."""
        return [*self.told, *self.pending]

    @functools.cached_property
    def evaluated(self) -> list[Trial]:
        """Trials that cost an evaluation, failures included: one for each key, pending ones last."""
        return [trial for trial in self.trials if not trial.cached and not trial.evaluation.refused]

    @property
    def num_refused(self) -> int:
        """The number of distinct cells that were refused, as over a limit."""
        return sum(trial.evaluation.refused for trial in self.trials if not trial.cached)

    @property
    def best(self) -> Trial | None:
        """The trial with the highest reward, the first of equal ones; None if none succeeded yet."""
        return next(iter(self.top(1)), None)

    def top(self, count: int) -> list[Trial]:
        """Returns the `count` best trials with different keys, best first, without failures.

        In a table, which holds several trainings of a key, these are the first trainings, each with the mean over all.
        """
        return top_trials(_means(self.trials) if self.is_table else self.trials, count)

    @functools.cached_property
    def columns(self) -> list[str]:
        """The names of the columns of `to_dataframe` and `to_csv`."""
        return rows.columns_of(self.space, self.trials)

    def to_rows(self, trials: Sequence[Trial] | None = None) -> list[dict[str, Any]]:
        """Returns a dict of column -> value for each trial.

        Args:
            trials: trials of this run; None: all.
        """
        return rows.rows_of(self.space, self.trials if trials is None else trials, self.columns)

    def to_dataframe(self) -> Any:
        """Returns the trials as a `pandas.DataFrame`, one row for each.

        Each decision has a column, whose values are the choices by name. The other columns are `trial` (the position in
        the run), `key`, `reward`, `status`, `cached`, `valid_accuracy`, `loss`, `num_params`, `flops` (for one image),
        `latency_ms`, `epochs`, `seconds`, `iteration` (the batch) and `seed`; of a table also `test_accuracy`. Numbers
        that are unknown are NaN.

        Raises:
            DependencyError: without the extra `[pandas]`.
        """
        return rows.to_dataframe(self.columns, self.to_rows())

    def to_csv(self, path: str | os.PathLike) -> None:
        """Writes the trials as a CSV file, with the columns of `to_dataframe`; an existing file is replaced.

        Raises:
            InvalidValueError: if `path` is not the path of a file.
            WriteError: if the disk is full, writing is not allowed, or the like.
        """
        target = local_path("path", path)
        if target.is_dir():
            raise InvalidValueError(f"path={str(target)!r} is a folder. Name a file, such as trials.csv.")
        text = rows.to_csv_text(self.columns, self.to_rows())
        write_whole(target, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def to_optuna(self, study: Any) -> int:
        """Adds the trials to a study of Optuna, except for those that it holds already.

        Each decision becomes a categorical parameter, the reward the value. A failed child is a failed trial, and one
        over a limit a pruned trial. The other columns of `to_dataframe` become attributes of the trial (`user_attrs`).

        Args:
            study: an `optuna.study.Study` that maximizes; new, or with the trials of this run.

        Returns:
            The number of trials that were added.

        Raises:
            InvalidValueError: if `study` is not such a study, or holds other trials.
            DependencyError: without the extra `[optuna]`.
        """
        settings = self.fixed or {"table": self.config["recipe"]}
        identity = {"space": self.space.fingerprint, "settings": recipes.fingerprint(settings)}
        return add_trials(study, self.space, self.trials, identity)


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
    return Run(source.path, "", source.config, space, dataset.batches, dataset.pending)


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


def _means(trials: Sequence[Trial]) -> list[Trial]:
    """Returns the first training of each key, with the mean over all of its trainings."""
    of_key: dict[str, list[Trial]] = {}
    for trial in trials:
        of_key.setdefault(trial.key, []).append(trial)
    return [
        dataclasses.replace(some[0], evaluation=mean_evaluation([trial.evaluation for trial in some]))
        for some in of_key.values()
    ]


def _titled(run: Run, runs: Sequence[Run]) -> Run:
    title = _TITLES.get(run.strategy, run.strategy)
    folders = [other.path for other in runs if other.strategy == run.strategy]
    if len(folders) > 1:
        is_unique = [folder.name for folder in folders].count(run.path.name) == 1
        title += f" ({run.path.name if is_unique else run.path})"
    return dataclasses.replace(run, title=title)
