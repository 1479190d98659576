"""Standings of cells that are trained longer: the best of searches, and cells that people designed.

`results/precompute.py` trains them into a table with its own recipe; this module only selects and ranks them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nas_keras.reports.statistics import matrix, summarize, trainings_by_key
from nas_keras.results.runs import Run
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.trial import Trial


class Standing(NamedTuple):
    """The result of a cell after its trainings.

    Attributes:
        key: key of the cell.
        valid, test: mean accuracies over its trainings, fractions; NaN if unknown.
        valid_error, test_error: standard errors of the means; NaN for a single training.
        count: number of trainings that succeeded.
        num_params: number of parameters of the child.
    """

    key: str
    valid: float
    valid_error: float
    test: float
    test_error: float
    num_trainings: int
    num_params: int


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


def standings(trials: Sequence[Trial]) -> list[Standing]:
    """Ranks the cells of a table by mean validation accuracy, best first; cells without a success are left out."""
    by_key = trainings_by_key(trials)
    valid, test = (summarize(matrix(by_key, name)) for name in ("valid_accuracy", "test_accuracy"))
    found = [
        Standing(
            key,
            float(valid.mean[k]),
            float(valid.error[k]),
            float(test.mean[k]),
            float(test.error[k]),
            len(evaluations),
            evaluations[0].num_params,
        )
        for k, (key, evaluations) in enumerate(by_key.items())
    ]
    return sorted(found, key=lambda standing: -standing.valid)
