"""The pages of searches: a folder with README.md, its pictures, and index.html with all trials.

Every figure is computed from the runs, longer trainings of their best cells and a table when the page is made.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas_keras.comparison.table_searches import TableSearches, run_searches
from nas_keras.errors import check_at_least
from nas_keras.reports import rendering
from nas_keras.reports.charts import Charts
from nas_keras.reports.page_folder import Report, check_output, picture_names, write_page
from nas_keras.reports.plots import run_plots, style, table_plots
from nas_keras.reports.rows import rows_of_runs
from nas_keras.reports.search_page import commands, tables
from nas_keras.reports.search_page.facts import RunFacts, accuracies_of, gather_runs, headlines
from nas_keras.reports.statistics import best_of_random
from nas_keras.results.policy_history import History, trace_policy
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.cell_plot import plot_cell
from nas_keras.system.paths import local_path

_PICTURES = ("rewards", "best_cell", "searches")


def write_run_report(
    runs: Sequence[pathlib.Path],
    output: pathlib.Path,
    *,
    trained: pathlib.Path | None = None,
    table: pathlib.Path | None = None,
    searches: int = 20,
    batches: int = 60,
    command: str = "",
    on_search: Callable[[int], None] | None = None,
) -> Report:
    """Makes the page of searches.

    Args:
        runs: folders of searches of one space and recipe, finished or running.
        output: folder of the page; it is created if necessary, and an earlier page in it is replaced.
        trained: folder of the table of longer trainings, as launch/train_child.py fills it.
        table: folder of a table of the searches' recipe; it need not be complete.
        searches: number of seeds of searches on the table, if it is complete; 0 for none.
        batches: number of batches of 8 samples in each of these searches.
        command: the command that makes the page, to be shown on it.
        on_search: called with the number of seeds done.

    Raises:
        InvalidValueError: before any work, if a number or folder is not allowed, or the sources do not belong together.
        DataError: if a source is missing or corrupt.
    """
    check_at_least("searches", searches, 0)
    check_at_least("batches", batches, 1)
    policies = picture_names([local_path("runs", run) for run in runs], "policy")
    output = local_path("output", output)
    check_output(output, (*_PICTURES, *policies))
    facts = gather_runs(runs, trained=trained, table=table)
    traced = [run for run in facts.runs if run.batches and run.strategy != "random"]
    histories = {name: trace_policy(run) for run, name in zip(facts.runs, policies, strict=True) if run in traced}
    searched = None
    if table and facts.table and searches and not facts.table.missing_keys:
        searched = run_searches(table, facts.space, searches=searches, batches=batches, on_search=on_search)
    pictures = [style.render(figure, name) for name, figure in _draw(facts, histories, searched).items()]
    found, winner = headlines(facts), tables.winner(facts)
    context = {
        "title": tables.title(facts),
        "headlines": found,
        "pictures": {picture.file.rpartition(".")[0]: picture.file for picture in pictures},
        "titles": {name: run.title for run, name in zip(facts.runs, policies, strict=True)},
        "sections": tables.sections(facts, histories, searched),
        "winner": winner,
        "winner_data": winner and {name: winner[name] for name in ("cell", "choices")},
        "commands": [*commands.all_commands(facts, trained, table), *([command] if command else [])],
        "settings": tables.settings(facts),
    }
    page = rendering.render_page(context, *_interactive(facts, histories, searched))
    return Report(write_page(output, rendering.render_markdown("README.md", context), page, pictures), found)


def _interactive(
    facts: RunFacts, histories: Mapping[str, History], searched: TableSearches | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows and the charts of the HTML page."""
    rows = rows_of_runs(facts)
    if "quality" not in rows.columns:  # nothing has succeeded
        return rows.data, {}
    charts = Charts(rows, [run.title for run in facts.runs], is_accuracy=facts.is_accuracy)
    random = None
    if facts.table and not facts.table.missing_keys:
        most = max(len(run.evaluated) for run in facts.runs)
        random = 100 * best_of_random(facts.table.valid.mean[facts.table.best], most)
    charts.add_progress(random)
    charts.add_costs()
    for name, history in histories.items():
        charts.add_policy(name, history, facts.space.decisions)
    if searched:
        charts.add_searches(searched)
    return rows.data, charts.to_json()


def _draw(facts: RunFacts, histories: Mapping[str, History], searched: TableSearches | None) -> dict[str, Any]:
    """Draws the pictures of README.md; returns name -> figure."""
    human = {title: facts.known[key].reward for key, title in facts.human.items() if key in facts.known}
    rewards = {run.title: accuracies_of(run) for run in facts.runs}
    figures = {"rewards": run_plots.rewards_over_time(rewards, lines=human, is_accuracy=facts.is_accuracy)}
    cell = facts.space.decode(facts.best[1].actions) if facts.best else None
    if isinstance(cell, Cell):
        figures["best_cell"] = plot_cell(cell)
    for name, history in histories.items():
        told, probabilities = history.num_told, history.probabilities
        figures[name] = run_plots.policy_over_time(told, probabilities, decisions=facts.space.decisions)
    if searched:
        figures["searches"] = table_plots.draw_searches(searched)
    return figures
