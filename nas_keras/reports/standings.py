"""Standings: the cells of a table, each with its means over trainings, ranked; and how searches placed them.

`results/precompute.py` trains cells into a table with its own recipe; this module only selects and ranks them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.results.runs import Run
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.trial import Evaluation, Trial


class Standing(NamedTuple):
    """The result of a cell after its trainings.

    Attributes:
        key, actions: key and encoding of the cell.
        valid, test: mean accuracies over its trainings, fractions; NaN if unknown.
        valid_error, test_error: standard errors of the means; NaN for a single training.
        num_trainings: number of trainings that succeeded.
        num_params: number of parameters of the child.
    """

    key: str
    actions: Actions
    valid: float
    valid_error: float
    test: float
    test_error: float
    num_trainings: int
    num_params: int


def standings(trials: Sequence[Trial]) -> list[Standing]:
    """Ranks the cells of a table by mean validation accuracy, best first; cells without a success are left out.

    Trainings by a variant of the recipe count only for cells that have no others.
    """
    by_key: dict[str, list[Trial]] = {}
    for trial in trials:
        if not trial.evaluation.failed:
            by_key.setdefault(trial.key, []).append(trial)
    found = []
    for key, some in by_key.items():
        own = [t.evaluation for t in some if not t.evaluation.recipe] or [t.evaluation for t in some]
        accuracies = (*_mean(own, "valid_accuracy"), *_mean(own, "test_accuracy"))
        found.append(Standing(key, some[0].actions, *accuracies, len(own), own[0].num_params))
    return sorted(found, key=lambda standing: -standing.valid)


def _mean(evaluations: Sequence[Evaluation], name: str) -> tuple[float, float]:
    """The mean of an accuracy over the trainings that have it, and its standard error; NaN where there is none."""
    known = [value for one in evaluations if not math.isnan(value := getattr(one, name))]
    if not known:
        return math.nan, math.nan
    return float(np.mean(known)), float(np.std(known, ddof=1) / len(known) ** 0.5) if len(known) > 1 else math.nan


def select_cells(runs: Sequence[Run], top: int, cells: Mapping[str, Actions]) -> dict[str, Actions]:
    """Selects the `top` best cells of each run by reward, then `cells`, as a dict from key to encoding."""
    chosen = {trial.key: trial.actions for run in runs for trial in run.top(top)}
    return {**chosen, **{key: actions for key, actions in cells.items() if key not in chosen}}


def places(runs: Sequence[Run], top: int) -> dict[str, list[str]]:
    """Lists for each key its ranks in the searches, such as "PPO 1", among the `top` best of each."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for place, trial in enumerate(run.top(top), start=1):
            found.setdefault(trial.key, []).append(f"{run.title} {place}")
    return found


def names(space: SearchSpace, trials: Sequence[Trial]) -> dict[str, str]:
    """The cell of each key as text, for people; keys of the small space are only numbers."""
    return {trial.key: name_architecture(space, trial.actions) for trial in trials}
