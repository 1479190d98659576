"""The pages of searches: a folder with README.md, its pictures, and index.html with all trials.

Every figure is computed from the runs, longer trainings of their best cells and a table when the page is made.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras.comparison.table_searches import TableSearches
from nas_keras.reports.charts import Charts
from nas_keras.reports.page import Report, Searches, data_name, write_page
from nas_keras.reports.page_folder import check_output
from nas_keras.reports.plots import run_plots
from nas_keras.reports.rendering import write_text
from nas_keras.reports.rows import rows_of_runs
from nas_keras.reports.search_page import tables
from nas_keras.reports.search_page.commands import search_command
from nas_keras.reports.search_page.facts import RunFacts, accuracy_in, gather_runs
from nas_keras.reports.search_page.winner import describe_winner
from nas_keras.reports.statistics import best_of_random
from nas_keras.results.policy_history import History, trace_policy
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.cell_plot import plot_cell
from nas_keras.system.paths import local_path


def write_run_report(
    runs: Sequence[pathlib.Path],
    output: pathlib.Path,
    *,
    trained: pathlib.Path | None = None,
    table: pathlib.Path | None = None,
    searches: Searches = Searches(),  # noqa: B008  (it cannot change)
    command: str = "",
) -> Report:
    """Makes the page of searches.

    Args:
        runs: folders of searches of one space and recipe, finished or running.
        output: folder of the page; it is created if necessary, and an earlier page in it is replaced.
        trained: folder of the table of longer trainings, as launch/train_child.py fills it.
        table: folder of a table of the searches' recipe; it need not be complete.
        searches: the searches on the table that the page shows.
        command: the command that makes the page, to be shown on it.

    Raises:
        InvalidValueError: before any work, if a number or folder is not allowed, or the sources do not belong together.
        DataError: if a source is missing or corrupt.
    """
    searches.check()
    output = local_path("output", output)
    pictures = ("rewards", "best_cell", "searches", *(f"policy_{i}" for i in range(1, len(runs) + 1)))
    check_output(output, [f"{name}.svg" for name in pictures])
    facts = gather_runs(runs, trained=trained, table=table)
    histories = {f"policy_{i}": trace_policy(run) for i, run in enumerate(tables.with_policy(facts), start=1)}
    searched = searches.run(table, facts.table)
    context = make_context(facts, histories, searched)
    context["commands"] = [*map(search_command, facts.runs), *([command] if command else [])]
    rows = rows_of_runs(facts)
    charts = draw_charts(facts, rows, histories)
    return write_page(output, context, _draw(facts, histories), rows, charts, searched)


def make_context(facts: RunFacts, histories: Mapping[str, History], searched: TableSearches | None) -> dict[str, Any]:
    """What both files of the page show, but for commands and pictures."""
    return {
        "title": f"The {facts.space.name} space{data_name(facts.runs[0].fixed['recipe'])}",
        "headlines": write_text("run_headlines", facts=facts),
        "is_table": False,
        "sections": tables.sections(facts, histories, searched),
        "winner": describe_winner(facts),
        "settings": tables.settings(facts),
    }


def draw_charts(facts: RunFacts, rows: dict[str, Any], histories: Mapping[str, History]) -> Charts | None:
    """The charts of the HTML page; None if nothing has succeeded."""
    if not any(column["key"] == "quality" for column in rows["columns"]):
        return None
    charts = Charts(rows, [run.title for run in facts.runs], is_accuracy=facts.is_accuracy)
    random = None
    if facts.table and facts.table.is_complete:
        most = max(len(run.evaluated) for run in facts.runs)
        random = 100 * best_of_random([one.valid for one in facts.table.standings], most)
    charts.add_progress(random)
    charts.add_costs()
    for name, history in histories.items():
        charts.add_policy(name, history, facts.space.decisions)
    return charts


def _draw(facts: RunFacts, histories: Mapping[str, History]) -> dict[str, Any]:
    """Draws the pictures of README.md; returns name -> figure."""
    human = {title: facts.known[key].reward for key, title in facts.human.items() if key in facts.known}
    rewards = {run.title: np.array([accuracy_in(run, trial) for trial in run.evaluated]) for run in facts.runs}
    figures = {"rewards": run_plots.rewards_over_time(rewards, lines=human, is_accuracy=facts.is_accuracy)}
    cell = facts.space.decode(facts.best[1].actions) if facts.best else None
    if isinstance(cell, Cell):
        figures["best_cell"] = plot_cell(cell)
    for name, history in histories.items():
        figures[name] = run_plots.policy_over_time(history, facts.space.decisions)
    return figures
