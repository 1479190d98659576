"""How the controller's computations become graphs of TensorFlow, and by which thread these are run."""

import contextlib
import functools
from collections.abc import Callable

from nas_keras._tensorflow import tf


def graph_method(*signature) -> Callable[[Callable], Callable]:
    """Makes a method a `tf.function`, traced once for each object and run as suits many small operations.

    AutoGraph is off, since to rewrite the source takes longer than all the rest of tracing. Where the process has but
    one device, the CPU, the calling thread runs every operation itself: to hand one to another thread takes longer than
    the operation. PPO's ask and tell of eight cells take 13 ms so, and 22 ms with a plain `tf.function` (medians of six
    runs in turns on 2 cores). Loops are traced in another form for that, so that each call has to be run that way.

    The object has to live until its first call ends: it is held by a weak reference only.

    Args:
        signature: a `tf.TensorSpec` for each argument, which must be a tensor.
    """

    def decorate(method: Callable) -> Callable:
        function = tf.function(method, input_signature=signature, autograph=False)

        @functools.wraps(method)
        def run(self, *tensors):
            with _by_one_thread():
                return function.__get__(self, type(self))(*tensors)

        run.function = function
        return run

    return decorate


def clear_kernels() -> None:
    """Empties TensorFlow's cache of kernels, which otherwise keeps some for each variable that the process ever made.

    The key of a kernel includes the unique name of the variable that it creates, so none of these is used twice: they
    are 0.4 MiB for each controller. Kernels that are in use are made anew when they are needed next.
    """
    from tensorflow.python.eager import context  # TensorFlow has no public function for this

    context.context().clear_kernel_cache()


def _by_one_thread() -> contextlib.AbstractContextManager:
    if _num_devices() > 1:
        return contextlib.nullcontext()
    return tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR")


@functools.cache
def _num_devices() -> int:
    return len(tf.config.list_logical_devices())  # which cannot change any more
