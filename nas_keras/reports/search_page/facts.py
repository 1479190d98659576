"""The facts of searches that their page is written from: runs, longer trainings of their best cells, and a table.

Accuracies are fractions; where rewards are no accuracies (of a user's function), they are shown as they are.
"""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Sequence

from nas_keras.children.caveats import standard_error
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports import standings as ranking
from nas_keras.reports.markdown import percent
from nas_keras.reports.standings import Standing
from nas_keras.reports.statistics import rank_correlation
from nas_keras.reports.table_page.facts import TableFacts, gather_table
from nas_keras.results.runs import Run, read_runs
from nas_keras.spaces.architecture_names import kind_of
from nas_keras.spaces.cell_names import name_human_cells
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import BUILD, is_trained
from nas_keras.storage.table import Table, read_table
from nas_keras.trial import Evaluation, Trial


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """The facts of searches of one space and recipe.

    Attributes:
        runs: the searches, in the order given.
        trained: the table of longer trainings; None if there is none yet.
        table: facts of a table with the searches' own recipe; None if none was given.
    """

    runs: list[Run]
    trained: Table | None = None
    table: TableFacts | None = None

    @property
    def space(self) -> SearchSpace:
        """The space that was searched."""
        return self.runs[0].space

    @functools.cached_property
    def kind(self) -> str:
        """What was searched: "cells" or "networks"."""
        return kind_of(self.space)

    @property
    def is_accuracy(self) -> bool:
        """Whether the rewards come from trained children, so that they are accuracies unless there is an objective."""
        return is_trained(self.runs[0].fixed["recipe"])

    def value(self, reward: float, error: float = math.nan) -> str:
        """Formats an accuracy in percent, with the sign, or a reward of another kind."""
        if math.isnan(reward):
            return "–"
        return f"{percent(reward, error)} %" if self.is_accuracy else f"{reward:.5g}"

    def best_value(self, run: Run) -> str:
        """The accuracy of the best of a search, with its standard error if the number of images is recorded."""
        accuracy = accuracy_in(run, run.best) if run.best else math.nan
        count = run.config.get("environment", {}).get("validation_images")
        has_error = type(count) is int and count > 0 and 0 <= accuracy <= 1
        return self.value(accuracy, standard_error(accuracy, count) if has_error else math.nan)

    def ties(self, run: Run) -> str:
        """Says how many cells of a search share its best reward, of which the best is the earliest; "" if none does."""
        assert run.best is not None
        count = sum(trial.reward == run.best.reward for trial in run.evaluated)
        return f" (the earliest of {count:,} with this reward)" if count > 1 else ""

    @functools.cached_property
    def human(self) -> dict[str, str]:
        """The titles of the cells that people designed, by key."""
        return name_human_cells(self.space)

    @functools.cached_property
    def standings(self) -> list[Standing]:
        """The cells that were trained longer, best first; empty if there are none yet."""
        return ranking.standings(self.trained.trials) if self.trained else []

    @functools.cached_property
    def winner(self) -> Standing | None:
        """The best of them that no person designed."""
        return next((standing for standing in self.standings if standing.key not in self.human), None)

    @functools.cached_property
    def places(self) -> dict[str, list[str]]:
        """The ranks of each key in the searches, as text, and its title if people designed it."""
        found = ranking.places(self.runs, max(len(run.evaluated) for run in self.runs))
        return found | {key: [*found.get(key, []), title] for key, title in self.human.items()}

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Cells as text, by key: all that the searches evaluated or that were trained longer."""
        trials = [trial for run in self.runs for trial in run.trials]
        return ranking.names(self.space, [*trials, *(self.trained.trials if self.trained else [])])

    @functools.cached_property
    def known(self) -> dict[str, Evaluation]:
        """Evaluations by the searches' recipe, by key: the mean in the table, or else that of the first search."""
        of_table = self.table.standings if self.table else []
        found = {one.key: Evaluation(one.valid, num_params=one.num_params) for one in of_table}
        for run in self.runs:
            for trial in run.evaluated:
                if not trial.evaluation.failed:
                    found.setdefault(trial.key, dataclasses.replace(trial.evaluation, reward=accuracy_in(run, trial)))
        return found

    @functools.cached_property
    def best(self) -> tuple[Run, Trial] | None:
        """The search with the winner and its trial there: before longer trainings, the highest reward of all."""
        found = [(run, trial) for run in self.runs for trial in run.top(len(run.evaluated))]
        if self.winner is not None and self.trained:
            of_winner = [pair for pair in found if pair[1].key == self.winner.key]
            longer = [(self.runs[0], trial) for trial in self.trained.trials if trial.key == self.winner.key]
            found = of_winner or longer[:1]
        return max(found, key=lambda pair: pair[1].reward) if found else None

    @property
    def order_kept(self) -> tuple[float, int]:
        """Spearman's correlation of the reward with the mean of the longer trainings, and the number of cells."""
        both = [(self.known[s.key].reward, s.valid) for s in self.standings if s.key in self.known]
        return rank_correlation(*map(list, zip(*both, strict=True))) if both else math.nan, len(both)


def gather_runs(
    paths: Sequence[pathlib.Path], *, trained: pathlib.Path | None = None, table: pathlib.Path | None = None
) -> RunFacts:
    """Reads the sources of a page.

    Raises:
        InvalidValueError: if the searches differ in space or recipe, or a table does not match them.
        DataError: if a source is missing or corrupt.
    """
    runs = read_runs(paths)
    recipe, space = runs[0].fixed["recipe"], runs[0].space
    if (trained or table) and not is_trained(recipe):
        raise InvalidValueError(
            f"The rewards of {paths[0]} are not accuracies of trained children: their recipe is {recipe}. Leave "
            f"{trained or table} out."
        )
    longer = read_table(trained) if trained else None
    if longer and trained:
        check_same(trained, paths[0], space=({"fingerprint": longer.space}, space), fix=f"Name a table of {space!r}.")
        parts = [{name: some.get(name) for name in ("data", "child", BUILD)} for some in (longer.recipe, recipe)]
        fix = "Train the children with launch/train_child.py."
        check_same(trained, paths[0], recipe=(parts[0], parts[1]), fix=fix)
        if all(trial.evaluation.failed for trial in longer.trials):
            raise DataError(f"No training in {trained} succeeded. Train again with launch/train_child.py.")
    facts = gather_table(table, space) if table else None
    if facts and table:
        fix = "Name a table of the recipe that was searched with, or leave it out."
        check_same(table, paths[0], recipe=(facts.table.recipe, recipe), fix=fix)
    return RunFacts(runs, longer, facts)


def accuracy_in(run: Run, trial: Trial) -> float:
    """The accuracy of a trial: its reward, unless the run has another objective; NaN for a failure."""
    return trial.reward if run.objective is None or trial.evaluation.failed else trial.evaluation.valid_accuracy
