"""What a page of searches tells of: the searches, their best cells trained longer, a table of the space; and figures.

Accuracies are fractions, times are seconds unless a name says hours.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports import standings as winners
from nas_keras.reports import table_statistics
from nas_keras.reports.standings import Standing
from nas_keras.reports.table_facts import TableFacts, gather_table
from nas_keras.results.runs import Run, read_runs
from nas_keras.runner.result import top_trials
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.cell_names import name_human_cells
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import Table, read_table
from nas_keras.trial import Evaluation

TOP = 10  # best cells of a search that are held against another's


class Spread(NamedTuple):
    """Mean and standard deviation of some rewards; NaN for fewer than two."""

    mean: float
    deviation: float


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """All that the page is written from.

    Attributes:
        runs: the searches, in the order named.
        trained: the table of the longer trainings; None before there is one.
        table: of the searches' own recipe; None if none was named.
        goal: accuracy that the winner should reach, in validation and in test; NaN for none.
    """

    runs: list[Run]
    trained: Table | None
    table: TableFacts | None
    goal: float

    @property
    def space(self) -> SearchSpace:
        """That was searched."""
        return self.runs[0].space

    @functools.cached_property
    def human(self) -> dict[str, str]:
        """Key -> title of the cells that people designed."""
        return name_human_cells(self.space)

    @functools.cached_property
    def standings(self) -> list[Standing]:
        """Of the longer trainings, the best first; none before there are any."""
        return winners.standings(self.trained.trials) if self.trained else []

    @functools.cached_property
    def winner(self) -> Standing | None:
        """The best that no person designed."""
        return next((standing for standing in self.standings if standing.key not in self.human), None)

    @functools.cached_property
    def places(self) -> dict[str, list[str]]:
        """Key -> its places in the searches."""
        return winners.places(self.runs, max(len(run.evaluated) for run in self.runs))

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Key -> its cell as a person reads it, of all that the searches evaluated or were trained longer."""
        trials = [trial for run in self.runs for trial in run.evaluated]
        return winners.names(self.space, [*trials, *(self.trained.trials if self.trained else [])])

    @functools.cached_property
    def known(self) -> dict[str, Evaluation]:
        """Key -> what one short training, or the mean of several, gave; of the table first, then of the searches."""
        found = {}
        if self.table:
            means, sizes = self.table.valid.mean, self.table.measured.num_params
            for k in self.table.best:
                found[self.table.measured.keys[k]] = Evaluation(means[k], num_params=int(sizes[k]))
        for run in self.runs:
            for trial in run.evaluated:
                if not trial.evaluation.failed:
                    found.setdefault(trial.key, trial.evaluation)
        return found

    @functools.cached_property
    def noise(self) -> table_statistics.Noise:
        """Of the longer trainings."""
        return table_statistics.noise_of(
            winners.matrix(winners.accuracies(self.trained.trials if self.trained else []), "valid_accuracy")
        )

    @property
    def order_kept(self) -> tuple[float, int]:
        """Spearman's correlation of the reward with the mean after the longer training, and over how many cells."""
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
    """Reads everything.

    Raises:
        InvalidValueError: if the searches differ in space or recipe, or a table is of another space or other children.
        DataError: if something is missing or damaged.
    """
    runs = read_runs(paths)
    recipe, space = runs[0].fixed["recipe"], runs[0].space
    if not {"data", "child", "train"} <= set(recipe):
        raise InvalidValueError(
            f"The rewards of {paths[0]} are not accuracies of trained children, but of {recipe}: a page of searches is "
            "about children."
        )
    if not isinstance(space.decode([0] * len(space.decisions)), Cell):
        raise InvalidValueError(f"{paths[0]} searched {space!r}, which has no cells, as a page has.")
    longer = read_table(trained) if trained else None
    if longer:
        check_same(trained, paths[0], space=({"fingerprint": longer.space}, space), fix=f"Name a table of {space!r}.")
        images_and_network = tuple(
            {name: some.get(name) for name in ("data", "child")} for some in (longer.recipe, recipe)
        )
        check_same(trained, paths[0], recipe=images_and_network, fix="Train the children with launch/train_child.py.")
        if not winners.accuracies(longer.trials):
            raise DataError(f"No training in {trained} succeeded. Train again by launch/train_child.py.")
    facts = gather_table(table, space) if table else None
    if facts:
        fix = "Name a table of the recipe that was searched with, or leave it out."
        check_same(table, paths[0], recipe=(facts.table.recipe, recipe), fix=fix)
    return RunFacts(runs, longer, facts, goal)


def rewards_of(run: Run) -> np.ndarray:
    """The reward of each cell in the order evaluated, NaN for a failure."""
    return np.array([trial.reward for trial in run.evaluated])


def best_of(run: Run, count: int | None = None) -> Spread:
    """The rewards of a search's best cells, of those that it evaluated first or of all."""
    rewards = [trial.reward for trial in top_trials(run.evaluated[:count], TOP)]
    if len(rewards) < 2:
        return Spread(np.nan, np.nan)
    return Spread(float(np.mean(rewards)), float(np.std(rewards, ddof=1)))


def share_of_repeats(run: Run) -> float:
    """How many of the samples were answered from D; none before the first batch is complete."""
    return sum(trial.cached for trial in run.trials) / max(1, len(run.trials))


def children_per_hour(run: Run) -> float:
    """On the clock, from one batch to the next by the times in TensorBoard's files; NaN without two batches in one.

    A batch's time is that of its end, so the first batch of each start counts for nothing, and neither does the time
    between two starts.
    """
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    children, seconds = 0, 0.0
    for path in sorted(Workspace(run.path).tensorboard.glob("events.out.tfevents.*")):
        times = {}
        for event in EventFileLoader(str(path)).Load():
            if event.HasField("summary"):
                times.setdefault(event.step, event.wall_time)
        if len(times) > 1:
            first, last = min(times), max(times)
            seconds += times[last] - times[first]
            children += sum(not trial.cached for batch in run.batches[first + 1 : last + 1] for trial in batch)
    return 3600 * children / seconds if seconds > 0 else np.nan


def hours_of_a_core(run: Run) -> float:
    """The wall time of a search's trainings, summed."""
    return sum(trial.evaluation.seconds for trial in run.evaluated) / 3600
