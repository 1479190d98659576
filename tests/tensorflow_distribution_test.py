"""Tests of nas_keras/_tensorflow.py."""

import pytest
from helpers import run_python

from nas_keras import _tensorflow as _keras
from nas_keras._tensorflow import make_distribution
from nas_keras.errors import InvalidValueError

# One child, the same seed, on one CPU and spread over two; each line of output is checked below.
_TWO_CPUS = """
import functools
import numpy as np
from nas_keras import Cell, ChildConfig, TrainConfig, build_child
from nas_keras import _tensorflow as _keras
from nas_keras._tensorflow import make_distribution
from nas_keras.children.training import Split, measure, train_child

tf = _keras.load_tensorflow()
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
print("replicas", make_distribution("none").num_replicas_in_sync, make_distribution("mirrored").num_replicas_in_sync)
rng = np.random.default_rng(0)
data = Split(rng.integers(0, 256, (96, 8, 8, 1)).astype(np.uint8), rng.integers(0, 3, 96).astype(np.int32))
child, cell = ChildConfig(filters=4, stages=1), Cell.chain("conv_3x3")
make_model = functools.partial(build_child, cell, child)
settings = dict(num_classes=3, seed=1, config=TrainConfig(batch_size=32, learning_rate=1e-3))
one, two = [train_child(make_model, data, distribute=name, **settings) for name in ("none", "mirrored")]
tf.keras.utils.set_random_seed(1)
start = build_child(cell, child, input_shape=(8, 8, 1), num_classes=3)
distance = {False: 0, True: 0}
for before, a, b in zip(start.weights, one.weights, two.weights):
    is_variance = "moving_variance" in a.name
    difference = np.abs(a - b) / (np.abs(a) if is_variance else 1)
    distance[is_variance] = max(distance[is_variance], difference.max())
print("distance", distance[False], distance[True])
print("moved", min(np.abs(a - before).max() for before, a in zip(start.weights, one.weights)))
print("steps", one.optimizer.iterations.numpy(), two.optimizer.iterations.numpy())
print("accuracy", measure(one, data)[0], measure(two, data)[0])
print("loss", measure(one, data)[1], measure(two, data)[1])
"""


def test_a_child_spread_over_two_devices_is_the_child_on_one():
    done = run_python(_TWO_CPUS, CUDA_VISIBLE_DEVICES="-1")
    assert done.returncode == 0, done.stderr
    said = {line.split()[0]: [float(value) for value in line.split()[1:]] for line in done.stdout.splitlines()}
    assert said["replicas"] == [1, 2]
    assert said["steps"] == [3, 3]
    assert said["moved"][0] > 1e-4  # what is compared has been trained
    others, variances = said["distance"]
    assert others < 1e-4
    # One device keeps the unbiased variance of its batch, synchronised ones the biased: 1 in 32 * 4 * 4 values.
    assert variances < 1 / 500
    assert said["accuracy"][0] == pytest.approx(said["accuracy"][1], abs=1.1 / 96)
    assert said["loss"][0] == pytest.approx(said["loss"][1], rel=1e-3)


def test_none_is_one_device():
    distribution = make_distribution()
    assert distribution.num_replicas_in_sync == 1
    assert type(distribution) is type(make_distribution("none"))
    tf = _keras.load_tensorflow()
    with distribution.scope():
        device = tf.Variable(1.0).device
    assert device.endswith("GPU:0" if tf.config.list_logical_devices("GPU") else "CPU:0")


def test_mirrored_with_one_device_is_refused(monkeypatch):
    tf = _keras.load_tensorflow()
    list_devices = tf.config.list_logical_devices
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: list_devices(kind)[:1])
    kind = "GPU" if list_devices("GPU") else "CPU"
    with pytest.raises(InvalidValueError) as caught:
        make_distribution("mirrored")
    assert str(caught.value) == (
        f"distribute='mirrored' spreads one child over several devices, but there is only {kind}:0. Use "
        "distribute='none'."
    )


@pytest.mark.parametrize("name", ["multi_worker", "", None, "Mirrored"])
def test_another_name_is_refused(name):
    with pytest.raises(InvalidValueError) as caught:
        make_distribution(name)
    assert str(caught.value) == f"distribute={name!r} is unknown. Allowed: none, mirrored."
