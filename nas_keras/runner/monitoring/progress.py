"""The live line of a search: what is done of the budget, what is running, the best so far, the pace and the time left.

The search only counts, which costs next to nothing. A thread of its own draws: once a second in a terminal or a
notebook, and as a plain line every half minute where the output goes elsewhere.
"""

import contextlib
import importlib.util
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, TextIO

import tqdm

from nas_keras.spaces.architecture_names import kind_of, name_architecture
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.dataset import Dataset
from nas_keras.system.words import counted
from nas_keras.trial import Evaluation, Trial

LIVE_SECONDS, PLAIN_SECONDS = 1.0, 30.0  # between two drawings, in a terminal and elsewhere
_UNKNOWN_WIDTH = 120  # columns, of a terminal that does not say its own
_FORM = "{n_fmt}/{total_fmt} {unit} |{bar:10}| {desc}"


def is_interactive() -> bool:
    """Whether a person watches: stderr is a terminal, or the program runs in a notebook."""
    return is_live(None)


def is_live(stream: TextIO | None) -> bool:
    """Whether a line can be drawn over and over in `stream`; None: in stderr."""
    stream = stream or sys.stderr
    return _in_notebook() or bool(stream and stream.isatty())


class Progress:
    """The live line of one search. `start` begins to draw it, and `close` must end it.

    Args:
        space: the space that is searched.
        max_evaluations: the budget.
        max_seconds: the time limit in seconds, from `start`; None for no limit.
        num_parallel: number of architectures that are evaluated at once.
        stream: where the line goes; None: to stderr.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        max_evaluations: int,
        max_seconds: float | None = None,
        num_parallel: int = 1,
        stream: TextIO | None = None,
    ):
        self._space, self._kind = space, kind_of(space)
        self._total = max_evaluations if space.num_keys is None else min(max_evaluations, space.num_keys)
        self._max_seconds, self._num_parallel = max_seconds, num_parallel
        self._stream = stream
        self._before = self._done = self._failed = self._repeats = self._in_flight = 0
        self._best: Trial | None = None
        self._stored: set[str] = set()  # keys of children that an earlier start finished and that are counted
        self._began = time.monotonic()
        self._line: Any = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def start(self, dataset: Dataset) -> None:
        """Counts what the run holds already, and begins to draw."""
        for trial in dataset.finished:
            self._count(trial)
        self._stored = {trial.key for trial in dataset.pending}
        self._before, self._began = self._done, time.monotonic()
        draw = self._draw_live if is_live(self._stream) else self._draw_plain
        self._thread = threading.Thread(target=draw, daemon=True)
        self._thread.start()

    def sent(self, num_jobs: int) -> None:
        """Counts architectures that the evaluator was given."""
        self._in_flight += num_jobs

    def finished(self, trial: Trial) -> None:
        """Counts an evaluation that has finished, or that an earlier start had finished."""
        if trial.key in self._stored:
            self._stored.discard(trial.key)
            return
        self._in_flight = max(0, self._in_flight - 1)
        self._count(trial)

    def told(self, batch: Sequence[Trial]) -> None:
        """Counts the repeats in a batch that was told; its evaluations have been counted."""
        self._repeats += sum(trial.cached for trial in batch)

    def close(self) -> None:
        """Draws a last time and ends the line."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def describe(self) -> str:
        """Everything but the number done, as text; a narrow terminal cuts off the end."""
        running = min(self._in_flight, self._num_parallel)
        parts = [f"{running:,} running", f"{self._failed:,} failed", counted(self._repeats, "repeat")]
        parts += [f"{self._before:,} from before"] if self._before else []
        if self._best is None:
            return "; ".join(["none succeeded yet", *self._pace(), ", ".join(parts)])
        best = f"best {show_value(self._best.evaluation)}"
        cell = name_architecture(self._space, self._best.actions)
        return "; ".join([best, *self._pace(), ", ".join(parts), f"best: {cell}"])

    def _count(self, trial: Trial) -> None:
        evaluation = trial.evaluation
        if trial.cached:
            self._repeats += 1
        elif not evaluation.refused:
            self._done += 1
            self._failed += evaluation.failed
        if not evaluation.failed and (self._best is None or trial.reward > self._best.reward):
            self._best = trial

    def _pace(self) -> list[str]:
        """Evaluations per hour, and the time left by the budget or by the time limit, whichever ends first."""
        elapsed = time.monotonic() - self._began
        new = self._done - self._before
        left = [] if self._max_seconds is None else [max(0.0, self._max_seconds - elapsed)]
        parts = []
        if new and elapsed > 0:
            parts.append(f"{3600 * new / elapsed:,.0f} per hour")
            left.append((self._total - self._done) * elapsed / new)
        return [*parts, *([f"{tqdm.tqdm.format_interval(int(min(left)))} left"] if left else [])]

    def _draw_live(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the output was closed
            with live_line(self._kind, self._total, self._stream) as line:
                while not self._ended.wait(LIVE_SECONDS):
                    self._draw(line)
                self._draw(line)

    def _draw(self, line: Any) -> None:
        line.n = self._done
        line.set_description_str(self.describe())

    def _draw_plain(self) -> None:
        stream = self._stream or sys.stderr
        drawn = False
        with contextlib.suppress(OSError, ValueError):
            while True:
                has_ended = self._ended.wait(PLAIN_SECONDS)
                if has_ended and not drawn:  # a short search needs no line
                    return
                drawn = True
                stream.write(f"{self._done:,} of {self._total:,} {self._kind} done: {self.describe()}\n")
                stream.flush()
                if has_ended:
                    return


@contextlib.contextmanager
def live_line(unit: str, total: int, stream: TextIO | None = None) -> Any:
    """Shows a bar whose text the block sets by `set_description_str`; a message that is logged does not break it.

    Args:
        unit: what is counted, in the plural.
        total: how many there are.
        stream: where it goes; None: to stderr.
    """
    if _in_notebook() and importlib.util.find_spec("ipywidgets"):  # without it tqdm.auto warns, and shows a plain line
        from tqdm.auto import tqdm as make
    else:
        from tqdm import tqdm as make
    width = _width(stream or sys.stderr)
    size: dict[str, Any] = {"dynamic_ncols": True} if width else {"ncols": _UNKNOWN_WIDTH, "nrows": 2}
    line = make(total=total, unit=unit, bar_format=_FORM, file=stream, miniters=0, mininterval=0, **size)
    clearing = _Clearing(line)
    logging.root.handlers.insert(0, clearing)
    try:
        yield line
    finally:
        logging.root.removeHandler(clearing)
        line.close()


class _Clearing(logging.Handler):
    """Clears a live line before another handler writes a message; the next drawing shows the line again."""

    def __init__(self, line: Any):
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        del record
        with contextlib.suppress(OSError, ValueError):
            self._line.clear()


def show_value(evaluation: Evaluation) -> str:
    """Returns the accuracy in percent, followed by the reward if an objective made another number of it."""
    accuracy, reward = evaluation.valid_accuracy, evaluation.reward
    if accuracy != accuracy:
        return f"{reward:.4g}"
    return f"{accuracy:.2%}" + ("" if accuracy == reward else f" (objective {reward:.4g})")


def _width(stream: TextIO) -> int:
    """The number of columns of a terminal; 0 if it does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # it is no terminal
        return 0


def _in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    return type(shell).__name__ == "ZMQInteractiveShell"
