"""How the controller's computations become graphs of TensorFlow, and by which thread these are run."""

import contextlib
import functools
from collections.abc import Callable

from nas_keras import _keras

tf = _keras.load_tensorflow()


class graph_method:  # noqa: N801  (a decorator)
    """Makes a method a `tf.function`, traced and run as suits many operations of a few microseconds each.

    AutoGraph is off: to rewrite the source takes longer than all the rest of tracing. And where the process has but one
    device, the CPU, the calling thread runs every operation itself: to hand one to another thread takes longer than the
    operation. Loops are traced in another form for that, so that such a graph has to be run that way each time.

    Args:
        signature: a `tf.TensorSpec` for each argument.
    """

    def __init__(self, *signature):
        self._signature = signature

    def __call__(self, method: Callable) -> "graph_method":
        """Takes the method."""
        self._function = tf.function(method, input_signature=self._signature, autograph=False)
        return self

    def __get__(self, instance, owner=None):
        traced = self._function.__get__(instance, owner)

        @functools.wraps(self._function.python_function)
        def run(*arguments):
            with _by_one_thread():
                return traced(*arguments)

        run.experimental_get_tracing_count = traced.experimental_get_tracing_count
        return run


def _by_one_thread() -> contextlib.AbstractContextManager:
    if _num_devices() > 1:
        return contextlib.nullcontext()
    return tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR")


@functools.cache
def _num_devices() -> int:
    return len(tf.config.list_logical_devices())  # which cannot change any more
