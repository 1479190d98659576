"""Markdown as GitHub reads it: escaped texts, tables, accuracies in percent."""

import math
import re
from collections.abc import Sequence

from nas_keras.errors import printable


def escape(text: object) -> str:
    """Text as one line that shows as it is."""
    text = printable(" ".join(str(text).split())).replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*\[\]|#$~>!])", r"\\\1", text)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # within a word it means nothing


def code(text: object) -> str:
    """Text as code, in a line or a table; escaped instead where code could not hold it."""
    text = printable(" ".join(str(text).split()))
    return escape(text) if not text or set(text) & set("`|") else f"`{text}`"


def make_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of cells that are markdown already.

    Args:
        header: titles; one that ends in a space is of a column of text, the others are of numbers, set to the right.
        rows: as many cells in each.
    """
    rule = ["---" if title.endswith(" ") else "--:" for title in header]
    lines = [header, rule, *rows]
    return "\n".join("| " + " | ".join(str(cell).strip() for cell in line) + " |" for line in lines)


def percent(fraction: float, error: float = math.nan, *, sign: bool = False, digits: int = 2) -> str:
    """A fraction as "98.85", or "98.85 ± 0.03" with its error; the unit is left to the reader. NaN is a dash."""
    if math.isnan(fraction):
        return "–"
    text = f"{100 * fraction:{'+' if sign else ''}.{digits}f}"
    return text if math.isnan(error) else f"{text} ± {100 * error:.{digits}f}"


def number(value: float, digits: int = 2, *, error: float = math.nan) -> str:
    """A number with so many decimals, with its error if there is one; NaN is a dash."""
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}f}" if math.isnan(error) else f"{value:.{digits}f} ± {error:.{digits}f}"


def flatten(value: object) -> str:
    """A part of a recipe in one line: "filters 16, stages 2"."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {flatten(part)}" for name, part in value.items())
    return str(value)
