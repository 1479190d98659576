"""Markdown in GitHub's dialect: escaped text and tables."""

import re
from collections.abc import Sequence

from nas_keras.errors import printable


def escape(text: object) -> str:
    """Escapes text so that it is shown literally, on one line."""
    text = printable(" ".join(str(text).split())).replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*\[\]|#$~>!])", r"\\\1", text)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # an underscore within a word has no meaning in markdown


def code(text: object) -> str:
    """Formats text as inline code, or escapes it if inline code cannot hold it."""
    text = printable(" ".join(str(text).split()))
    return escape(text) if not text or set(text) & set("`|") else f"`{text}`"


def make_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Formats a table whose cells are markdown already.

    Args:
        header: column titles. A title that ends in a space marks a column of text; other columns hold numbers and are
            aligned to the right.
        rows: rows of cells, each as long as the header.
    """
    rule = ["---" if title.endswith(" ") else "--:" for title in header]
    lines = [header, rule, *rows]
    return "\n".join("| " + " | ".join(str(cell).strip() for cell in line) + " |" for line in lines)
