"""What the pages of tables and of searches have in common: the figures that both show, and how both are written."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from nas_keras.comparison.table_searches import TableSearches, run_searches
from nas_keras.errors import check_at_least
from nas_keras.reports import rendering
from nas_keras.reports.charts import Charts
from nas_keras.reports.page_folder import write_files
from nas_keras.reports.plots import style, table_plots
from nas_keras.reports.table_page.facts import TableFacts


class Report(NamedTuple):
    """The path of a page, and its headlines: the most important figures as plain sentences."""

    page: pathlib.Path
    headlines: list[str]


class Searches(NamedTuple):
    """The searches on a table that a page shows: seeds, batches of 8 samples, and what is told the seeds done.

    With 0 seeds, or if the table lacks a key, there are none.
    """

    searches: int = 20
    batches: int = 60
    on_search: Callable[[int], None] | None = None

    def check(self) -> None:
        """Raises InvalidValueError for a number that is too small."""
        check_at_least("searches", self.searches, 0)
        check_at_least("batches", self.batches, 1)

    def run(self, path: pathlib.Path | None, facts: TableFacts | None) -> TableSearches | None:
        """Searches the table of `facts`, which lies in `path`; None if that cannot be."""
        if path is None or facts is None or not self.searches or not facts.is_complete:
            return None
        return run_searches(path, facts.space, **self._asdict())


def data_name(recipe: dict[str, Any]) -> str:
    """ " on mnist", the images of a recipe, for a title; "" if it names none."""
    data = recipe.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return f" on {name}" if name else ""


def write_page(
    output: pathlib.Path,
    context: dict[str, Any],
    figures: dict[str, Any],
    rows: dict[str, Any],
    charts: Charts | None,
    searched: TableSearches | None,
) -> Report:
    """Writes both files of a page and the pictures.

    Args:
        output: the folder.
        context: what both templates show.
        figures: the pictures of README.md, by name.
        rows: the table of index.html.
        charts: its charts; None if there are none.
        searched: searches on a table, which both show.
    """
    if searched and charts:
        charts.add_searches(searched)
        figures["searches"] = table_plots.draw_searches(searched)
    pictures = {f"{name}.svg": style.render(figure, name) for name, figure in figures.items()}
    html = rendering.render_html(context, rows, charts.to_json() if charts else {})
    text = rendering.render_markdown({**context, "pictures": list(figures)})
    return Report(write_files(output, text, html, pictures), context["headlines"])
