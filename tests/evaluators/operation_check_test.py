"""Tests of nas_keras/evaluators/operation_check.py, and of `TrainingEvaluator.check`, which calls it."""

import threading

import pytest
from helpers import TINY_CHILD, TINY_TRAIN, grid, tiny_images

import nas_keras as nk
from nas_keras import _tensorflow as _keras
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators import operation_check
from nas_keras.evaluators.operation_check import check_operations, picklable
from nas_keras.spaces import operations
from nas_keras.spaces.families import operations_of

_LOCK = threading.Lock()


@pytest.fixture(scope="module", name="tf")
def _tensorflow():
    return _keras.load_tensorflow()


@pytest.fixture(autouse=True)
def _builders(monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))


def _check(*names, precision="float32"):
    registered = operations.registered()
    check_operations(names, registered, child=TINY_CHILD, input_shape=(8, 8, 1), num_classes=3, precision=precision)


def test_the_operations_of_a_space_are_all_that_its_cells_can_have():
    assert operations_of(nk.spaces.small()) == list(nk.OPERATIONS)
    assert operations_of(nk.spaces.large(2, operations=("a", "identity", "b"))) == ["a", "identity", "b"]
    one_choice = nk.SearchSpace(
        "mine", [nk.Decision("d", (1, 2))], decode=lambda a: nk.Cell.chain("x", "y" * (1 + a[0]))
    )
    assert operations_of(one_choice) == ["x", "y", "yy"]
    with pytest.raises(InvalidValueError, match="SearchSpace.'grid'.* decodes to tuple, but only cells can be trained"):
        operations_of(grid(2, 2))


def test_built_in_operations_are_not_built_again(monkeypatch):
    monkeypatch.setattr(operation_check, "build_child", lambda *args, **settings: pytest.fail("a child was built"))
    _check(*nk.OPERATIONS)


def _layer(tf, build, call, **settings):
    kind = type("Mine", (tf.keras.layers.Layer,), {"build": build, "call": call})
    return lambda keras, x, filters: kind(**settings)(x)


def _add_weight(**settings):
    def build(self, input_shape):
        self.mine = self.add_weight("mine", [input_shape[-1]], initializer="ones", **settings)

    return build


def test_weights_that_a_training_step_would_not_change_are_refused_by_name(tf):
    outside = tf.Variable(tf.ones([4]), trainable=False, name="outside")
    kept = {}
    wrong = {
        "fixed": (
            _layer(tf, _add_weight(trainable=False), lambda self, t: t * self.mine),
            r"uses the variable mine\S*/mine:0 of shape \(4,\), which would never learn: its layer has trainable=False",
        ),
        "stopped": (
            _layer(tf, _add_weight(), lambda self, t: t * tf.stop_gradient(self.mine)),
            r"uses the variable mine\S*/mine:0 of shape \(4,\), which would never learn: no gradient reaches it",
        ),
        "unused": (_layer(tf, _add_weight(), lambda self, t: t), "which would never learn: no gradient reaches it"),
        "rounded": (_layer(tf, _add_weight(), lambda self, t: t * tf.round(self.mine)), "no gradient reaches it"),
        "kept": (
            lambda keras, x, filters: kept.setdefault(filters, keras.layers.Conv2D(filters, 1))(x),
            r"uses the variable conv2d\S*/kernel:0 .*, which was made before this child, so that children would share",
        ),
        "fixed outside": (
            lambda keras, x, filters: keras.layers.Lambda(lambda t: t * outside)(x),
            r"uses the variable outside:0 of shape \(4,\), which its child does not own, so that it would be neither",
        ),
        "fixed outside on a tensor": (lambda keras, x, filters: x * outside, "which its child does not own"),
    }
    for number, (what, (build, says)) in enumerate(wrong.items()):
        operations.register(f"op{number}", build)
        with pytest.raises(InvalidValueError, match=f"^Operation 'op{number}' .*{says}"):
            _check(f"op{number}")
            pytest.fail(f"{what} was accepted")


def test_whatever_can_be_trained_is_accepted(tf):
    def moving(self, t):
        self.mine.assign(0.9 * self.mine + 0.1 * tf.reduce_mean(t, [0, 1, 2]))
        return t - self.mine

    right = {
        "convolution": lambda keras, x, filters: keras.layers.Conv2D(filters, 3, padding="same", dilation_rate=2)(x),
        "batch norm": lambda keras, x, filters: keras.layers.BatchNormalization()(x),
        "random state": lambda keras, x, filters: keras.layers.RandomFlip()(keras.layers.Dropout(0.5)(x)),
        "moving average": _layer(tf, _add_weight(trainable=False), moving),
        "weight of its own": _layer(tf, _add_weight(), lambda self, t: t * self.mine),
        "zero": lambda keras, x, filters: keras.layers.Lambda(tf.zeros_like)(x),
        "in a loop": lambda keras, x, filters: keras.layers.ConvLSTM2D(filters, 3, padding="same")(
            keras.layers.Reshape([1, *x.shape[1:]])(x)
        ),
    }
    for number, build in enumerate(right.values()):
        operations.register(f"op{number}", build)
    _check(*operations.registered())
    _check("op0", "op1", precision="mixed_bfloat16")
    assert tf.keras.mixed_precision.global_policy().name == "float32"


def test_an_operation_that_cannot_be_sent_is_refused_where_the_space_has_it():
    operations.register("locked", lambda keras, x, filters: x if _LOCK else None)
    operations.registered()["locked"].__module__ = "__main__"
    lock = threading.Lock()
    operations.register("holds_a_lock", lambda keras, x, filters: x if lock else None)
    assert "holds_a_lock" not in picklable(operations.registered())
    _check("conv_3x3")
    with pytest.raises(
        InvalidValueError,
        match="^Operation 'holds_a_lock' cannot be sent to a worker process: TypeError: cannot pickle '_thread.lock'",
    ):
        _check("holds_a_lock")


def _grows(keras, x, filters):
    return keras.layers.UpSampling2D()(x)


def test_a_search_is_refused_before_the_first_child_and_the_first_file(tmp_path):
    """The same folder then takes the operation that was put right."""
    images = tiny_images(count=64)
    lock = threading.Lock()
    wrong = {
        "grows": (
            _grows,
            r"Operation 'grows' turned shape \(None, 6, 6, 4\) into \(None, 12, 12, 4\): it must keep the shape.",
        ),
        "nothing": (lambda keras, x, filters: None, "Operation 'nothing' returned None: it must return a tensor"),
        "fails": (lambda keras, x: x, "Operation 'fails' cannot be built: TypeError: "),
        "locked": (lambda keras, x, filters: x if lock else None, "Operation 'locked' cannot be sent to a worker proc"),
        "late": (None, "Operation 'late' was registered after the evaluator was made, so its workers do not know it."),
        "conv3x3": (None, "operation='conv3x3' is unknown. Allowed: conv_1x3_3x1, conv_3x3, .*, grows, nothing, fails"),
    }
    for name, (build, _) in wrong.items():
        if build:
            operations.register(name, build)
    with nk.TrainingEvaluator(images, child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        operations.register("late", lambda keras, x, filters: x)
        for name, (_, says) in wrong.items():
            space = nk.spaces.large(2, operations=("max_pool_2x2", name))
            for _ in range(2):  # the folder stays as new as it was
                with pytest.raises(InvalidValueError, match=f"^{says}"):
                    nk.search(space, evaluator, strategy="random", max_evaluations=1, workdir=tmp_path / "run")
        assert not list(tmp_path.iterdir()) and not evaluator.worker_pids()
