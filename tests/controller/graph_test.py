"""Tests of nas_keras/controller/graph.py."""

import copy
import gc
import weakref

import numpy as np
import pytest
from helpers import run_python

from nas_keras.controller.graph import graph_method, tf


class _Adds:
    """Adds its number, and counts how often its Python is run."""

    def __init__(self, number):
        self.number, self.num_traces = number, 0

    @graph_method(tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32))
    def add(self, values, times):
        self.num_traces += 1
        return tf.while_loop(lambda i, _: i < times, lambda i, total: (i + 1, total + self.number), (0, values))[1]


def test_one_trace_for_each_object_and_any_size():
    one, ten = _Adds(1.0), _Adds(10.0)
    for size in (3, 0, 5):
        values = np.arange(size, dtype=np.float32)
        for adds, expected in ((one, values + 2), (ten, values + 20)):
            np.testing.assert_array_equal(adds.add(tf.constant(values), tf.constant(2)), expected)
    assert one.num_traces == ten.num_traces == 1


def test_a_copy_has_a_graph_of_its_own():
    one = _Adds(1.0)
    one.add(tf.constant([0.0]), tf.constant(1))
    two = copy.copy(one)
    two.number = 2.0
    assert two.add(tf.constant([0.0]), tf.constant(1)).numpy() == 2.0


def test_another_type_is_refused():
    adds = _Adds(1.0)
    with pytest.raises(TypeError, match=r"Can not cast TensorSpec\(shape=\(2,\), dtype=tf.int32"):
        adds.add(tf.constant([1, 2]), tf.constant(1))


def test_an_object_that_is_no_longer_used_goes_at_once():
    """A comparison makes thousands of controllers: none may wait for the collector of cycles."""
    adds = _Adds(1.0)
    adds.add(tf.constant([1.0]), tf.constant(1))
    gone = weakref.ref(adds)
    gc.disable()
    try:
        del adds
        assert gone() is None
    finally:
        gc.enable()


_TWO_DEVICES = """
from nas_keras.controller.graph import _single_threaded, graph_method, tf
from tensorflow.python.eager import context

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * {count})


class Both:
    @graph_method(tf.TensorSpec([], tf.float32))
    def double(self, value):
        devices = [device.name for device in tf.config.list_logical_devices()]
        parts = []
        for device in devices:
            with tf.device(device):
                parts.append(tf.identity(value) * 2)
        return tf.add_n(parts)


print(float(Both().double(tf.constant(1.5))))
with _single_threaded():
    print(context.context().function_call_options.executor_type or "as it is")
"""


@pytest.mark.parametrize(("count", "said"), [(1, "3.0\nSINGLE_THREADED_EXECUTOR\n"), (2, "6.0\nas it is\n")])
def test_one_thread_only_where_there_is_one_device(count, said):
    assert run_python(_TWO_DEVICES.format(count=count)).stdout == said
