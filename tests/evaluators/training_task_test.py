"""Tests of nas_keras/evaluators/training_task.py: what became of a child, without any training."""

import concurrent.futures

import pytest

from nas_keras.evaluators import training_task
from nas_keras.evaluators.workers.worker import WorkerDiedError, WorkerOutOfMemoryError, WorkerTimeoutError
from nas_keras.trial import Evaluation


def _future(*, result=None, error=None):
    future = concurrent.futures.Future()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return future


def test_the_outcome_of_a_finished_task_is_its_result():
    assert training_task.outcome(_future(result=(Evaluation(0.5), True))) == (Evaluation(0.5), True)


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (WorkerDiedError("its worker process died (SIGKILL)"), False),
        (WorkerTimeoutError("it took longer than 3 s"), False),
        (WorkerOutOfMemoryError("its worker process was killed for lack of memory"), True),
    ],
)
def test_a_child_that_ended_its_worker_is_a_failure(error, is_memory):
    evaluation, out_of_memory = training_task.outcome(_future(error=error))
    assert (evaluation.status, out_of_memory) == (f"failed: {error}", is_memory)


def test_any_other_exception_passes():
    with pytest.raises(KeyError):
        training_task.outcome(_future(error=KeyError("a")))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{{function_node __wrapped__Add}} OOM when [Op:Add]\nHint: report", "OOM when [Op:Add]"),
        (
            'Graph execution error:\n\nDetected at node a/b defined at:\n  File "x.py", line 1\n\n'
            '  File "y.py", line 2\n'
            "    y = f(x)\n\nOOM when allocating\n\t [[{{node a/b}}]]\nHint: report\n [Op:fit]",
            "OOM when allocating",
        ),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_one_line_of_tensorflows_many_is_the_reason(text, line):
    assert training_task._cause(MemoryError(text)) == line
