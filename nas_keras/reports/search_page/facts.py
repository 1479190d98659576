"""The facts of searches that their page is written from: runs, longer trainings of their best cells, and a table.

Accuracies are fractions; where rewards are no accuracies (of a user's function), they are shown as they are.
"""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Sequence

import numpy as np

from nas_keras.children.caveats import standard_error
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports import standings as winners
from nas_keras.reports.markdown import number, percent
from nas_keras.reports.standings import Standing
from nas_keras.reports.statistics import rank_correlation, trainings_by_key
from nas_keras.reports.table_facts import TableFacts, gather_table
from nas_keras.results.pareto import pareto_front
from nas_keras.results.runs import Run, read_runs
from nas_keras.runner.result import top_trials
from nas_keras.spaces.architecture_names import kind_of
from nas_keras.spaces.cell_names import name_human_cells
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import BUILD, is_trained
from nas_keras.storage.table import Table, read_table
from nas_keras.trial import Evaluation, Trial

TOP = 10  # number of best cells by which searches are compared


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
        if self.is_accuracy:
            return f"{percent(reward, error)} %".replace("– %", "–")
        return "–" if math.isnan(reward) else f"{reward:.5g}"

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
        trials = [trial for run in self.runs for trial in run.trials]
        return winners.names(self.space, [*trials, *(self.trained.trials if self.trained else [])])

    @functools.cached_property
    def known(self) -> dict[str, Evaluation]:
        """Evaluations by the searches' recipe, by key: the mean in the table, or else that of the first search."""
        found = {}
        if self.table:
            means, sizes = self.table.valid.mean, self.table.num_params
            for k in self.table.best:
                found[self.table.keys[k]] = Evaluation(means[k], num_params=int(sizes[k]))
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
        rewards, means = np.array(both).T if both else (np.zeros(0), np.zeros(0))
        return rank_correlation(rewards, means), len(both)


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
        if not trainings_by_key(longer.trials):
            raise DataError(f"No training in {trained} succeeded. Train again with launch/train_child.py.")
    facts = gather_table(table, space) if table else None
    if facts and table:
        fix = "Name a table of the recipe that was searched with, or leave it out."
        check_same(table, paths[0], recipe=(facts.table.recipe, recipe), fix=fix)
    return RunFacts(runs, longer, facts)


def accuracy_in(run: Run, trial: Trial) -> float:
    """The accuracy of a trial: its reward, unless the run has another objective; NaN for a failure."""
    return trial.reward if run.objective is None or trial.evaluation.failed else trial.evaluation.valid_accuracy


def accuracies_of(run: Run) -> np.ndarray:
    """The accuracy of each cell in the order of evaluation; NaN for a failure."""
    return np.array([accuracy_in(run, trial) for trial in run.evaluated], float)


def spread_of_best(run: Run) -> tuple[float, float]:
    """Mean and standard deviation of the accuracies of the `TOP` best by their rewards; NaN for fewer than two."""
    rewards = [accuracy_in(run, trial) for trial in top_trials(run.evaluated, TOP)]
    return (float(np.mean(rewards)), float(np.std(rewards, ddof=1))) if len(rewards) > 1 else (math.nan, math.nan)


def reward_error(run: Run, reward: float) -> float:
    """The standard error of a reward that follows from the number of validation images; NaN if that is not recorded."""
    count = run.config.get("environment", {}).get("validation_images")
    return standard_error(reward, count) if type(count) is int and count > 0 and 0 <= reward <= 1 else math.nan


def best_value(facts: RunFacts, run: Run) -> str:
    """The accuracy of the best of a search, with its standard error if that is known; a dash without one."""
    if run.best is None:
        return "–"
    accuracy = accuracy_in(run, run.best)
    return facts.value(accuracy, reward_error(run, accuracy))


def cache_hits(run: Run) -> int:
    """The number of proposals that were answered from D at no cost."""
    return sum(trial.cached for trial in run.told)


def core_hours(run: Run) -> float:
    """The summed wall time of a search's evaluations, in hours."""
    return sum(trial.evaluation.seconds for trial in run.evaluated) / 3600


def headlines(facts: RunFacts) -> list[str]:
    """The most important figures, as plain sentences."""
    lines = []
    for run in facts.runs:
        budget = run.config["budget"]["max_evaluations"]
        line = (
            f"{run.title}: {len(run.evaluated):,} of {budget:,} {facts.kind} evaluated in {len(run.told):,} proposals"
        )
        if run.best is None:
            lines.append(f"{line}; none succeeded.")
            continue
        how = "best reward" if run.objective is None else f"best by {run.objective}:"
        lines.append(f"{line}; {how} {best_value(facts, run)}, {facts.names[run.best.key]}.")
    if facts.winner:
        winner = facts.winner
        lines.append(
            f"The winner after the longer training is {facts.names[winner.key]}: validation "
            f"{percent(winner.valid, winner.valid_error)} %, test {percent(winner.test, winner.test_error)} % (mean ± "
            f"standard error; trainings: {winner.num_trainings})."
        )
        correlation, count = facts.order_kept
        if not math.isnan(correlation):
            lines.append(
                f"Spearman's rank correlation of the reward with the mean after the longer training: "
                f"{number(correlation)}, over {count} {facts.kind}."
            )
    if facts.table:
        full, total = len(facts.table.best), len(facts.table.keys)
        share = percent(full / total, digits=1)
        lines.append(f"The table holds {full:,} of the {total:,} {facts.kind} of the space ({share} %).")
    return lines
