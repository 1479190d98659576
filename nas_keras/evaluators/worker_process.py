"""The worker's side of `worker.py`: reads tasks from a pipe, runs them, answers. Run as a program, not imported.

`python -m nas_keras.evaluators.worker_process PIPE LIFELINE`, both file descriptors that were inherited.
"""

import os
import signal
import sys
import threading
import traceback
from multiprocessing import connection

import cloudpickle


def main(pipe_fd: int, lifeline_fd: int) -> None:
    """Serves tasks until the pipe closes."""
    # A machine that shuts down, or a batch system, sends these to every process. The search decides: where it ends, its
    # workers do; a worker that ended before it would leave a child that failed for no reason of its own.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(lifeline_fd,), daemon=True).start()
    pipe = connection.Connection(pipe_fd)
    try:
        state = _answer(pipe, lambda: cloudpickle.loads(pipe.recv_bytes())())
        while True:
            message = pipe.recv_bytes()
            _answer(pipe, lambda message=message: _run(message, state), is_task=True)
    except (EOFError, OSError):
        os._exit(0)  # TensorFlow's threads are not worth waiting for


def _run(message: bytes, state):
    function, arguments = cloudpickle.loads(message)
    return function(state, **arguments)


def _answer(pipe, call, *, is_task: bool = False):
    """Sends (True, result) or (False, traceback); the result of the setup stays here."""
    try:
        result = call()
    except (EOFError, KeyboardInterrupt):
        raise
    except BaseException:
        pipe.send_bytes(cloudpickle.dumps((False, traceback.format_exc())))
        return None
    pipe.send_bytes(cloudpickle.dumps((True, result if is_task else None)))
    return result


def _die_with_parent(lifeline_fd: int) -> None:
    os.read(lifeline_fd, 1)  # nobody writes: it returns when the other end closes
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
