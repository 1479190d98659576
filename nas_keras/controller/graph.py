"""How the controller's computations become graphs of TensorFlow, and by which thread these are run."""

import contextlib
import functools
import weakref
from collections.abc import Callable

from nas_keras import _tensorflow

tf = _tensorflow.load_tensorflow()

from tensorflow.python.eager import context  # noqa: E402  (after the choice of Keras)


class graph_method:  # noqa: N801  (a decorator)
    """Makes a method a graph, traced once for each object and run as suits many operations of a few microseconds each.

    AutoGraph is off: to rewrite the source takes longer than all the rest of tracing. `tf.function` would look for the
    graph that fits the arguments, which takes longer than to start it; here there is one. And where the process has but
    one device, the CPU, the calling thread runs every operation itself: to hand one to another thread takes longer than
    the operation. Loops are traced in another form for that, so that such a graph has to be run that way each time.

    PPO's ask and tell of eight cells take 13 ms with this, and 24 ms with a plain `tf.function` of the same signature
    (medians of three runs in turns on 2 cores, with AVX-512).

    The object has to live until its first call ends: it is held by a weak reference only.

    Args:
        signature: a `tf.TensorSpec` for each argument, which must be a tensor.
    """

    def __init__(self, *signature):
        self._signature = signature
        self._runs: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # of each object

    def __call__(self, method: Callable) -> "graph_method":
        """Takes the method."""
        self._function = tf.function(method, input_signature=self._signature, autograph=False)
        return self

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        if instance in self._runs:
            return self._runs[instance]
        function = self._function.__get__(instance, owner)  # holds the object by a weak reference

        def run(*tensors):
            with _by_one_thread():
                if run.graph is None:
                    run.graph = function.get_concrete_function()
                return run.graph(*tensors)

        run.graph = None
        run.experimental_get_tracing_count = function.experimental_get_tracing_count
        self._runs[instance] = run
        return run


def _by_one_thread() -> contextlib.AbstractContextManager:
    if _num_devices() > 1:
        return contextlib.nullcontext()
    return tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR")


@functools.cache
def _num_devices() -> int:
    return len(tf.config.list_logical_devices())  # which cannot change any more


def clear_kernels() -> None:
    """Empties TensorFlow's cache of kernels, which otherwise keeps some for each variable that the process ever made.

    The key of a kernel includes the unique name of the variable that it creates, so none of these is used twice: they
    are 0.4 MiB for each controller. Kernels that are in use are made anew when they are needed next.
    """
    context.context().clear_kernel_cache()  # there is no public way
