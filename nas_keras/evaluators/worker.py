"""One worker process, seen from the search: a task in, its result out, a time limit, and what became of it.

The other side of the pipe is `worker_process.py`.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import connection
from typing import Any

import cloudpickle
from absl import logging

_MEMORY_EVENTS = "/sys/fs/cgroup/memory.events"  # of the container, in control groups of version 2
_START_SECONDS = 300  # importing TensorFlow takes 3 to 10; a machine that needs more than this is not working


class WorkerDiedError(RuntimeError):
    """The worker process ended before its task did."""


class WorkerOutOfMemoryError(WorkerDiedError):
    """The kernel killed the worker process since the memory that this process may use was spent."""


class WorkerTimeoutError(RuntimeError):
    """The task overran its time and the worker was killed."""


class TaskError(RuntimeError):
    """The task, or the setup, raised an exception that it did not expect; the text is the worker's traceback."""


class WorkerStartError(RuntimeError):
    """A worker process ended, or overran its time, before any task: no task is to blame."""


class Worker:
    """A process that was started and set up.

    Args:
        environment: variables that it has besides those of this process.
        setup: a pickled function, called once; gives what every task is called with.
        pass_fds: file descriptors that it inherits, under the same numbers.

    Attributes:
        num_tasks: tasks that it was given.

    Raises:
        WorkerStartError: if it ends, or overruns its time, before it is set up.
        TaskError: if the setup raises.
    """

    def __init__(self, environment: Mapping[str, str], *, setup: bytes, pass_fds: tuple[int, ...]):
        self.num_tasks = 0
        self._errors = tempfile.TemporaryFile()
        self._pipe, theirs = connection.Pipe()
        # The far end of this one is held by nobody else: when this process dies, however, the worker reads its end.
        lifeline, self._lifeline = os.pipe()
        command = [sys.executable, "-m", "nas_keras.evaluators.worker_process", str(theirs.fileno()), str(lifeline)]
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": path, **environment},
            pass_fds=(theirs.fileno(), lifeline, *pass_fds),
            stdin=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for the search to handle
        )
        theirs.close()
        os.close(lifeline)
        try:
            self._exchange(setup, _START_SECONDS)
        except (WorkerDiedError, WorkerTimeoutError) as error:
            self.kill()
            raise WorkerStartError(f"A worker process did not start: {error}.") from error
        except TaskError:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Its process identifier."""
        return self._process.pid

    def run(self, message: bytes, timeout: float | None) -> Any:
        """Runs one task, a pickled function and its arguments; raises the errors above."""
        self.num_tasks += 1
        kills = _count_memory_kills()
        try:
            return self._exchange(message, timeout)
        except WorkerDiedError as error:
            if self._process.returncode == -signal.SIGKILL and _count_memory_kills() > kills:
                raise WorkerOutOfMemoryError("its worker process was killed for lack of memory") from error
            raise

    def kill(self) -> None:
        """Ends the process; once more does no harm."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        # Taken before it is closed, since two threads may come here at once.
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            os.close(lifeline)

    def _exchange(self, message: bytes, timeout: float | None) -> Any:
        try:
            self._pipe.send_bytes(message)
            if not self._pipe.poll(timeout):
                raise WorkerTimeoutError(f"it took longer than {timeout:g} s")
            succeeded, result = cloudpickle.loads(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise WorkerDiedError(self._last_words()) from error
        if not succeeded:
            raise TaskError(result)
        return result

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="replace").strip()
        if errors:
            logging.warning("A worker process died. The end of what it wrote: %s", errors[-2000:])
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"its worker process died ({how})"


def _count_memory_kills() -> int:
    """How many processes of this control group the kernel has killed for lack of memory; 0 where it does not say."""
    try:
        with open(_MEMORY_EVENTS) as file:
            return int(dict(line.split() for line in file)["oom_kill"])
    except (OSError, KeyError, ValueError):
        return 0
