"""A pool of worker processes: tasks in, futures out. It handles processes and time limits, not what tasks do.

Each worker is a process (`workers/worker.py`) with a thread here that starts it and talks to it; the same thread must
do both, since the kernel kills a process when the thread that started it ends. A worker that dies or exceeds its time
limit is replaced, and so is one that has run a certain number of tasks, since the memory of a process grows with each
model that it fits.
"""

import concurrent.futures
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import cloudpickle
from absl import logging

from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.evaluators.workers.worker import (
    DESCRIPTORS,
    Worker,
    WorkerDiedError,
    WorkerStartError,
    WorkerTimeoutError,
)
from nas_keras.system.descriptors import reserve_descriptors

_STARTS = 3  # attempts
_PAUSE_SECONDS = 2.0  # between attempts; memory or process slots may be free again by then


class WorkerPool:
    """Runs `function(state, **arguments)` in worker processes, first come, first served.

    Args:
        setup: called once in each new worker; returns the `state`. Setup and tasks are sent by cloudpickle over a
            private pipe.
        environments: the environment variables of each worker; one worker is started for each mapping.
        pass_fds: file descriptors that the workers inherit under the same numbers.
        timeout: seconds for one task; None for no limit.
        tasks_per_worker: number of tasks after which a worker is replaced; None for never.

    Raises:
        InvalidValueError: for a number that is not allowed, or more workers than the system has descriptors for.
    """

    def __init__(
        self,
        setup: Callable[[], Any],
        *,
        environments: Sequence[Mapping[str, str]],
        pass_fds: Sequence[int] = (),
        timeout: float | None = None,
        tasks_per_worker: int | None = 50,
    ):
        check_at_least("workers", len(environments), 1)
        if tasks_per_worker is not None:
            check_at_least("tasks_per_worker", tasks_per_worker, 1)
        reserve_descriptors(DESCRIPTORS * len(environments), purpose=f"workers={len(environments)}")
        self._setup, self._pass_fds = cloudpickle.dumps(setup), tuple(pass_fds)
        self._environments = environments
        self._timeout = timeout
        self._tasks_per_worker = tasks_per_worker
        self._tasks: queue.SimpleQueue = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: list[Worker | None] = [None] * len(environments)
        self._lock = threading.Lock()  # tasks may be submitted by several threads
        self._turns = threading.Condition()
        self._num_running = self._num_alone = 0
        self._closed = threading.Event()

    def start(self) -> None:
        """Starts all workers and waits for them. Without this call, which must come first, tasks start the workers."""
        self.check_open()
        with self._lock:
            started = [self._add_thread(at_once=True) for _ in self._environments[len(self._threads) :]]
        for future in started:
            future.result()

    def check_open(self) -> None:
        """Raises InvalidValueError if the pool was closed."""
        if self._closed.is_set():
            raise InvalidValueError(
                "The evaluator is closed: its worker processes have ended. Make a new one, and use it within its "
                "`with` block or before its close()."
            )

    def submit(self, function: Callable[..., Any], **arguments: Any) -> concurrent.futures.Future:
        """Queues a task; the future returns its result or raises one of the errors of `workers/worker.py`.

        A task whose future is cancelled before a worker takes it is not run.
        """
        return self._submit(function, arguments, alone=False)

    def submit_alone(self, function: Callable[..., Any], **arguments: Any) -> concurrent.futures.Future:
        """Queues a task that runs in a fresh worker while no other worker exists, with all the memory."""
        return self._submit(function, arguments, alone=True)

    def _submit(self, function, arguments, *, alone: bool) -> concurrent.futures.Future:
        self.check_open()
        future: concurrent.futures.Future = concurrent.futures.Future()
        self._tasks.put((future, cloudpickle.dumps((function, arguments)), alone))
        with self._lock:
            if len(self._threads) < len(self._environments):
                self._add_thread(at_once=False)
        return future

    def _add_thread(self, *, at_once: bool) -> concurrent.futures.Future:
        """Starts the next worker's thread; with `at_once` it starts the worker too, and then completes the future."""
        started: concurrent.futures.Future = concurrent.futures.Future()
        # Daemon threads do not delay the interpreter's exit; the workers end with this process.
        arguments = (len(self._threads), started if at_once else None)
        self._threads.append(threading.Thread(target=self._serve, args=arguments, daemon=True))
        self._threads[-1].start()
        return started

    def close(self) -> None:
        """Kills the workers and cancels the tasks that are running or queued."""
        self._closed.set()
        for _ in self._threads:
            self._tasks.put(None)
        for worker in self._workers:
            if worker:
                worker.kill()
        for thread in self._threads:
            thread.join(timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *exception_info):
        self.close()

    def pids(self) -> list[int]:
        """Returns the process identifiers of the running workers."""
        return [worker.pid for worker in self._workers if worker]

    def _serve(self, index: int, started: concurrent.futures.Future | None) -> None:
        """The body of a thread: takes tasks from the queue and gives them to its worker."""
        if started:
            try:
                self._take_worker(index)
            except BaseException as error:
                started.set_exception(error)
            else:
                started.set_result(None)
        while (task := self._tasks.get()) is not None:
            future, message, alone = task
            if self._closed.is_set():
                future.cancel()
                continue
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with self._turn(alone):
                    if alone:
                        self._clear()
                    result = self._run(index, message)
            except BaseException as error:
                future.set_exception(concurrent.futures.CancelledError() if self._closed.is_set() else error)
            else:
                future.set_result(result)
        self._drop(index)

    def _take_worker(self, index: int) -> Worker:
        """Returns the worker at `index`: a new one if there is none, it died idle, or it has run enough tasks."""
        worker = self._workers[index]
        if worker and (not worker.is_running() or worker.num_tasks == self._tasks_per_worker):
            self._drop(index)
            worker = None
        return worker or self._start_worker(index)

    def _start_worker(self, index: int) -> Worker:
        """Starts a worker; tries again if it dies while it starts, as when the kernel kills it for lack of memory."""
        attempt = 0
        while True:
            attempt += 1
            try:
                worker = self._workers[index] = Worker(self._environments[index], pass_fds=self._pass_fds)
                if self._closed.is_set():  # `close` may have run before this worker was in the list
                    worker.kill()
                worker.prepare(self._setup)
                return worker
            except WorkerStartError as error:
                self._drop(index)
                if attempt == _STARTS or self._closed.is_set():
                    raise WorkerStartError(
                        f"A worker did not start in {attempt} attempts: {error}. If memory is short, use fewer "
                        "workers. Then start the same command again: what was computed until now is kept."
                    ) from error
                logging.warning("A worker did not start: %s. It is started again.", error)
                self._closed.wait(_PAUSE_SECONDS)
            except BaseException:
                self._drop(index)
                raise

    def _drop(self, index: int) -> None:
        """Kills the worker at `index`, if there is one."""
        worker, self._workers[index] = self._workers[index], None
        if worker:
            worker.kill()

    @contextlib.contextmanager
    def _turn(self, alone: bool) -> Iterator[None]:
        """Waits for the running tasks if this one runs alone, else for the tasks that do."""
        with self._turns:
            self._num_alone += alone
            self._turns.wait_for(lambda: not (self._num_running if alone else self._num_alone))
            self._num_running += 1
        try:
            yield
        finally:
            with self._turns:
                self._num_running -= 1
                self._num_alone -= alone
                self._turns.notify_all()

    def _clear(self) -> None:
        """Ends all workers, which are idle but may still hold the memory of their last child."""
        for index in range(len(self._workers)):
            self._drop(index)

    def _run(self, index: int, message: bytes) -> Any:
        worker = self._take_worker(index)
        try:
            return worker.run(message, self._timeout)
        except (WorkerDiedError, WorkerTimeoutError):
            self._drop(index)
            raise
