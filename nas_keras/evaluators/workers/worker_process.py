"""The program of a worker process: reads tasks from a pipe, runs them and answers (see `workers/worker.py`)."""

import contextlib
import ctypes
import os
import pathlib
import signal
import sys
import threading
import traceback
from multiprocessing import connection

import cloudpickle

from nas_keras.errors import NasKerasError

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_OOM_SCORE = 500  # added to the score by which the kernel chooses a process to kill, in thousandths of the memory


def main(pipe_fd: int, lifeline_fd: int, parent: int) -> None:
    """Serves tasks until the pipe closes.

    Args:
        pipe_fd: inherited descriptor of the pipe to the search.
        lifeline_fd: inherited descriptor of a pipe that closes when the search's process ends.
        parent: identifier of that process.
    """
    _end_with(parent, lifeline_fd)
    _offer_memory()
    # A shutdown or a batch system sends these signals to every process. The workers leave it to the search to end: if
    # a worker ended first, its child would count as failed for no reason of its own.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    pipe = connection.Connection(pipe_fd)
    try:
        state = _answer(pipe, lambda: cloudpickle.loads(pipe.recv_bytes())())
        while True:
            message = pipe.recv_bytes()
            _answer(pipe, lambda message=message: _run(message, state), is_task=True)
    except (EOFError, OSError):
        os._exit(0)  # does not wait for TensorFlow's threads


def _run(message: bytes, state):
    function, arguments = cloudpickle.loads(message)
    return function(state, **arguments)


def _answer(pipe, call, *, is_task: bool = False):
    """Calls `call` and sends (True, result) or (False, problem); the result of the setup is not sent.

    An error of this package is understandable without a traceback and is sent as it is; of any other exception the
    traceback is sent.
    """
    try:
        result = call()
    except (EOFError, KeyboardInterrupt):
        raise
    except BaseException as error:
        problem = error if isinstance(error, NasKerasError) else traceback.format_exc()
        pipe.send_bytes(cloudpickle.dumps((False, problem)))
        return None
    pipe.send_bytes(cloudpickle.dumps((True, result if is_task else None)))
    return result


def _end_with(parent: int, lifeline_fd: int) -> None:
    """Makes this process end when the search's process ends, for whatever reason.

    On Linux the kernel kills it, even if it is stopped; elsewhere it reads the end of the lifeline.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has already ended
            os._exit(1)
    threading.Thread(target=_await_end, args=(lifeline_fd,), daemon=True).start()


def _offer_memory() -> None:
    """Makes the kernel kill this process rather than the search's if memory runs out; the search tries again."""
    with contextlib.suppress(OSError):  # not Linux
        own = pathlib.Path("/proc/self/oom_score_adj")
        own.write_text(str(min(1000, int(own.read_text()) + _OOM_SCORE)))


def _await_end(lifeline_fd: int) -> None:
    os.read(lifeline_fd, 1)  # nothing is ever written: this returns when the other end closes
    os._exit(1)
