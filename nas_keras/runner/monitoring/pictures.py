"""Pictures of a search for TensorBoard: the best cell, and what the policy proposes, batch by batch.

They are bounded in number and in time. The heat map shows the shares of the choices among the proposals of the latest
batches, an estimate of the policy's probabilities that costs nothing and that every strategy has.
"""

import importlib.util
import io
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.errors import DependencyError
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.cell_plot import plot_cell
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Trial

_MOST_SHARE = 0.02  # of the time of a search that may be spent on pictures, but for the last ones
_MOST_CELLS = 100  # pictures of best cells
_WINDOW = 8  # batches over which proposals are counted
_GROWTH = 1.25  # a heat map is drawn when there are so many times the batches of the one before
_MOST_COLUMNS, _MOST_ROWS = 120, 200  # of a heat map
_CELL_SIZE = (6, 12)  # pixels of one share: width and height
_MARGIN = 150  # pixels for the names of choices


class Picture(NamedTuple):
    """A picture.

    Attributes:
        tag: its name in TensorBoard.
        png: its content.
        size: width and height in pixels.
    """

    tag: str
    png: bytes
    size: tuple[int, int]


class Pictures:
    """Draws the pictures of one search when they are due; without the extra `[report]` none are ever due.

    Args:
        space: the space that is searched.
    """

    def __init__(self, space: SearchSpace):
        self._space = space
        self._counts: list[np.ndarray] = []  # for each batch, how often each choice of each decision was proposed
        self._began, self._spent = time.monotonic(), 0.0
        self._best: Trial | None = None
        self._num_cells = self._num_columns = 0
        self._is_drawn = True  # whether the picture of the best cell is the latest
        self._can_draw = importlib.util.find_spec("matplotlib") is not None

    def observe(self, batch: Sequence[Trial], best: Trial | None) -> None:
        """Takes in a batch that was told, and the best trial until now."""
        sizes = self._space.num_choices
        if sum(sizes) <= _MOST_ROWS:
            actions = np.array([trial.actions for trial in batch])
            counts = [np.bincount(column, minlength=size) for column, size in zip(actions.T, sizes, strict=True)]
            self._counts.append(np.concatenate(counts).astype(np.uint16))
        if best is not self._best:
            self._best, self._is_drawn = best, False

    def due(self, *, last: bool = False) -> list[Picture]:
        """Draws what is due; at the `last` call of a search, all that has changed since it was drawn."""
        start = time.monotonic()
        if not self._can_draw or not (last or self._spent <= _MOST_SHARE * (start - self._began)):
            return []
        pictures = []
        if not self._is_drawn and self._num_cells < _MOST_CELLS:
            pictures += self._draw_best()
        if len(self._counts) >= (self._num_columns + 1 if last else max(_WINDOW, _GROWTH * self._num_columns)):
            pictures.append(draw_heat_map(self._space, self._counts))
            self._num_columns = len(self._counts)
        self._spent += time.monotonic() - start
        return pictures

    def _draw_best(self) -> list[Picture]:
        assert self._best is not None
        self._is_drawn = True
        cell = self._space.decode(self._best.actions)
        if not isinstance(cell, Cell):
            return []
        self._num_cells += 1
        try:
            figure = plot_cell(cell, title=f"{cell.key}: {self._best.reward:.4g}")
        except DependencyError:
            self._can_draw = False
            return []
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
        width, height = (figure.get_size_inches() * 80).astype(int).tolist()
        return [Picture("best_cell", buffer.getvalue(), (width, height))]


def draw_heat_map(space: SearchSpace, counts: Sequence[np.ndarray]) -> Picture:
    """Draws the shares of the choices over a search: a row for each choice, time from left to right, dark for 1.

    Args:
        space: the space.
        counts: for each batch, how often each choice was proposed, the decisions one after the other.
    """
    from PIL import Image, ImageDraw

    ends = np.unique(np.linspace(1, len(counts), min(len(counts), _MOST_COLUMNS)).astype(int))
    windows = np.array([np.sum(counts[max(0, end - _WINDOW) : end], axis=0) for end in ends])  # [columns, rows]
    starts = np.cumsum([0, *space.num_choices])
    width, height = _CELL_SIZE
    gaps = 4 * np.arange(len(space.decisions))  # pixels above the rows of a decision
    size = (_MARGIN + width * max(len(ends), 20), int(height * starts[-1] + gaps[-1] + 2 * height))
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for number, decision in enumerate(space.decisions):
        block = windows[:, starts[number] : starts[number + 1]]
        shares = block / np.maximum(1, block.sum(axis=1, keepdims=True))
        top = int(height * starts[number] + gaps[number])
        grey = (255 * (1 - shares.T)).astype(np.uint8)
        rows = np.kron(grey, np.ones((height - 1, width), np.uint8)).reshape(grey.shape[0], height - 1, -1)
        for place, choice in enumerate(decision.choices):
            picture.paste(Image.fromarray(rows[place]), (_MARGIN, top + height * place))
            label = f"{decision.name}={choice}".encode("ascii", "replace").decode()[:24]
            draw.text((2, top + height * place), label, fill="black")
    draw.text((_MARGIN, size[1] - height - 4), f"share of proposals, batches 1 to {len(counts)}", fill="black")
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return Picture("policy", buffer.getvalue(), size)
