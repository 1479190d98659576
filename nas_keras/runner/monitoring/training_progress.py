"""The bar of final trainings: how many of their epochs are done, and the time left.

A worker writes how many epochs it has done, and after how many it began, into a small file, which a thread of this
process reads once a second.
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
            counts = [_read(file) for file in files]
            done, continued = (sum(numbers) for numbers in zip(*counts, strict=True))
            left = _time_left(time.monotonic() - began, done, sum(epochs), seconds, continued)
            return done, "; ".join(filter(None, [f"continued after {continued}" if continued else "", left]))

        arguments = (ended, describe, sum(epochs), stream)
        thread = threading.Thread(target=_draw, args=arguments, daemon=True)
        thread.start()
        try:
            yield files
        finally:
            ended.set()
            thread.join()


def write_epochs(path: str, done: int, continued: int = 0) -> None:
    """Writes in a worker that `done` epochs are done; a bar is not worth an error.

    Args:
        path: the file; "" for none.
        done: number of epochs, those of earlier starts included.
        continued: number of epochs that earlier starts have done.
    """
    if path:
        with contextlib.suppress(OSError):
            pathlib.Path(path).write_text(f"{done} {continued}")


def _read(path: str) -> tuple[int, int]:
    try:
        done, continued = map(int, pathlib.Path(path).read_text().split())
    except (OSError, ValueError):  # there is none yet, or it is being written
        return 0, 0
    return done, continued


def _time_left(elapsed: float, done: int, total: int, seconds: float, continued: int = 0) -> str:
    """The time left by the epochs that are done since the start, or by the estimate for all."""
    if done >= total:
        return "writing the files"
    now = done - continued
    expected = elapsed / now * (total - continued) if now else seconds * (total - continued) / total
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
