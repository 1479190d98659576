"""The page of a table and of searches on it: a folder with README.md and pictures.

Every figure on the page is computed from the table when the page is made, except those cited from the paper. The text
is written by `sections.py` and `limits.py`.
"""

import pathlib
from collections.abc import Callable

from nas_keras.comparison.table_searches import TableSearches, run_searches
from nas_keras.errors import check_at_least
from nas_keras.reports.markdown import escape
from nas_keras.reports.page_folder import Picture, Report, check_output, write_page
from nas_keras.reports.plots import style, table_plots
from nas_keras.reports.searches_section import draw_searches, searches_section
from nas_keras.reports.table_facts import TableFacts, gather_table
from nas_keras.reports.table_page import limits, sections
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.system.paths import local_path

_PICTURES = ("sorted", "effects", "heat_map", "searches")


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
    drawn = _draw(facts, searched)
    pictures = {name: picture.file for name, picture in drawn.items()}
    headlines = sections.headlines(facts, searched)
    texts = [
        sections.title(facts),
        "\n".join(f"- {escape(headline)}" for headline in headlines),
        sections.cells(facts, pictures),
        sections.front(facts),
        sections.known_cells(facts),
        sections.operations(facts, pictures),
        limits.noise(facts),
        limits.order(facts),
        searches_section(facts, searched, pictures.get("searches")),
        sections.how_it_was_made(facts, table, command),
    ]
    return Report(write_page(output, texts, drawn.values()), headlines)


def _draw(facts: TableFacts, searched: TableSearches | None) -> dict[str, Picture]:
    """Draws the pictures of the page; returns name -> picture."""
    space, mean = facts.space, facts.valid.mean
    known = [k for _, k, _ in facts.known]
    figures = {
        "sorted": table_plots.sorted_accuracies(mean, facts.valid.error, names=facts.names, marked=known),
        "effects": table_plots.effects_on_error(facts.effects),
    }
    if len(space.decisions) == 2 and space.size == len(facts.accuracies.keys):
        rows, columns = space.decisions
        figures["heat_map"] = table_plots.heat_map(
            mean.reshape(space.num_choices),
            rows=rows.choices,
            columns=columns.choices,
            row_name=rows.name,
            column_name=columns.name,
        )
    if searched:
        figures["searches"] = draw_searches(searched)
    return {name: style.render(figure, name) for name, figure in figures.items()}
