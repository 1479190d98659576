"""Markdown of pages: tables, accuracies and numbers as text, beside what `results/model_card/markdown.py` has."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from nas_keras.results.model_card import markdown
from nas_keras.results.model_card.markdown import code, escape

__all__ = ["Code", "Table", "code", "escape", "flatten", "make_table", "number", "percent"]


class Code(str):
    """Text that is shown as code, such as a cell or the name of a decision."""


class Table(NamedTuple):
    """A table of a page.

    Attributes:
        header: column titles. A title that ends in a space marks a column of text; other columns hold numbers and are
            aligned to the right.
        rows: rows of cells, each as long as the header: `Code`, or anything else that is shown as text.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


def make_table(table: Table) -> str:
    """Formats a table, whose cells are escaped."""
    rows = [[code(cell) if isinstance(cell, Code) else escape(cell) for cell in row] for row in table.rows]
    return markdown.make_table([escape(title) + " " * title.endswith(" ") for title in table.header], rows)


def percent(fraction: float, error: float = math.nan, *, digits: int = 2) -> str:
    """Formats a fraction in percent without the sign: "98.85", or "98.85 ± 0.03" with its error; NaN is a dash."""
    return number(100 * fraction, digits, error=100 * error)


def number(value: float, digits: int = 2, *, error: float = math.nan) -> str:
    """Formats a number, and its error if given, with `digits` decimals; NaN is a dash."""
    if math.isnan(value):
        return "–"
    return f"{value:,.{digits}f}" + ("" if math.isnan(error) else f" ± {error:.{digits}f}")


def flatten(value: object) -> str:
    """Formats a part of a recipe on one line: "filters 16, stages 2"."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {flatten(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(flatten, value)) or "none"
    return "none" if value is None else str(value)
