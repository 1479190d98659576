"""The bar of final trainings: how many of their epochs are done, and the time left.

A worker writes how many epochs it has done into a small file, which a thread of this process reads once a second.
"""

import contextlib
import pathlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

import tqdm

from nas_keras.runner.monitoring import progress as _progress


@contextlib.contextmanager
def show_trainings(
    epochs: Sequence[int], *, seconds: float, progress: bool | None, stream: TextIO | None = None
) -> Iterator[list[str]]:
    """Shows a bar while the block runs; in a pipe, a plain line every half minute.

    Args:
        epochs: number of epochs of each training.
        seconds: how long all will take, as far as is known before the first epoch is done; 0: not known.
        progress: whether the bar is shown; None: if a person watches.
        stream: where it goes; None: to stderr.

    Yields:
        For each training the path of the file into which its worker writes the number of epochs that are done; "" for a
        bar that is not shown.
    """
    if not (_progress.is_interactive() if progress is None else progress):
        yield [""] * len(epochs)
        return
    with tempfile.TemporaryDirectory() as folder:
        files = [str(pathlib.Path(folder) / f"training_{number}") for number in range(len(epochs))]
        ended, began = threading.Event(), time.monotonic()

        def describe() -> tuple[int, str]:
            done = sum(map(_read, files))
            return done, _time_left(time.monotonic() - began, done, sum(epochs), seconds)

        arguments = (ended, describe, sum(epochs), stream)
        thread = threading.Thread(target=_draw, args=arguments, daemon=True)
        thread.start()
        try:
            yield files
        finally:
            ended.set()
            thread.join()


def write_epochs(path: str, done: int) -> None:
    """Writes in a worker that `done` epochs are done; a bar is not worth an error."""
    with contextlib.suppress(OSError):
        pathlib.Path(path).write_text(str(done))


def _read(path: str) -> int:
    try:
        return int(pathlib.Path(path).read_text())
    except (OSError, ValueError):  # there is none yet, or it is being written
        return 0


def _time_left(elapsed: float, done: int, total: int, seconds: float) -> str:
    """The time left by the epochs that are done, or by the estimate."""
    if done >= total:
        return "writing the files"
    expected = elapsed / done * total if done else seconds
    if expected <= elapsed:
        return ""
    return f"about {tqdm.tqdm.format_interval(int(max(0.0, expected - elapsed)))} left"


def _draw(ended: threading.Event, describe: Callable[[], tuple[int, str]], total: int, stream: TextIO | None) -> None:
    with contextlib.suppress(OSError, ValueError):  # the output was closed
        if _progress.is_live(stream):
            with _progress.live_line("epochs of the final training", total, stream) as line:
                while True:
                    has_ended = ended.wait(_progress.LIVE_SECONDS)
                    line.n, left = describe()
                    line.set_description_str("" if has_ended else left)
                    if has_ended:
                        return
        output = stream or sys.stderr
        while not ended.wait(_progress.PLAIN_SECONDS):
            done, left = describe()
            output.write(f"{done} of {total} epochs of the final training done; {left}\n".replace("; \n", "\n"))
            output.flush()
