"""The page of a table of rewards and of searches on it: a folder with README.md, its pictures and index.html."""

import pathlib
from collections.abc import Callable
from typing import Any

from nas_keras.comparison.table_searches import TableSearches, run_searches
from nas_keras.errors import check_at_least
from nas_keras.reports import rendering
from nas_keras.reports.charts import Charts
from nas_keras.reports.importance import importances
from nas_keras.reports.markdown import Code, Table, flatten, number, percent
from nas_keras.reports.page_folder import Report, check_output, write_page
from nas_keras.reports.plots import style, table_plots
from nas_keras.reports.rows import rows_of_table
from nas_keras.reports.search_page.tables import Section, importance_section
from nas_keras.reports.searches_table import searches_table
from nas_keras.reports.statistics import rank_correlation
from nas_keras.reports.table_facts import TableFacts, gather_table, table_command
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.system.paths import local_path

_PICTURES = ("heat_map", "searches")
_NUM_LISTED = 10


def write_report(
    table: pathlib.Path,
    space: SearchSpace,
    output: pathlib.Path,
    *,
    searches: int = 20,
    batches: int = 60,
    command: str = "",
    on_search: Callable[[int], None] | None = None,
) -> Report:
    """Makes the page of a table.

    Args:
        table: folder of a table of trained children; it need not be complete.
        space: the space of the table.
        output: folder of the page; it is created if necessary, and an earlier page in it is replaced.
        searches: number of seeds of the searches on the table. With 0, or if the table lacks a key, there are none.
        batches: number of batches of 8 samples in each search.
        command: the command that makes the page, to be shown on it.
        on_search: called with the number of seeds done.

    Raises:
        InvalidValueError: before any work, if a number or folder is not allowed or the table is of another space.
        DataError: if the table is missing or corrupt, or holds no accuracies.
    """
    check_at_least("searches", searches, 0)
    check_at_least("batches", batches, 1)
    output = local_path("output", output)
    check_output(output, _PICTURES)
    facts = gather_table(table, space)
    searched = None
    if searches and not facts.missing_keys:
        searched = run_searches(table, space, searches=searches, batches=batches, on_search=on_search)
    pictures = [style.render(figure, name) for name, figure in _draw(facts, searched).items()]
    data = facts.table.recipe.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    found = _headlines(facts)
    context = {
        "title": f"The {space.name} space{f' on {name}' if name else ''}: its table",
        "headlines": found,
        "pictures": {picture.file.rpartition(".")[0]: picture.file for picture in pictures},
        "titles": {},
        "sections": _sections(facts, searched),
        "winner": None,
        "winner_data": None,
        "commands": [line for line in (table_command(facts, table), command) if line],
        "settings": [("The table", _settings(facts, table))],
    }
    rows = rows_of_table(facts)
    charts = Charts(rows, ["a cell"], is_accuracy=True)
    charts.add_costs()
    if searched:
        charts.add_searches(searched)
    page = rendering.render_page(context, rows.data, charts.to_json())
    return Report(write_page(output, rendering.render_markdown("README.md", context), page, pictures), found)


def _headlines(facts: TableFacts) -> list[str]:
    """The most important figures, as plain sentences."""
    best, trials = facts.best[0], facts.table.trials
    failed = sum(trial.evaluation.failed for trial in trials)
    tested = f"test {_accuracy(facts, best, 'test')} %" if facts.test.num_trainings[best] else "no test accuracy"
    lines = [
        f"{len(facts.best):,} of {len(facts.keys):,} cells have an accuracy, from {len(trials):,} trainings, of which "
        f"{failed:,} failed; {facts.core_hours:,.1f} core-hours.",
        f"The best cell is {facts.names[best]}: validation {_accuracy(facts, best)} %, {tested} (mean ± standard error "
        "over trainings).",
    ]
    if facts.noise > 0:
        lines.append(
            f"Among the best quarter one training scatters by {percent(facts.noise)} points about its cell's mean; "
            f"{facts.num_ties} cells are within two standard errors of the best."
        )
    correlation = rank_correlation(facts.valid.mean, facts.test.mean)
    if correlation == correlation:  # not NaN
        lines.append(f"Rank correlation (Spearman) of mean validation and mean test accuracy: {number(correlation)}.")
    return lines


def _sections(facts: TableFacts, searched: TableSearches | None) -> dict[str, Section]:
    listed = facts.best[:_NUM_LISTED]
    text = "In percent, mean ± standard error. Validation is biased upwards for cells selected by it; test is not."
    found = {"best": Section(f"The best {len(listed)}", text, _cells(facts, listed))}
    if facts.known:
        text = "The paper's two best cells of its small space, and those that people designed."
        table = _cells(facts, [k for _, k in facts.known], [what for what, _ in facts.known])
        found["known"] = Section("Known cells", text, table)
    matters = importances(facts.space, [facts.actions[k] for k in facts.best], facts.valid.mean[facts.best])
    if matters:
        found["importance"] = importance_section(matters, percent)
    if searched:
        found["on_table"] = Section("Searches on the table", *searches_table(searched, len(facts.keys)))
    return found


def _cells(facts: TableFacts, chosen: list[int], titles: list[str] | None = None) -> Table:
    header = [*(["what "] if titles else []), "rank", "cell ", "validation", "test", "trainings", "parameters"]
    rows = [
        [facts.ranks[k] or "–", Code(facts.names[k]), _accuracy(facts, k), _accuracy(facts, k, "test")]
        + [facts.valid.num_trainings[k], f"{facts.num_params[k]:,}"]
        for k in chosen
    ]
    return Table(header, [[title, *row] for title, row in zip(titles, rows, strict=True)] if titles else rows)


def _accuracy(facts: TableFacts, k: int, split: str = "valid") -> str:
    means = getattr(facts, split)
    return percent(means.mean[k], means.error[k])


def _settings(facts: TableFacts, table: pathlib.Path) -> Table:
    rows = [[Code(name), flatten(value)] for name, value in facts.table.recipe.items()]
    rows += [[Code(f"machine: {name}"), flatten(value)] for name, value in facts.table.environment.items()]
    return Table(["setting ", "value "], [[Code("folder"), table.name], *rows])


def _draw(facts: TableFacts, searched: TableSearches | None) -> dict[str, Any]:
    """Draws the pictures of README.md; returns name -> figure."""
    space, figures = facts.space, {}
    if len(space.decisions) == 2 and space.size == len(facts.keys):
        rows, columns = space.decisions
        figures["heat_map"] = table_plots.heat_map(
            facts.valid.mean.reshape(space.num_choices), rows=rows, columns=columns
        )
    if searched:
        figures["searches"] = table_plots.draw_searches(searched)
    return figures
