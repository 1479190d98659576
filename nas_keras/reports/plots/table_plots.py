"""Pictures of a table: its accuracies as a grid, and searches on it. Each function returns a matplotlib Figure."""

from typing import Any

import numpy as np

from nas_keras.comparison.table_searches import TableSearches
from nas_keras.reports.markdown import number
from nas_keras.reports.plots.style import GREY, LINES, error_rates, new_figure, plain, series_styles
from nas_keras.spaces.search_space import Decision


def heat_map(values: np.ndarray, *, rows: Decision, columns: Decision) -> Any:
    """Draws accuracies [R, C], fractions, as a grid of numbers in percent; NaN is a dash.

    The colour shows the logarithm of the error rate, so that 98 and 99 % differ as visibly as 80 and 90 %.
    """
    figure = new_figure(1.3 + 0.72 * len(columns.choices), 1.5 + 0.44 * len(rows.choices))
    axes = figure.add_subplot()
    brightness = -np.log(error_rates(100 * np.asarray(values)))  # better is brighter
    image = axes.imshow(np.ma.masked_invalid(brightness), cmap="cividis", aspect="auto")
    for row, column in np.ndindex(*np.shape(values)):
        colour = "white" if image.norm(brightness[row][column]) < 0.5 else "black"  # on dark blue, on yellow
        text = number(100 * values[row][column])
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    places, names = range(len(columns.choices)), map(plain, columns.choices)
    axes.set_xticks(places, names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows.choices)), map(plain, rows.choices))
    axes.set(xlabel=plain(columns.name), ylabel=plain(rows.name))
    axes.set_title("Mean validation accuracy in %; colour: logarithm of the error rate", fontsize=9)
    return figure


def draw_searches(searched: TableSearches) -> Any:
    """Draws the mean reward of each batch's samples; lines are means over searches, and bands hold eight of ten."""
    figure = new_figure(6.8, 3.6)
    axes = figure.add_subplot()
    for (name, curve), (colour, line, _) in zip(searched.curves.items(), series_styles(), strict=False):
        iterations = range(1, curve.shape[1] + 1)
        low, high = np.nanquantile(100 * curve, [0.1, 0.9], axis=0)
        axes.fill_between(iterations, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(iterations, 100 * np.nanmean(curve, axis=0), line, color=colour, label=name)
    levels = {"best cell": searched.best, "mean of all encodings": searched.mean}
    for (name, value), line in zip(levels.items(), LINES[::-1], strict=False):
        axes.axhline(100 * value, color=GREY, linestyle=line, linewidth=1, label=name)
    axes.set(xlabel=f"iteration, of {searched.batch_size} samples each", ylabel="mean reward of the samples, %")
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower center", ncols=4)  # so that it never covers a curve
    return figure
