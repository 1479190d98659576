"""The style that all pictures share: colours, lines, markers, axes and files. No pyplot, no global state.

Colours are those of Okabe and Ito and of cividis, which colour-blind people can tell apart; every series also has
a marker or line style of its own.
"""

import io
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from nas_keras.errors import printable
from nas_keras.reports.page_folder import Picture
from nas_keras.system.figures import new_figure as new_figure

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY_BLUE, YELLOW, BLACK = "#E69F00", "#56B4E9", "#F0E442", "#000000"
GREY, DARK_GREY, LIGHT_GREY, WHITE = "#666666", "#555555", "#DDDDDD", "#FFFFFF"
LINES = ("-", "--", "-.", ":")
_SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE, BLACK)  # yellow is too light for a line
_MARKERS = ("o", "x", "^", "s")
SMALLEST_ERROR = 1e-4  # replaces an error rate of 0, which has no logarithm
_DPI = 150


class SeriesStyle(NamedTuple):
    """The colour, line style and marker of one series."""

    colour: str
    line: str
    marker: str


def series_styles() -> Iterator[SeriesStyle]:
    """Styles for any number of series, the same in every picture; they repeat after the 28th."""
    for style in zip(itertools.cycle(_SERIES), itertools.cycle(LINES), itertools.cycle(_MARKERS), strict=False):
        yield SeriesStyle(*style)


def render(figure: Any, name: str) -> Picture:
    """Renders a figure as `name`.png or `name`.svg, whichever is smaller."""
    import matplotlib

    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is done; each savefig would repeat it
    pictures = []
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        buffer = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": name}):  # so that the same picture gives the same bytes
            figure.savefig(buffer, format=kind, dpi=_DPI, metadata=metadata)
        pictures.append(Picture(f"{name}.{kind}", buffer.getvalue()))
    return min(pictures, key=lambda picture: len(picture.content))


def plain(name: object) -> str:
    r"""Escapes a name for matplotlib: "$" does not begin a formula, and control characters are written out."""
    return printable(str(name)).replace("$", r"\$")


def scale_by_error(axes: Any) -> None:
    """Makes a vertical axis of error rates in percent logarithmic, and labels it with accuracies."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - error:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
