"""The rows of the table on a page that can be sorted and searched, as compact JSON: one list for each column.

The page's script (`templates/page.js`) draws the cell of a row from its name; of a space without cells it shows the
decisions, which come with it. Accuracies are in percent here, FLOPs in millions.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from nas_keras.reports.search_page.facts import RunFacts, accuracy_in
from nas_keras.reports.table_facts import TableFacts
from nas_keras.results.pareto import pareto_front
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.search_space import Actions, SearchSpace

COSTS = {"params": "parameters", "flops": "MFLOPs", "latency": "latency, ms"}


class Column(NamedTuple):
    """One column.

    Attributes:
        key: its short name.
        label: its title.
        digits: decimals of its numbers; None for a column of text.
        values: one value for each row; None where there is none.
    """

    key: str
    label: str
    digits: int | None
    values: list[Any]


class Rows(NamedTuple):
    """All rows of a page.

    Attributes:
        columns: the columns that have any value.
        quality: the key of the column by which rows are ranked.
        data: the content of the JSON block on the page.
    """

    columns: dict[str, Column]
    quality: str
    data: dict[str, Any]


def rows_of_runs(facts: RunFacts) -> Rows:
    """One row for each cell that a search evaluated or refused, in this order, search after search."""
    found = [(run, trial) for run in facts.runs for trial in run.trials if not trial.cached]
    proposed = [Counter(trial.key for trial in run.trials) for run in facts.runs]
    places = {run.title: number for number, run in enumerate(facts.runs)}
    counters = Counter[str]()
    numbers, hours, spent = [], [], dict.fromkeys(places, 0.0)
    for run, trial in found:
        counters[run.title] += 1
        spent[run.title] += trial.evaluation.seconds / 3600
        numbers.append(counters[run.title])
        hours.append(spent[run.title])
    scale, digits = (100, 2) if facts.is_accuracy else (1, 5)
    evaluations = [trial.evaluation for _, trial in found]
    has_objective = facts.runs[0].objective is not None
    quality = "accuracy, %" if facts.is_accuracy else "reward"
    objective = [one.reward if has_objective else math.nan for one in evaluations]
    columns = [
        Column("number", "#", 0, numbers),
        Column("run", "search", None, [run.title for run, _ in found] if len(facts.runs) > 1 else []),
        Column("name", facts.kind[:-1], None, [facts.names[trial.key] for _, trial in found]),
        Column("quality", quality, digits, _numbers([scale * accuracy_in(*pair) for pair in found], 5)),
        Column("objective", "objective", 5, _numbers(objective, 6)),
        *_costs(
            [one.num_params or math.nan for one in evaluations],
            [one.flops / 1e6 for one in evaluations],
            [one.latency_ms for one in evaluations],
        ),
        Column("seconds", "seconds", 1, _numbers([one.seconds or math.nan for one in evaluations], 2)),
        Column("proposed", "proposed", 0, [proposed[places[run.title]][trial.key] or 1 for run, trial in found]),
        Column("status", "result", None, [one.status for one in evaluations]),
    ]
    rows = _rows(
        facts.space, columns, [trial.actions for _, trial in found], "objective" if has_objective else "quality"
    )
    rows.data["hours"] = _numbers(hours, 5)
    return rows


def rows_of_table(facts: TableFacts) -> Rows:
    """One row for each cell of a table that has an accuracy, best first."""
    chosen = facts.best
    columns = [
        Column("number", "rank", 0, facts.ranks[chosen].tolist()),
        Column("name", "cell", None, [facts.names[k] for k in chosen]),
        Column("quality", "validation, %", 2, _numbers(100 * facts.valid.mean[chosen], 4)),
        Column("error", "± error", 2, _numbers(100 * facts.valid.error[chosen], 4)),
        Column("test", "test, %", 2, _numbers(100 * facts.test.mean[chosen], 4)),
        Column("trainings", "trainings", 0, facts.valid.num_trainings[chosen].tolist()),
        *_costs([int(facts.num_params[k]) or math.nan for k in chosen], [], []),
    ]
    return _rows(facts.space, columns, [facts.actions[k] for k in chosen], "quality")


def _costs(*costs: Sequence[float]) -> list[Column]:
    digits = (0, 2, 3)
    return [
        Column(key, label, count, _numbers(values, 4))
        for (key, label), count, values in zip(COSTS.items(), digits, costs, strict=True)
    ]


def _rows(space: SearchSpace, columns: Sequence[Column], actions: Sequence[Actions], quality: str) -> Rows:
    kept = {column.key: column for column in columns if any(value is not None for value in column.values)}
    values = kept["quality"].values if "quality" in kept else []
    data: dict[str, Any] = {
        "columns": [{"key": c.key, "label": c.label, "digits": c.digits, "values": c.values} for c in kept.values()],
        "quality": quality,
        "fronts": {},
    }
    for cost in COSTS:
        if cost in kept:
            priced = [i for i, value in enumerate(kept[cost].values) if value is not None and values[i] is not None]
            front = pareto_front([kept[cost].values[i] for i in priced], [values[i] for i in priced])
            data["fronts"][cost] = [priced[i] for i in front]
    if isinstance(space.decode([0] * len(space.decisions)), Cell):
        cells = [space.decode(encoding).key for encoding in actions]
        if cells != kept["name"].values:
            data["cells"] = cells  # the text that is drawn, where it is not the name
    else:
        data["decisions"] = [[d.name, [str(choice) for choice in d.choices]] for d in space.decisions]
        data["actions"] = [list(map(int, encoding)) for encoding in actions]
    return Rows(kept, quality, data)


def _numbers(values: Any, digits: int) -> list[float | None]:
    """Numbers as JSON has them, without needless digits; None for NaN."""
    rounded = [round(float(value), digits) for value in values]
    return [None if not math.isfinite(value) else int(value) if value == int(value) else value for value in rounded]
