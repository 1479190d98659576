"""The sections of a page, each a heading, a text and a table, and those that tables and searches both have.

The texts are macros of `templates/texts.txt`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nas_keras.comparison.table_searches import NUM_BEST, PAPER, TableSearches
from nas_keras.reports.importance import Importance
from nas_keras.reports.markdown import Code, Table, percent
from nas_keras.reports.rendering import write_text


class Section(NamedTuple):
    """A part of a page: a heading, a text, and a table."""

    title: str
    text: str
    table: Table


def make_section(name: str, header: Sequence[str], rows: Sequence[Sequence[Any]], **values: Any) -> Section:
    """The section whose heading and text the macro `name` of the texts writes from `values`."""
    title, *text = write_text(name, **values)
    return Section(title, " ".join(text), Table(header, rows))


def importance_section(found: Sequence[Importance], value: Callable[[float], str]) -> Section:
    """The importance of each decision; `value` formats a reward."""
    rows = [
        [Code(one.decision), percent(one.share, digits=0), Code(one.choice), value(one.mean), value(one.rest)]
        for one in found
    ]
    return make_section(
        "importance", ["decision ", "importance, %", "best choice ", "its mean", "mean of the rest"], rows
    )


def searches_section(searched: TableSearches, num_keys: int) -> Section:
    """The results of searches on a table of `num_keys` cells."""
    count, iterations = searched.curves[PAPER].shape
    rows = []
    for name, until_best in searched.until_best.items():
        both = until_best, searched.until_good[name]
        rows.append([name, *(t for until in both for t in (_spread(until), f"{np.isfinite(until).sum()} of {count}"))])
    header = ["strategy ", "until the best", "found by", f"until one of the {NUM_BEST} best", "found by"]
    return make_section(
        "on_table", header, rows, searched=searched, count=count, batches=iterations, keys=num_keys, best=NUM_BEST
    )


def _spread(values: np.ndarray) -> str:
    """The median and the quartiles of numbers of evaluations [n], inf being "never"."""
    finite = np.minimum(values, 1e12)  # NumPy's interpolation turns inf into NaN
    low, middle, high = ("never" if n > 1e9 else f"{n:g}" for n in np.quantile(finite, [0.25, 0.5, 0.75]))
    return f"{middle} ({low} to {high})"
