"""Tests of nas_keras/evaluators/workers/worker.py: one process; pool_test.py tests many."""

import os

import cloudpickle
import pytest

from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.workers.worker import TaskError, Worker, WorkerDiedError, WorkerTimeoutError


@pytest.fixture(scope="module", name="worker")
def _worker():
    worker = Worker({"OWN": "yes"}, pass_fds=())
    worker.prepare(cloudpickle.dumps(lambda: 7))
    yield worker
    worker.kill()


def _task(function, **arguments):
    return cloudpickle.dumps((function, arguments))


def _refuse(state):
    raise InvalidValueError("wrong")


def _fail(state):
    raise KeyError("gone")


def test_a_task_gets_the_result_of_the_setup_and_the_environment(worker):
    count = worker.num_tasks
    assert worker.run(_task(lambda state, by: (state * by, os.environ["OWN"]), by=3), None) == (21, "yes")
    assert worker.num_tasks == count + 1 and worker.is_running() and worker.pid != os.getpid()


def test_errors_of_a_task_leave_the_worker_alive(worker):
    with pytest.raises(InvalidValueError, match="^wrong$"):
        worker.run(_task(_refuse), None)
    with pytest.raises(TaskError, match="KeyError: 'gone'"):
        worker.run(_task(_fail), None)
    assert worker.is_running()


def test_a_task_that_takes_too_long_and_then_the_end():
    worker = Worker({}, pass_fds=())
    worker.prepare(cloudpickle.dumps(lambda: None))
    with pytest.raises(WorkerTimeoutError, match="^it took longer than 0.05 s$"):
        worker.run(_task(lambda state: __import__("time").sleep(60)), 0.05)
    worker.kill()
    worker.kill()  # does nothing
    assert not worker.is_running()
    with pytest.raises(WorkerDiedError, match="^its worker process died .SIGKILL.$"):
        worker.run(_task(lambda state: None), None)
