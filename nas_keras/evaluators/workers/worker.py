"""One worker process as the search sees it: it sends tasks, waits for results within a time limit, and kills it.

The other side of the pipe is `workers/worker_process.py`.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from multiprocessing import connection
from typing import Any

import cloudpickle
from absl import logging

from nas_keras.errors import NasKerasError
from nas_keras.system.cgroups import count_memory_kills
from nas_keras.system.descriptors import memory_file
from nas_keras.system.python_process import python_command

DESCRIPTORS = 3  # file descriptors that this process holds for each worker
_PROGRAM = "from nas_keras.evaluators.workers.worker_process import main; main(*map(int, sys.argv[1:]))"
_START_SECONDS = 300  # importing TensorFlow takes 3 to 10
_SLICE_SECONDS = 1.0  # of waiting; the excess of a longer slice was a pause of this process

_creating = threading.Lock()  # so that the temporary descriptors of several starts do not add up


class WorkerDiedError(RuntimeError):
    """The worker process ended before its task was finished."""


class WorkerOutOfMemoryError(WorkerDiedError):
    """The kernel killed the worker process because the available memory was exhausted."""


class WorkerTimeoutError(RuntimeError):
    """The task exceeded its time limit and the worker was killed."""


class TaskError(RuntimeError):
    """The task or the setup raised an unexpected exception; the message is the worker's traceback."""


class WorkerStartError(NasKerasError, RuntimeError):
    """A worker process could not be created, died, or exceeded its time limit before it got a task."""


class Worker:
    """A process that waits for its setup, and then for tasks.

    Args:
        environment: environment variables, in addition to those of this process.
        pass_fds: file descriptors that it inherits under the same numbers.

    Attributes:
        num_tasks: number of tasks that it was given.

    Raises:
        WorkerStartError: if the process cannot be created.
    """

    def __init__(self, environment: Mapping[str, str], *, pass_fds: tuple[int, ...]):
        self.num_tasks = 0
        try:
            with _creating:
                self._create(environment, pass_fds)
        except OSError as error:  # too many processes or open files, or too little memory
            raise WorkerStartError(f"no process can be created ({error.strerror})") from error

    def prepare(self, setup: bytes) -> None:
        """Waits until the process runs and has called its setup; kills it if that fails.

        Args:
            setup: a pickled function; its result is the first argument of every task.

        Raises:
            WorkerStartError: if the process ends or exceeds its time limit before the setup is finished.
            NasKerasError: if the setup raises one.
            TaskError: if the setup raises any other exception.
        """
        try:
            self._request(setup, _START_SECONDS)
        except BaseException as error:
            self.kill()
            if isinstance(error, WorkerDiedError | WorkerTimeoutError):
                raise WorkerStartError(str(error)) from error
            raise

    def _create(self, environment: Mapping[str, str], pass_fds: tuple[int, ...]) -> None:
        self._errors = memory_file()
        self._pipe, theirs = connection.Pipe()
        # Only this process holds the other end of this pipe: however it dies, the worker then reads the end of file.
        self._lifeline: int | None
        lifeline, near_end = os.pipe()
        self._lifeline = near_end
        try:
            self._process = subprocess.Popen(
                python_command(_PROGRAM, str(theirs.fileno()), str(lifeline), str(os.getpid())),
                env={**os.environ, **environment},
                pass_fds=(theirs.fileno(), lifeline, *pass_fds),
                stdin=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C is for the search to handle
            )
        except OSError:
            for file in (self._errors, self._pipe):
                file.close()
            os.close(near_end)
            raise
        finally:
            theirs.close()
            os.close(lifeline)

    @property
    def pid(self) -> int:
        """The process identifier."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether an idle worker is still running; one that ends closes its pipe before the kernel reports its exit."""
        return self._process.poll() is None and not self._pipe.poll(0)

    def run(self, message: bytes, timeout: float | None) -> Any:
        """Runs one task, a pickled function with its arguments, and returns its result or raises an error as above."""
        self.num_tasks += 1
        return self._request(message, timeout)

    def kill(self) -> None:
        """Kills the process. Calling it again does nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        # Taken before it is closed, since two threads may get here at the same time.
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            os.close(lifeline)

    def _request(self, message: bytes, timeout: float | None) -> Any:
        kills = count_memory_kills()
        try:
            self._pipe.send_bytes(message)
            if not self._answers_within(timeout):
                raise WorkerTimeoutError(f"it took longer than {timeout:g} s")
            succeeded, result = cloudpickle.loads(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            death = self._describe_death()
            if self._process.returncode == -signal.SIGKILL and count_memory_kills() > kills:
                raise WorkerOutOfMemoryError("its worker process was killed for lack of memory") from error
            raise WorkerDiedError(death) from error
        if succeeded:
            return result
        raise result if isinstance(result, NasKerasError) else TaskError(result)

    def _answers_within(self, timeout: float | None) -> bool:
        """Waits for an answer in slices, and returns whether it came in time.

        While this process is stopped or the machine sleeps, the worker makes no progress either. Such a pause falls
        into a single slice, and therefore counts as one slice at most.
        """
        if timeout is None:
            return self._pipe.poll(None)
        remaining = timeout
        while remaining > 0:
            seconds, start = min(_SLICE_SECONDS, remaining), time.monotonic()
            if self._pipe.poll(seconds):
                return True
            remaining -= min(seconds, time.monotonic() - start)
        return False

    def _describe_death(self) -> str:
        """Waits for the end of the process, logs the end of its stderr, and returns a sentence with the exit code."""
        code = self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="replace").strip()
        if errors:
            logging.warning("A worker process died. The end of what it wrote: %s", errors[-2000:])
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"its worker process died ({how})"
