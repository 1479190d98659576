"""Trials as rows: one column for each decision, with the choice by name, and one for each result.

A row is a dict of column -> value. Numbers that are unknown are NaN, which a CSV file shows as an empty field.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from nas_keras.errors import DependencyError
from nas_keras.spaces.architecture_names import name_key
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Trial

MEASURED = ("valid_accuracy", "loss", "num_params", "flops", "latency_ms", "epochs", "seconds")
TEST_ACCURACY = "test_accuracy"  # a column of tables only
_RESULTS = ("key", "reward", "status", "cached", *MEASURED, "iteration", "seed")
_PLAIN = (bool, int, float, str)  # types of choices that are kept as they are


def decision_columns(space: SearchSpace) -> list[str]:
    """Returns the column of each decision: its name, with an addition if a result has the same name."""
    taken = {"trial", TEST_ACCURACY, *_RESULTS}
    columns = []
    for decision in space.decisions:
        name = decision.name
        while name in taken:
            name += " (decision)"
        taken.add(name)
        columns.append(name)
    return columns


def choice_value(choice: Any) -> bool | int | float | str:
    """Returns a choice as a value of a column: a number or text as it is, anything else as its name."""
    return choice if type(choice) in _PLAIN else repr(choice)


def columns_of(space: SearchSpace, trials: Iterable[Trial]) -> list[str]:
    """Returns the names of the columns; those of a table's trials include the test accuracy."""
    has_test = any(not math.isnan(trial.evaluation.test_accuracy) for trial in trials)
    return ["trial", *decision_columns(space), *_RESULTS, *([TEST_ACCURACY] if has_test else [])]


def rows_of(space: SearchSpace, trials: Sequence[Trial], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Returns a row for each trial, in the same order.

    Args:
        space: the space of the trials.
        trials: the trials.
        columns: names of the columns; None: those of `columns_of`.
    """
    names, columns = decision_columns(space), columns or columns_of(space, trials)
    values = [[choice_value(choice) for choice in decision.choices] for decision in space.decisions]
    rows = []
    for trial in trials:
        chosen = (of_decision[action] for of_decision, action in zip(values, trial.actions, strict=True))
        evaluation = trial.evaluation
        row = {
            "trial": trial.trial,
            **dict(zip(names, chosen, strict=True)),
            "key": name_key(space, trial.key, trial.actions),
            "reward": evaluation.reward,
            "status": evaluation.status,
            "cached": trial.cached,
            **{name: getattr(evaluation, name) for name in MEASURED},
            "iteration": trial.iteration,
            "seed": trial.seed,
            TEST_ACCURACY: evaluation.test_accuracy,
        }
        rows.append({column: row[column] for column in columns})
    return rows


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Writes rows as CSV, with the names of the columns in the first line."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if is_missing(row[column]) else row[column] for column in columns])


def to_csv_text(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    """Returns rows as the text of a CSV file."""
    buffer = io.StringIO()
    write_csv(buffer, columns, rows)
    return buffer.getvalue()


def to_dataframe(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Any:
    """Returns rows as a `pandas.DataFrame`.

    Raises:
        DependencyError: without pandas.
    """
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise DependencyError("A data frame needs pandas: pip install 'nas_keras[pandas]'") from error
    return pandas.DataFrame(rows, columns=list(columns))


def is_missing(value: Any) -> bool:
    """Whether a value is NaN, a number that is not known."""
    return isinstance(value, float) and math.isnan(value)
