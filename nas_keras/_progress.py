"""The bar that a launch script shows while `precompute.py` fills a table."""

import contextlib
from collections.abc import Callable, Iterator

import tqdm

from nas_keras.trial import Evaluation, Job


@contextlib.contextmanager
def show_jobs() -> Iterator[Callable[[int, int, Job | None, Evaluation | None], None]]:
    """Gives what `precompute` takes as `on_job`; a failed child is named above the bar."""
    with tqdm.tqdm(unit="child", smoothing=0.05) as bar:

        def on_job(done, total, job, evaluation):
            bar.total, bar.n = total, done
            if job is None:
                bar.initial = done
            elif evaluation.failed:
                bar.write(f"{job.key}: {evaluation.status}")
            bar.refresh()

        yield on_job
