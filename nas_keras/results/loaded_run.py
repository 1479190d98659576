"""A run or table that has been read: its trials as Python objects, data frame, CSV or study; `runs.py` reads it."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from nas_keras.errors import InvalidValueError
from nas_keras.results.tabular import rows
from nas_keras.results.tabular.optuna_study import add_trials
from nas_keras.runner.result import top_trials
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import recipe as recipes
from nas_keras.storage.table import mean_evaluation
from nas_keras.system.atomic_files import write_whole
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial


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
        digest: fingerprint of the complete batches of D without their seconds; "" for none, and of a table.
    """

    path: pathlib.Path
    title: str
    config: dict[str, Any]
    space: SearchSpace
    batches: list[list[Trial]]
    pending: list[Trial] = dataclasses.field(default_factory=list)
    digest: str = ""

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


def _means(trials: Sequence[Trial]) -> list[Trial]:
    """Returns the first training of each key, with the mean over all of its trainings."""
    of_key: dict[str, list[Trial]] = {}
    for trial in trials:
        of_key.setdefault(trial.key, []).append(trial)
    return [
        dataclasses.replace(some[0], evaluation=mean_evaluation([trial.evaluation for trial in some]))
        for some in of_key.values()
    ]
