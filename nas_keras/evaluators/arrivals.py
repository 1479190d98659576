"""Evaluations of the batches that are open, in the order in which they finish."""

import queue
import threading
from collections.abc import Iterator, Sequence

from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.base import Evaluates
from nas_keras.trial import Evaluation, Job


class Arrivals:
    """Starts the jobs of one batch after the other and hands out what finishes.

    Args:
        evaluator: evaluates the jobs.
        concurrent: a thread for each batch, so that two can be open at once; otherwise all happens in the caller's
            thread, which is what a function of the user's expects.
    """

    def __init__(self, evaluator: Evaluates, *, concurrent: bool):
        self._evaluator = evaluator
        self._queue: queue.SimpleQueue | None = queue.SimpleQueue() if concurrent else None
        self._iterator: Iterator = iter(())

    def start(self, jobs: Sequence[Job]) -> None:
        """Gives the evaluator a batch's jobs, one or more."""
        if self._queue is None:
            self._iterator = self._complete(jobs)
        else:
            threading.Thread(target=self._drain, args=(jobs,), daemon=True).start()

    def next(self) -> tuple[Job, Evaluation]:
        """Waits for the next job to finish; an exception of the evaluator's is raised here."""
        if self._queue is None:
            return next(self._iterator)
        arrival = self._queue.get()
        if isinstance(arrival, BaseException):
            raise arrival
        return arrival

    def _complete(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """What the evaluator yields, checked: each job once."""
        missing = {job.key for job in jobs}
        for job, evaluation in self._evaluator.evaluate(jobs):
            if getattr(job, "key", None) not in missing or not isinstance(evaluation, Evaluation):
                raise InvalidValueError(f"The evaluator gave {evaluation!r} for {job!r}, which it was not asked for.")
            missing.discard(job.key)
            yield job, evaluation
        if missing:
            raise InvalidValueError(
                f"The evaluator gave no evaluation of {sorted(missing)}. It must give one for each job."
            )

    def _drain(self, jobs: Sequence[Job]) -> None:
        try:
            for arrival in self._complete(jobs):
                self._queue.put(arrival)
        except BaseException as error:  # to be raised where somebody waits
            self._queue.put(error)
