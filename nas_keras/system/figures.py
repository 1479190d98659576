"""Matplotlib's figures, as this package draws them: no pyplot, no global state, and shown by a notebook."""

import functools
import io
from typing import Any

from nas_keras.errors import DependencyError


def new_figure(width: float, height: float) -> Any:
    """A new figure, which a notebook shows by itself; width and height are in inches.

    Raises:
        DependencyError: without matplotlib.
    """
    return _figure_class()(figsize=(width, height), layout="constrained", facecolor="white")


@functools.cache
def _figure_class() -> Any:
    """The class of all figures. Matplotlib's own is shown in a notebook only once its pyplot has been imported."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise DependencyError(f"A picture needs {error.name}: pip install 'nas_keras[report]'") from error

    class InlineFigure(Figure):
        """A figure with the method by which IPython asks for a picture."""

        def _repr_svg_(self) -> str:
            buffer = io.BytesIO()
            self.savefig(buffer, format="svg")
            return buffer.getvalue().decode()

    return InlineFigure
