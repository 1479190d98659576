"""Evaluations of the batches that are open, in the order in which they finish."""

import contextlib
import queue
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from typing import Any

from nas_keras.errors import InvalidValueError, shown
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
        self._arriving: Generator[tuple[Job, Evaluation], None, None] | None = None
        self._is_closed = False

    def start(self, jobs: Sequence[Job]) -> Callable[[], None]:
        """Gives the evaluator a batch's jobs, one or more.

        Returns:
            A function to call once all the batch's evaluations have arrived. It waits for the evaluator to finish, and
            raises whatever exception the evaluator raises after its last evaluation.
        """
        if self._queue is None:
            self._arriving = self._complete(jobs)
            return self._exhaust
        errors: list[BaseException] = []
        thread = threading.Thread(target=self._drain, args=(jobs, errors), daemon=True)
        thread.start()

        def finish() -> None:
            thread.join()
            if errors:
                raise errors[0]

        return finish

    def next(self) -> tuple[Job, Evaluation]:
        """Waits for the next job to finish; an exception of the evaluator's is raised here."""
        if self._queue is None:
            return next(self._arriving)
        arrival = self._queue.get()
        if isinstance(arrival, BaseException):
            raise arrival
        return arrival

    def close(self) -> None:
        """Stops waiting for evaluations, so that the evaluator can cancel the jobs that are left.

        The generator that `evaluate` returned is closed, in a thread once its next evaluation has arrived.
        """
        self._is_closed = True
        if self._arriving is not None:
            self._arriving.close()

    def _exhaust(self) -> None:
        with contextlib.suppress(StopIteration):
            while True:
                next(self._arriving)

    def _complete(self, jobs: Sequence[Job]) -> Generator[tuple[Job, Evaluation], None, None]:
        """Yields what the evaluator yields, and checks that it answers each job once."""
        missing = {job.key for job in jobs}
        answers = self._evaluator.evaluate(jobs)
        if not isinstance(answers, Iterable):
            raise InvalidValueError(
                f"The evaluator's method evaluate gave {shown(answers)}: it must yield, or return a list of, "
                "pairs of a job and its nk.Evaluation."
            )
        try:
            for answer in answers:
                job, evaluation = _check_answer(answer, missing)
                missing.discard(job.key)
                yield job, evaluation
        finally:
            if isinstance(answers, Generator):
                answers.close()
        if missing:
            raise InvalidValueError(
                f"The evaluator gave no evaluation of {sorted(missing)}. It must give one for each job."
            )

    def _drain(self, jobs: Sequence[Job], errors: list[BaseException]) -> None:
        try:
            with contextlib.closing(self._complete(jobs)) as arriving:
                for arrival in arriving:
                    self._queue.put(arrival)
                    if self._is_closed:
                        return
        except BaseException as error:  # it is raised where the main thread waits
            errors.append(error)
            self._queue.put(error)


def _check_answer(answer: Any, missing: Collection[str]) -> tuple[Job, Evaluation]:
    """Returns an evaluator's answer as a pair.

    Args:
        answer: what the evaluator yielded.
        missing: keys that it has not answered yet.

    Raises:
        InvalidValueError: if the answer is not a pair of a job that it has not answered yet and an evaluation.
    """
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise InvalidValueError(
            f"The evaluator gave {shown(answer)}: it must give pairs of a job and its nk.Evaluation."
        )
    job, evaluation = answer
    is_asked = isinstance(job, Job) and isinstance(job.key, str) and job.key in missing
    if not is_asked or not isinstance(evaluation, Evaluation):
        raise InvalidValueError(f"The evaluator gave {shown(evaluation)} for {shown(job)}, which it was not asked for.")
    return job, evaluation
