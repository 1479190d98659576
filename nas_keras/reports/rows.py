"""The rows of the table on a page that can be sorted and searched, as compact JSON: one list for each column.

The page's script (`templates/page.js`) draws the cell of a row from its name; of a space without cells it shows the
decisions, which come with it. Accuracies are in percent here, FLOPs in millions.
"""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from nas_keras.reports.search_page.facts import RunFacts, accuracy_in
from nas_keras.reports.table_page.facts import TableFacts
from nas_keras.results.pareto import pareto_front
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.search_space import Actions, SearchSpace

COSTS = {"params": "parameters", "flops": "MFLOPs", "latency": "latency, ms"}


def rows_of_runs(facts: RunFacts) -> dict[str, Any]:
    """One row for each cell that a search evaluated or refused, in this order, search after search."""
    of_runs = [(run, [trial for trial in run.trials if not trial.cached]) for run in facts.runs]
    found = [(run, trial) for run, trials in of_runs for trial in trials]
    proposed = {run.title: Counter(trial.key for trial in run.trials) for run in facts.runs}
    has_objective, ones = facts.runs[0].objective is not None, [trial.evaluation for _, trial in found]
    label, digits, scale = ("accuracy, %", 2, 100) if facts.is_accuracy else ("reward", 5, 1)
    columns = [
        _column("number", "#", 0, [number for _, trials in of_runs for number in range(1, len(trials) + 1)]),
        _column("run", "search", None, [run.title if len(facts.runs) > 1 else None for run, _ in found]),
        _column("name", facts.kind[:-1], None, [facts.names[trial.key] for _, trial in found]),
        _column("quality", label, digits, [scale * accuracy_in(run, trial) for run, trial in found]),
        _column("objective", "objective", 5, [one.reward if has_objective else None for one in ones]),
        _column("params", COSTS["params"], 0, [one.num_params or None for one in ones]),
        _column("flops", COSTS["flops"], 2, [one.flops / 1e6 for one in ones]),
        _column("latency", COSTS["latency"], 3, [one.latency_ms for one in ones]),
        _column("seconds", "seconds", 1, [one.seconds or None for one in ones]),
        _column("proposed", "proposed", 0, [proposed[run.title][trial.key] for run, trial in found]),
        _column("status", "result", None, [one.status for one in ones]),
    ]
    actions = [trial.actions for _, trial in found]
    rows = _make_rows(facts.space, columns, actions, quality="objective" if has_objective else "quality")
    seconds = [list(itertools.accumulate(trial.evaluation.seconds for trial in trials)) for _, trials in of_runs]
    rows["hours"] = [round(one / 3600, 5) for run in seconds for one in run]
    return rows


def rows_of_table(facts: TableFacts) -> dict[str, Any]:
    """One row for each cell of a table that has an accuracy, best first."""
    found = facts.standings
    columns = [
        _column("number", "rank", 0, [facts.ranks[one.key] for one in found]),
        _column("name", "cell", None, [facts.name(one) for one in found]),
        _column("quality", "validation, %", 2, [100 * one.valid for one in found]),
        _column("error", "± error", 2, [100 * one.valid_error for one in found]),
        _column("test", "test, %", 2, [100 * one.test for one in found]),
        _column("trainings", "trainings", 0, [one.num_trainings for one in found]),
        _column("params", COSTS["params"], 0, [one.num_params or None for one in found]),
    ]
    return _make_rows(facts.space, columns, [one.actions for one in found], quality="quality")


def _column(key: str, label: str, digits: int | None, values: list[Any]) -> dict[str, Any]:
    """A column: its short name, its title, the decimals of its numbers (None: it holds text), a value for each row."""
    return {"key": key, "label": label, "digits": digits, "values": [_shorten(value, digits) for value in values]}


def _make_rows(
    space: SearchSpace, columns: list[dict[str, Any]], actions: Sequence[Actions], *, quality: str
) -> dict[str, Any]:
    """The JSON block of a page, with the columns that have any value; `quality` names the one that ranks the rows."""
    kept = {column["key"]: column for column in columns if any(value is not None for value in column["values"])}
    data: dict[str, Any] = {
        "columns": list(kept.values()),
        "quality": quality,
        "fronts": {cost: _front(kept, cost) for cost in COSTS if cost in kept and "quality" in kept},
    }
    if isinstance(space.decode(actions[0]), Cell):
        cells = [space.decode(encoding).key for encoding in actions]
        if cells != kept["name"]["values"]:
            data["cells"] = cells  # the text that is drawn, where it is not the name
    else:
        data["decisions"] = [[d.name, [str(choice) for choice in d.choices]] for d in space.decisions]
        data["actions"] = [list(map(int, encoding)) for encoding in actions]
    return data


def _front(columns: dict[str, dict[str, Any]], cost: str) -> list[int]:
    """The rows of the Pareto front of quality against a cost."""
    pairs = list(zip(columns[cost]["values"], columns["quality"]["values"], strict=True))
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
