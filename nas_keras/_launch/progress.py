"""The output of a launch script while it works: a bar for a table, the time of a long step. A search shows its own."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

import tqdm

from nas_keras.trial import Evaluation, Job

_QUIET_SECONDS = 10.0  # longest silence


@contextlib.contextmanager
def show_jobs() -> Iterator[Callable[[int, int, Job | None, Evaluation | None], None]]:
    """Shows a progress bar. Yields the callback `on_job` of `precompute`; failed children are listed above the bar."""
    with tqdm.tqdm(unit="child", smoothing=0.05) as bar:

        def on_job(done, total, job, evaluation):
            bar.total, bar.n = total, done
            if job is None:
                bar.initial = done
            elif evaluation.failed:
                bar.write(f"{job.key}: {evaluation.status}")
            bar.refresh()

        yield on_job


@contextlib.contextmanager
def show_time(what: str) -> Iterator[None]:
    """Prints to stderr every few seconds how long the block has been running."""
    ended, start = threading.Event(), time.monotonic()

    def show() -> None:
        with contextlib.suppress(OSError):  # the reader of the output has closed it
            while not ended.wait(_QUIET_SECONDS):
                _print_line(f"  still {what}, {time.monotonic() - start:.0f} s", sys.stderr)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _print_line(line: str, stream=None) -> None:
    stream = stream or sys.stdout
    stream.write(f"{line}\n")
    stream.flush()
