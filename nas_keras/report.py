"""A page of results: a table, and searches on it, become a folder with README.md and pictures.

Every figure of the page is computed here and now from the table, but for the paper's own, which are cited. What the
page says is written in `report_sections.py` and `report_limits.py`.
"""

import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nas_keras import plots, report_limits, report_sections
from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.markdown import escape
from nas_keras.report_facts import Facts, gather
from nas_keras.report_searches import Searches, run_searches
from nas_keras.search_space import SearchSpace
from nas_keras.workspace import write_whole

PAGE = "README.md"
_MARK = "<!-- Made by launch/report.py; what is changed here is lost when it is made again. -->"


class Report(NamedTuple):
    """The page's place, and the headline figures that it begins with, as plain sentences."""

    page: pathlib.Path
    headlines: list[str]


def check_output(output: pathlib.Path) -> None:
    """Raises InvalidValueError if a page cannot be put into `output`, or would take the place of another file."""
    for place in (output, *output.parents):
        if place.exists() and not place.is_dir():
            raise InvalidValueError(f"{place} is a file, so {output} can be no folder. Name a folder for the page.")
    page = output / PAGE
    if page.is_dir() or (page.exists() and _MARK not in page.read_text(encoding="utf-8", errors="replace")):
        raise InvalidValueError(f"{page} was not made by this program. Name another folder for the page.")


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
    """Makes the page.

    Args:
        table: folder of a table of trained children; it need not be complete.
        space: of the table.
        output: folder of the page; made if it is not there.
        searches: run seeds of the searches on the table; 0, or a table that lacks some key, leaves them out.
        batches: of 8 samples, in each search.
        command: that makes the page, to be shown on it.
        on_search: called with the number of seeds searched.

    Raises:
        InvalidValueError: for a wrong number or folder, or another space than the table's, before any work.
        DataError: if the table is missing, damaged, or holds no accuracies.
    """
    check_at_least("searches", searches, 0)
    check_at_least("batches", batches, 1)
    check_output(output)
    facts = gather(table, space)
    searched = None
    if searches and not facts.missing_keys:
        searched = run_searches(table, space, searches=searches, batches=batches, on_search=on_search)
    pictures = _draw(facts, searched, output)
    headlines = report_sections.headlines(facts, searched)
    sections = [
        report_sections.title(facts),
        "\n".join(f"- {escape(headline)}" for headline in headlines),
        report_sections.cells(facts, pictures),
        report_sections.known_cells(facts),
        report_sections.operations(facts, pictures),
        report_limits.noise(facts),
        report_limits.order(facts),
        report_limits.searching(facts, searched, pictures.get("searches")),
        report_sections.how_it_was_made(facts, table, command),
    ]
    write_page(output, sections)
    return Report(output / PAGE, headlines)


def write_page(output: pathlib.Path, sections: Sequence[str]) -> None:
    """Writes README.md, with the mark by which it is known as made by this program."""
    text = "\n\n".join([_MARK, *sections]) + "\n"
    write_whole(output / PAGE, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _draw(facts: Facts, searched: Searches | None, output: pathlib.Path) -> dict[str, str]:
    """Writes the pictures; name -> file name."""
    space, mean = facts.space, facts.valid.mean
    known = [k for _, k, _ in facts.known]
    figures = {
        "sorted": plots.sorted_accuracies(mean, facts.valid.error, names=facts.names, marked=known),
        "effects": plots.effects_on_error(facts.effects),
    }
    if len(space.decisions) == 2 and space.size == len(facts.measured.keys):
        rows, columns = space.decisions
        figures["heat_map"] = plots.heat_map(
            mean.reshape(space.num_choices),
            rows=rows.choices,
            columns=columns.choices,
            row_name=rows.name,
            column_name=columns.name,
        )
    if searched:
        lines = {"best cell": searched.best, "mean of all strings": searched.mean}
        figures["searches"] = plots.learning_curves(searched.curves, lines=lines, batch_size=searched.batch_size)
    return {name: plots.save(figure, output, name) for name, figure in figures.items()}
