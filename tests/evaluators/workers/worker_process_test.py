"""Tests of nas_keras/evaluators/workers/worker_process.py: its answers; pool_test.py tests whole processes."""

import cloudpickle
import pytest

from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.workers import worker_process


class _Pipe:
    def __init__(self):
        self.answers = []

    def send_bytes(self, message):
        self.answers.append(cloudpickle.loads(message))


def test_a_task_is_called_with_the_state_and_its_arguments():
    message = cloudpickle.dumps((lambda state, *, by: state * by, {"by": 3}))
    assert worker_process._run(message, 7) == 21


def test_the_result_of_a_task_is_sent_and_that_of_the_setup_is_kept():
    pipe = _Pipe()
    assert worker_process._answer(pipe, lambda: 5) == 5
    assert worker_process._answer(pipe, lambda: 6, is_task=True) == 6
    assert pipe.answers == [(True, None), (True, 6)]


def test_an_error_of_this_package_is_sent_as_it_is_and_any_other_as_its_traceback():
    def refuse():
        raise InvalidValueError("wrong")

    def fail():
        raise KeyError("gone")

    pipe = _Pipe()
    assert worker_process._answer(pipe, refuse) is None and worker_process._answer(pipe, fail, is_task=True) is None
    (first, error), (second, traceback) = pipe.answers
    assert first is second is False and isinstance(error, InvalidValueError) and str(error) == "wrong"
    assert traceback.startswith("Traceback") and "KeyError: 'gone'" in traceback


@pytest.mark.parametrize("error", [EOFError, KeyboardInterrupt])
def test_the_end_of_the_search_is_no_answer(error):
    def end():
        raise error

    pipe = _Pipe()
    with pytest.raises(error):
        worker_process._answer(pipe, end)
    assert pipe.answers == []
