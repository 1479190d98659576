"""Evaluations of the open batches, in the order in which they finish."""

import contextlib
import queue
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from typing import Any

from nas_keras.errors import InvalidValueError, shown
from nas_keras.evaluators.base import Evaluates
from nas_keras.trial import Evaluation, Job


class Arrivals:
    """Starts the jobs of one batch after the other and returns evaluations as they finish.

    Args:
        evaluator: the evaluator.
        concurrent: whether each batch has a thread of its own, so that two can be open at once. Otherwise the evaluator
            runs in the caller's thread, as a function that the user gives expects.
    """

    def __init__(self, evaluator: Evaluates, *, concurrent: bool):
        self._evaluator = evaluator
        self._queue: queue.SimpleQueue | None = queue.SimpleQueue() if concurrent else None
        self._arriving: Generator[tuple[Job, Evaluation], None, None] | None = None
        self._started: list[Job] = []  # jobs of the batches that are open
        self._is_closed = False

    def start(self, jobs: Sequence[Job]) -> Callable[[], None]:
        """Gives the evaluator the jobs of a batch, at least one.

        Returns:
            A function to call once all evaluations of the batch have arrived. It waits until the evaluator is done and
            raises any exception that the evaluator raises after its last evaluation.
        """
        if self._queue is None:
            self._arriving = self._answers(jobs)
            return self._exhaust
        self._started.extend(jobs)
        errors: list[BaseException] = []
        thread = threading.Thread(target=self._drain, args=(jobs, self._queue, errors), daemon=True)
        thread.start()

        def finish() -> None:
            thread.join()
            self._started = self._started[len(jobs) :]  # batches finish in the order in which they start
            if errors:
                raise errors[0]

        return finish

    def next(self, timeout: float | None = None) -> tuple[Job, Evaluation] | None:
        """Waits until a job is finished and returns it with its evaluation.

        Args:
            timeout: seconds after which the wait may end without an evaluation; None for no limit. An evaluator in the
                caller's thread is waited for, but with 0 seconds it is not asked.

        Returns:
            A job and its evaluation, or None if none arrived in time.

        Raises:
            InvalidValueError: if the evaluator returned anything else.
            Exception: any exception that the evaluator raised.
        """
        if self._queue is None:
            assert self._arriving is not None, "no batch was started"
            if timeout == 0:
                return None
            return next(self._arriving)
        try:
            arrival = self._queue.get(timeout=None if timeout is None else min(timeout, threading.TIMEOUT_MAX))
        except queue.Empty:
            return None
        if isinstance(arrival, BaseException):
            raise arrival
        return arrival

    def close(self) -> None:
        """Stops waiting for evaluations, so that the evaluator can cancel the jobs that are left.

        The generator that `evaluate` returned is closed, in a thread once its next evaluation has arrived. Until then
        the evaluator's `cancel` keeps the jobs of all open batches from starting.
        """
        if self._is_closed:
            return
        self._is_closed = True
        cancel = getattr(self._evaluator, "cancel", None)
        if self._started and callable(cancel):
            cancel(self._started)
        if self._arriving is not None:
            self._arriving.close()

    def _exhaust(self) -> None:
        for _ in self._arriving or ():
            pass

    def _answers(self, jobs: Sequence[Job]) -> Generator[tuple[Job, Evaluation], None, None]:
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

    def _drain(self, jobs: Sequence[Job], arrivals: queue.SimpleQueue, errors: list[BaseException]) -> None:
        """Runs in a batch's thread: puts the evaluations into the queue, or the exception that ends them."""
        try:
            with contextlib.closing(self._answers(jobs)) as arriving:
                for arrival in arriving:
                    arrivals.put(arrival)
                    if self._is_closed:
                        return
        except BaseException as error:  # it is raised where the main thread waits
            errors.append(error)
            arrivals.put(error)


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
