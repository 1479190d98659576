"""The page of a table of rewards and of searches on it: a folder with README.md, its pictures and index.html."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_keras.comparison.table_searches import TableSearches
from nas_keras.reports.charts import Charts
from nas_keras.reports.importance import importances
from nas_keras.reports.markdown import Code, Table, flatten, percent
from nas_keras.reports.page import Report, Searches, data_name, write_page
from nas_keras.reports.page_folder import check_output
from nas_keras.reports.plots import table_plots
from nas_keras.reports.rendering import write_text
from nas_keras.reports.rows import rows_of_table
from nas_keras.reports.sections import Section, importance_section, make_section, searches_section
from nas_keras.reports.standings import Standing
from nas_keras.reports.table_page.facts import TableFacts, gather_table
from nas_keras.spaces.cell_names import name_human_cells
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.system.paths import local_path

_NUM_LISTED = 10


def write_report(
    table: pathlib.Path,
    space: SearchSpace,
    output: pathlib.Path,
    *,
    searches: Searches = Searches(),  # noqa: B008  (it cannot change)
    command: str = "",
) -> Report:
    """Makes the page of a table.

    Args:
        table: folder of a table of trained children; it need not be complete.
        space: the space of the table.
        output: folder of the page; it is created if necessary, and an earlier page in it is replaced.
        searches: the searches on the table that it shows.
        command: the command that makes the page, to be shown on it.

    Raises:
        InvalidValueError: before any work, if a number or folder is not allowed or the table is of another space.
        DataError: if the table is missing or corrupt, or holds no accuracies.
    """
    searches.check()
    output = local_path("output", output)
    check_output(output, ("heat_map.svg", "searches.svg"))
    facts = gather_table(table, space)
    searched = searches.run(table, facts)
    context = {
        "title": f"The {space.name} space{data_name(facts.table.recipe)}: its table",
        "headlines": write_text("table_headlines", facts=facts),
        "is_table": True,
        "sections": _sections(facts, searched),
        "winner": None,
        "commands": [command] if command else [],
        "settings": [("The table", _settings(facts, table))],
    }
    rows = rows_of_table(facts)
    charts = Charts(rows, ["a cell"], is_accuracy=True)
    charts.add_costs()
    return write_page(output, context, _draw(facts), rows, charts, searched)


def _sections(facts: TableFacts, searched: TableSearches | None) -> dict[str, Section]:
    best = facts.standings[:_NUM_LISTED]
    header = ["rank", "cell ", "validation", "test", "trainings", "parameters"]
    found = {"best": make_section("table_best", header, _cells(facts, best), count=len(best))}
    titles = name_human_cells(facts.space)
    if human := [one for one in facts.standings if one.key in titles]:
        rows = [[titles[one.key], *row] for one, row in zip(human, _cells(facts, human), strict=True)]
        found["human"] = make_section("table_human", ["designed as ", *header], rows)
    actions, means = zip(*((one.actions, one.valid) for one in facts.standings), strict=True)
    if matters := importances(facts.space, actions, means):
        found["importance"] = importance_section(matters, percent)
    if searched:
        found["on_table"] = searches_section(searched, facts.num_keys)
    return found


def _cells(facts: TableFacts, chosen: Sequence[Standing]) -> list[list[Any]]:
    return [
        [facts.ranks[one.key], Code(facts.name(one)), percent(one.valid, one.valid_error)]
        + [percent(one.test, one.test_error), one.num_trainings, f"{one.num_params:,}"]
        for one in chosen
    ]


def _settings(facts: TableFacts, table: pathlib.Path) -> Table:
    machine = {f"machine: {name}": value for name, value in facts.table.environment.items()}
    parts = {"folder": table.name, **facts.table.recipe, **machine}
    return Table(["setting ", "value "], [[Code(name), flatten(value)] for name, value in parts.items()])


def _draw(facts: TableFacts) -> dict[str, Any]:
    """Draws the pictures of README.md; returns name -> figure."""
    space = facts.space
    if len(space.decisions) != 2 or space.size != facts.num_keys:
        return {}
    means = np.full(space.num_choices, np.nan)
    for one in facts.standings:
        means[one.actions] = one.valid
    return {"heat_map": table_plots.heat_map(means, rows=space.decisions[0], columns=space.decisions[1])}
