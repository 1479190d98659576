"""The style that all pictures share: colours, lines, markers, axes and files. No pyplot, no global state.

Colours are those of Okabe and Ito and of cividis, which colour-blind people can tell apart; every series also has
a marker or line style of its own.
"""

import io
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from nas_keras.errors import printable
from nas_keras.system.figures import new_figure as new_figure

GREY = "#666666"
LINES = ("-", "--", "-.", ":")
_SERIES = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)  # yellow is too light for a line
_MARKERS = ("o", "x", "^", "s")
SMALLEST_ERROR = 0.005  # percent; replaces an error rate of 0, which has no logarithm. One of 10,000 images is more
_DPI = 150


def series_styles() -> Iterator[tuple[str, str, str]]:
    """Colour, line and marker of any number of series, the same in every picture; they repeat after the 28th."""
    return zip(itertools.cycle(_SERIES), itertools.cycle(LINES), itertools.cycle(_MARKERS))  # noqa: B905  (endless)


def render(figure: Any, name: str) -> bytes:
    """Renders a figure as SVG; the same figure and name give the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def plain(name: object) -> str:
    r"""Escapes a name for matplotlib: "$" does not begin a formula, and control characters are written out."""
    return printable(str(name)).replace("$", r"\$")


def accuracy_label(error: float) -> str:
    """The accuracy in percent that belongs to an error rate in percent; the smallest is drawn in place of 0."""
    return f"{100 - error:g}" if error > 1.01 * SMALLEST_ERROR else "100"


def error_rates(accuracies: Any) -> np.ndarray:
    """Converts accuracies in percent to error rates in percent, above 0 so that a logarithmic axis can show them."""
    return np.maximum(100 - np.asarray(accuracies, float), SMALLEST_ERROR)


def scale_by_error(axes: Any) -> None:
    """Makes a vertical axis of error rates in percent logarithmic, and labels it with accuracies."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: accuracy_label(error)))
    axes.yaxis.set_minor_locator(NullLocator())
