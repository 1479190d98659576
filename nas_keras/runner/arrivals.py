"""Evaluations of the batches that are open, in the order in which they finish."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

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
        self._iterator: Iterator = iter(())
        self._is_closed = False

    def start(self, jobs: Sequence[Job]) -> Callable[[], None]:
        """Gives the evaluator a batch's jobs, one or more.

        Returns:
            A function to call once all the batch's evaluations have arrived. It waits for the evaluator to finish, and
            raises whatever exception the evaluator raises after its last evaluation.
        """
        if self._queue is None:
            self._iterator = self._complete(jobs)
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
            return next(self._iterator)
        arrival = self._queue.get()
        if isinstance(arrival, BaseException):
            raise arrival
        return arrival

    def close(self) -> None:
        """Lets go of what is not waited for any more: a thread ends after the evaluation that it is at."""
        self._is_closed = True

    def _exhaust(self) -> None:
        with contextlib.suppress(StopIteration):
            while True:
                next(self._iterator)

    def _complete(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """What the evaluator yields, checked: each job once."""
        missing = {job.key for job in jobs}
        answers = self._evaluator.evaluate(jobs)
        if not isinstance(answers, Iterable):
            raise InvalidValueError(
                f"The evaluator's method evaluate gave {shown(answers)}: it must yield, or return a list of, "
                "pairs of a job and its nk.Evaluation."
            )
        for answer in answers:
            if not isinstance(answer, tuple | list) or len(answer) != 2:
                raise InvalidValueError(
                    f"The evaluator gave {shown(answer)}: it must give pairs of a job and its nk.Evaluation."
                )
            job, evaluation = answer
            is_asked = isinstance(job, Job) and isinstance(job.key, str) and job.key in missing
            if not is_asked or not isinstance(evaluation, Evaluation):
                raise InvalidValueError(
                    f"The evaluator gave {shown(evaluation)} for {shown(job)}, which it was not asked for."
                )
            missing.discard(job.key)
            yield job, evaluation
        if missing:
            raise InvalidValueError(
                f"The evaluator gave no evaluation of {sorted(missing)}. It must give one for each job."
            )

    def _drain(self, jobs: Sequence[Job], errors: list[BaseException]) -> None:
        try:
            for arrival in self._complete(jobs):
                self._queue.put(arrival)
                if self._is_closed:
                    return
        except BaseException as error:  # to be raised where somebody waits
            errors.append(error)
            self._queue.put(error)
