"""The output of a launch script while it works: a bar for a table, lines for a search, the time of a long training."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import tqdm

from nas_keras._launch.results import show_value
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Evaluation, Job, Trial

_QUIET_SECONDS = 10.0  # longest silence while children are finishing


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


class SearchProgress:
    """Callbacks of `nk.search` that print its progress: a line for each batch, and for some children within a batch.

    A finished child gets a line only if nothing was printed for a while. So the output of a search of a table stays
    short, and a search that trains is never silent for longer than one child takes.

    Args:
        space: the space that is searched.
    """

    def __init__(self, space: SearchSpace):
        self._space = space
        self._shown = time.monotonic()

    def on_trial(self, dataset, trial: Trial) -> None:
        """Prints a line for a finished child if the last line is old enough."""
        del dataset
        if time.monotonic() - self._shown < _QUIET_SECONDS:
            return
        found = trial.evaluation
        what = found.status if found.failed else show_value(found)
        self._print(f"  finished: {name_architecture(self._space, trial.actions)}: {what} ({found.seconds:.0f} s)")

    def on_batch(self, dataset, batch: Sequence[Trial]) -> None:
        """Prints a line for a batch: the number of evaluations so far and the best cell."""
        best = dataset.best
        named = best and name_architecture(self._space, best.actions)
        best_text = f"best {show_value(best.evaluation)} {named}" if best else "none succeeded yet"
        self._print(f"batch {batch[0].iteration}: {dataset.num_evaluations} cells evaluated, {best_text}")

    def _print(self, line: str) -> None:
        self._shown = time.monotonic()
        _print_line(line)


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
