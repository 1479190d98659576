"""Tests of nas_keras/children/latency.py."""

import types

import numpy as np
import pytest

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.children import latency


def test_the_latency_is_the_median_of_calls_with_one_image(monkeypatch):
    tf = _tensorflow.load_tensorflow()
    calls, now = [], [0.0]

    def wait(images):
        calls.append(images.shape)
        now[0] += 0.042 if len(calls) % 5 == 0 else 0.002  # one call in five is slow: the mean is 10 ms
        return images

    image = tf.keras.Input((4, 4, 1))
    layer = tf.keras.layers.Lambda(lambda x: tf.ensure_shape(tf.numpy_function(wait, [x], tf.float32), x.shape))
    model = tf.keras.Model(image, layer(image))
    monkeypatch.setattr(latency, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))
    assert latency.measure_latency(model) == pytest.approx(2)
    assert set(calls) == {(1, 4, 4, 1)}
    # Five to warm up, then 0.3 s of 10 ms each.
    assert 34 <= len(calls) <= 36


def test_measuring_the_latency_changes_no_weight():
    model = nk.build_child(nk.cells.resnet(), input_shape=(12, 10, 3), num_classes=5)
    before = model.get_weights()
    assert latency.measure_latency(model) > 0
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
