"""The facts of searches that their page is written from: runs, longer trainings of their best cells, and a table.

Accuracies are fractions, times are seconds unless a name says hours.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.children.caveats import standard_error
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports import standings as winners
from nas_keras.reports import table_statistics
from nas_keras.reports.standings import Standing
from nas_keras.reports.table_facts import TableFacts, gather_table
from nas_keras.results.pareto import pareto_front
from nas_keras.results.runs import Run, read_runs
from nas_keras.runner.result import top_trials
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.cell_names import name_human_cells
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import BUILD
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import Table, read_table
from nas_keras.trial import Evaluation, Trial

TOP = 10  # number of best cells by which searches are compared


class Spread(NamedTuple):
    """The mean and standard deviation of rewards; NaN for fewer than two."""

    mean: float
    deviation: float


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """The facts of searches of one space and recipe.

    Attributes:
        runs: the searches, in the order given.
        trained: the table of longer trainings; None if there is none yet.
        table: facts of a table with the searches' own recipe; None if none was given.
        goal: accuracy that the winner should reach in validation and test; NaN for none.
    """

    runs: list[Run]
    trained: Table | None
    table: TableFacts | None
    goal: float

    @property
    def space(self) -> SearchSpace:
        """The space that was searched."""
        return self.runs[0].space

    @functools.cached_property
    def human(self) -> dict[str, str]:
        """The titles of the cells that people designed, by key."""
        return name_human_cells(self.space)

    @functools.cached_property
    def standings(self) -> list[Standing]:
        """The cells that were trained longer, best first; empty if there are none yet."""
        return winners.standings(self.trained.trials) if self.trained else []

    @functools.cached_property
    def winner(self) -> Standing | None:
        """The best of them that no person designed."""
        return next((standing for standing in self.standings if standing.key not in self.human), None)

    @functools.cached_property
    def places(self) -> dict[str, list[str]]:
        """The ranks of each key in the searches, as text."""
        return winners.places(self.runs, max(len(run.evaluated) for run in self.runs))

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Cells as text, by key: all that the searches evaluated or that were trained longer."""
        trials = [trial for run in self.runs for trial in run.evaluated]
        return winners.names(self.space, [*trials, *(self.trained.trials if self.trained else [])])

    @functools.cached_property
    def known(self) -> dict[str, Evaluation]:
        """Evaluations by the searches' recipe, by key: the mean in the table, or else that of the first search."""
        found = {}
        if self.table:
            means, sizes = self.table.valid.mean, self.table.accuracies.num_params
            for k in self.table.best:
                found[self.table.accuracies.keys[k]] = Evaluation(means[k], num_params=int(sizes[k]))
        for run in self.runs:
            for trial in run.evaluated:
                if not trial.evaluation.failed:
                    found.setdefault(trial.key, dataclasses.replace(trial.evaluation, reward=accuracy_in(run, trial)))
        return found

    @functools.cached_property
    def front(self) -> list[str]:
        """The keys of the Pareto front of accuracy against parameters among the known cells, smallest first."""
        keys = [key for key, evaluation in self.known.items() if evaluation.num_params]
        known = [self.known[key] for key in keys]
        return [keys[i] for i in pareto_front([e.num_params for e in known], [e.reward for e in known])]

    @functools.cached_property
    def noise(self) -> table_statistics.Noise:
        """The noise of the longer trainings."""
        return table_statistics.noise_of(
            winners.matrix(winners.trainings_by_key(self.trained.trials if self.trained else []), "valid_accuracy")
        )

    @property
    def order_kept(self) -> tuple[float, int]:
        """Spearman's correlation of the reward with the mean of the longer trainings, and the number of cells."""
        both = [(self.known[s.key].reward, s.valid) for s in self.standings if s.key in self.known]
        rewards, means = np.array(both).T if both else (np.zeros(0), np.zeros(0))
        return table_statistics.rank_correlation(rewards, means), len(both)


def gather_runs(
    paths: Sequence[pathlib.Path],
    *,
    trained: pathlib.Path | None = None,
    table: pathlib.Path | None = None,
    goal: float = np.nan,
) -> RunFacts:
    """Reads the sources of a page.

    Raises:
        InvalidValueError: if the searches differ in space or recipe, or a table does not match them.
        DataError: if a source is missing or corrupt.
    """
    runs = read_runs(paths)
    recipe, space = runs[0].fixed["recipe"], runs[0].space
    if BUILD in recipe:
        raise InvalidValueError(
            f"The children of {paths[0]} were built by a function, and a page of searches is about cells. Name "
            "searches of cells."
        )
    if not {"data", "child", "train"} <= set(recipe):
        raise InvalidValueError(
            f"The rewards of {paths[0]} are not accuracies of trained children: their recipe is {recipe}. Name "
            "searches that trained children."
        )
    if not isinstance(space.decode([0] * len(space.decisions)), Cell):
        raise InvalidValueError(
            f"{paths[0]} searched {space!r}, whose encodings are not cells. Name searches of cells."
        )
    longer = read_table(trained) if trained else None
    if longer:
        check_same(trained, paths[0], space=({"fingerprint": longer.space}, space), fix=f"Name a table of {space!r}.")
        of_trained, of_searches = (
            {name: some.get(name) for name in ("data", "child")} for some in (longer.recipe, recipe)
        )
        fix = "Train the children with launch/train_child.py."
        check_same(trained, paths[0], recipe=(of_trained, of_searches), fix=fix)
        if not winners.trainings_by_key(longer.trials):
            raise DataError(f"No training in {trained} succeeded. Train again with launch/train_child.py.")
    facts = gather_table(table, space) if table else None
    if facts:
        fix = "Name a table of the recipe that was searched with, or leave it out."
        check_same(table, paths[0], recipe=(facts.table.recipe, recipe), fix=fix)
    return RunFacts(runs, longer, facts, goal)


def accuracy_in(run: Run, trial: Trial) -> float:
    """The accuracy of a trial: its reward, unless the run has another objective; NaN for a failure."""
    return trial.reward if run.objective is None or trial.evaluation.failed else trial.evaluation.valid_accuracy


def accuracies_of(run: Run) -> np.ndarray:
    """The accuracy of each cell in the order of evaluation; NaN for a failure."""
    return np.array([accuracy_in(run, trial) for trial in run.evaluated])


def spread_of_best(run: Run, count: int | None = None) -> Spread:
    """The spread of the accuracies of the `TOP` best by their rewards among the first `count` evaluations
    of a search, or among all."""
    rewards = [accuracy_in(run, trial) for trial in top_trials(run.evaluated[:count], TOP)]
    if len(rewards) < 2:
        return Spread(np.nan, np.nan)
    return Spread(float(np.mean(rewards)), float(np.std(rewards, ddof=1)))


def reward_error(run: Run, reward: float) -> float:
    """The standard error of a reward that follows from the number of validation images; NaN if that is not recorded."""
    count = run.config.get("environment", {}).get("validation_images")
    return standard_error(reward, count) if type(count) is int and count > 0 and 0 <= reward <= 1 else np.nan


def cache_hit_rate(run: Run) -> float:
    """The share of the samples whose reward was already in D; 0 before the first batch is complete."""
    return sum(trial.cached for trial in run.told) / max(1, len(run.told))


def children_per_hour(run: Run) -> float:
    """Children evaluated per hour of wall time, by the times in TensorBoard's files.

    The time of a batch is that of its end, so the first batch of each start of the search is not counted, nor is the
    time between two starts. The result is NaN if no file has two batches, and for a search that trained no child
    because it looked all rewards up in a table.
    """
    source = run.config.get("source")
    if isinstance(source, dict) and "table" in source and not core_hours(run):
        return np.nan
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    children, seconds = 0, 0.0
    for path in sorted(Workspace(run.path).tensorboard.glob("events.out.tfevents.*")):
        times: dict[int, float] = {}
        for event in EventFileLoader(str(path)).Load():
            if event.HasField("summary"):
                times.setdefault(event.step, event.wall_time)
        if len(times) > 1:
            first, last = min(times), max(times)
            seconds += times[last] - times[first]
            children += sum(not trial.cached for batch in run.batches[first + 1 : last + 1] for trial in batch)
    return 3600 * children / seconds if seconds > 0 else np.nan


def core_hours(run: Run) -> float:
    """The summed wall time of a search's trainings, in hours."""
    return sum(trial.evaluation.seconds for trial in run.evaluated) / 3600
