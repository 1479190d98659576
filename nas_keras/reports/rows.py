"""The rows of the table on a page that can be sorted and searched, as compact JSON: one list for each column.

The page's script (`templates/page.js`) draws the cell of a row from its name; of a space without cells it shows the
decisions, which come with it. Accuracies are in percent here, FLOPs in millions.
"""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from nas_keras.reports.search_page.facts import RunFacts, accuracy_in
from nas_keras.reports.table_page.facts import TableFacts
from nas_keras.results.pareto import pareto_front
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.search_space import Actions, SearchSpace

COSTS = {"params": "parameters", "flops": "MFLOPs", "latency": "latency, ms"}


class Column(NamedTuple):
    """One column.

    Attributes:
        label: its title.
        digits: decimals of its numbers; None for a column of text.
        values: one value for each row; None where there is none.
    """

    label: str
    digits: int | None
    values: list[Any]


class Rows(NamedTuple):
    """All rows of a page.

    Attributes:
        columns: the columns that have any value, by a short name.
        data: the content of the JSON block on the page.
    """

    columns: dict[str, Column]
    data: dict[str, Any]


def rows_of_runs(facts: RunFacts) -> Rows:
    """One row for each cell that a search evaluated or refused, in this order, search after search."""
    of_runs = [(run, [trial for trial in run.trials if not trial.cached]) for run in facts.runs]
    found = [(run, trial) for run, trials in of_runs for trial in trials]
    proposed = {run.title: Counter(trial.key for trial in run.trials) for run in facts.runs}
    has_objective, ones = facts.runs[0].objective is not None, [trial.evaluation for _, trial in found]
    label, digits, scale = ("accuracy, %", 2, 100) if facts.is_accuracy else ("reward", 5, 1)
    columns = {
        "number": Column("#", 0, [number for _, trials in of_runs for number in range(1, len(trials) + 1)]),
        "run": Column("search", None, [run.title if len(facts.runs) > 1 else None for run, _ in found]),
        "name": Column(facts.kind[:-1], None, [facts.names[trial.key] for _, trial in found]),
        "quality": Column(label, digits, [scale * accuracy_in(run, trial) for run, trial in found]),
        "objective": Column("objective", 5, [one.reward if has_objective else None for one in ones]),
        "params": Column(COSTS["params"], 0, [one.num_params or None for one in ones]),
        "flops": Column(COSTS["flops"], 2, [one.flops / 1e6 for one in ones]),
        "latency": Column(COSTS["latency"], 3, [one.latency_ms for one in ones]),
        "seconds": Column("seconds", 1, [one.seconds or None for one in ones]),
        "proposed": Column("proposed", 0, [proposed[run.title][trial.key] for run, trial in found]),
        "status": Column("result", None, [one.status for one in ones]),
    }
    actions = [trial.actions for _, trial in found]
    rows = _make_rows(facts.space, columns, actions, quality="objective" if has_objective else "quality")
    seconds = [list(itertools.accumulate(trial.evaluation.seconds for trial in trials)) for _, trials in of_runs]
    rows.data["hours"] = [round(one / 3600, 5) for run in seconds for one in run]
    return rows


def rows_of_table(facts: TableFacts) -> Rows:
    """One row for each cell of a table that has an accuracy, best first."""
    found = facts.standings
    columns = {
        "number": Column("rank", 0, [facts.ranks[one.key] for one in found]),
        "name": Column("cell", None, [name_architecture(facts.space, one.actions) for one in found]),
        "quality": Column("validation, %", 2, [100 * one.valid for one in found]),
        "error": Column("± error", 2, [100 * one.valid_error for one in found]),
        "test": Column("test, %", 2, [100 * one.test for one in found]),
        "trainings": Column("trainings", 0, [one.num_trainings for one in found]),
        "params": Column(COSTS["params"], 0, [one.num_params or None for one in found]),
    }
    return _make_rows(facts.space, columns, [one.actions for one in found], quality="quality")


def _make_rows(space: SearchSpace, columns: dict[str, Column], actions: Sequence[Actions], *, quality: str) -> Rows:
    """The rows of these columns, each with its encoding; `quality` names the column by which they are ranked."""
    short = {key: c._replace(values=[_shorten(value, c.digits) for value in c.values]) for key, c in columns.items()}
    kept = {key: column for key, column in short.items() if any(value is not None for value in column.values)}
    data: dict[str, Any] = {
        "columns": [{"key": key, **column._asdict()} for key, column in kept.items()],
        "quality": quality,
        "fronts": {cost: _front(kept, cost) for cost in COSTS if cost in kept and "quality" in kept},
    }
    if isinstance(space.decode(actions[0]), Cell):
        cells = [space.decode(encoding).key for encoding in actions]
        if cells != kept["name"].values:
            data["cells"] = cells  # the text that is drawn, where it is not the name
    else:
        data["decisions"] = [[d.name, [str(choice) for choice in d.choices]] for d in space.decisions]
        data["actions"] = [list(map(int, encoding)) for encoding in actions]
    return Rows(kept, data)


def _front(columns: dict[str, Column], cost: str) -> list[int]:
    """The rows of the Pareto front of quality against a cost."""
    pairs = list(zip(columns[cost].values, columns["quality"].values, strict=True))
    priced = [i for i, pair in enumerate(pairs) if None not in pair]
    return [priced[i] for i in pareto_front(*zip(*(pairs[i] for i in priced), strict=True))] if priced else []


def _shorten(value: Any, digits: int | None) -> Any:
    """A number as JSON has it, with two digits more than are shown; None for NaN. A text stays as it is."""
    if digits is None or value is None:
        return value
    if not math.isfinite(value):
        return None
    rounded = round(float(value), digits + 2)
    return int(rounded) if rounded == int(rounded) else rounded
