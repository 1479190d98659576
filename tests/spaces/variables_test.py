"""Tests of variables.py: operations whose weights their child would not own and train, of either Keras."""

import numpy as np
import pytest

from nas_keras import _tensorflow as _keras
from nas_keras._tensorflow import make_distribution
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.errors import InvalidValueError
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell

_SETTINGS = {"input_shape": (8, 8, 1), "num_classes": 2}
_TINY = ChildConfig(filters=4, stages=1)
NOT_OWNED = "which its child does not own, so that it would be neither trained nor saved"
SHARED = "which was made before this child, so that children would share its values"
FROZEN = "which would never learn: its layer has trainable=False"


@pytest.fixture(scope="module", name="tf")
def _tensorflow():
    return _keras.load_tensorflow()


@pytest.fixture(autouse=True)
def _builders(monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))


def _build(build, **settings):
    operations.register("mine", build)
    return build_child(Cell.chain("conv_3x3", "mine"), _TINY, **_SETTINGS, **settings)


def _foreign_layer(tf, keras, x, filters):
    import keras as keras3

    other = tf.keras if keras is keras3 else keras3
    return other.layers.Conv2D(filters, 3, padding="same")(x)


def _variable_on_a_tensor(tf, keras, x, filters):
    return x * tf.Variable(tf.ones([filters]))


def _closure(tf, keras, x, filters):
    weights = tf.Variable(tf.ones([filters]))
    return keras.layers.Lambda(lambda t: t * weights)(x)


def _fixed_closure(tf, keras, x, filters):
    weights = tf.Variable(tf.ones([filters]), trainable=False)
    return keras.layers.Lambda(lambda t: t * weights)(x)


def _hidden_in_a_layer(tf, keras, x, filters):
    class Hides(keras.layers.Layer):
        def build(self, input_shape):
            weights = tf.Variable(tf.ones([filters]))
            self.get = lambda: weights

        def call(self, t):
            return t * self.get()

    return Hides()(x)


def _frozen(tf, keras, x, filters):
    return keras.layers.Conv2D(filters, 3, padding="same", trainable=False)(x)


WRONG = [
    pytest.param(_closure, NOT_OWNED, id="closure"),
    pytest.param(_fixed_closure, NOT_OWNED, id="closure of a fixed one"),
    pytest.param(_hidden_in_a_layer, NOT_OWNED, id="hidden in a layer"),
    pytest.param(_frozen, FROZEN, id="frozen"),
]


@pytest.mark.parametrize(
    ("build", "why"),
    [
        pytest.param(_foreign_layer, NOT_OWNED, id="layer of Keras 3"),
        pytest.param(_variable_on_a_tensor, NOT_OWNED, id="on a tensor"),
        *WRONG,
    ],
)
def test_a_weight_that_would_not_be_trained_is_refused(tf, build, why):
    with pytest.raises(InvalidValueError, match=f"^Operation 'mine' uses the variable .* of shape .* {why}") as error:
        _build(lambda keras, x, filters: build(tf, keras, x, filters))
    remedy = "for a fixed filter use a constant" if why == FROZEN else "Use layers of the Keras module that the builder"
    assert remedy in str(error.value)


@pytest.mark.parametrize(("build", "why"), WRONG)
def test_the_same_holds_for_stock_keras_3(tf, build, why):
    import keras as keras3

    with pytest.raises(InvalidValueError, match=f"Operation 'mine' uses the variable .* {why}"):
        _build(lambda keras, x, filters: build(tf, keras, x, filters), keras=keras3)


def test_a_layer_of_tf_keras_in_a_child_of_stock_keras_3_is_refused_by_name(tf):
    import keras as keras3

    with pytest.raises(InvalidValueError, match="Operation 'mine' cannot be built: AttributeError: "):
        _build(lambda keras, x, filters: _foreign_layer(tf, keras, x, filters), keras=keras3)


def test_layers_and_variables_from_outside_of_the_builder_are_refused(tf):
    shared = tf.keras.layers.Conv2D(4, 3, padding="same")
    operations.register("mine", lambda keras, x, filters: shared(x))
    build_child(Cell.chain("mine"), _TINY, **_SETTINGS)  # the first child makes its weights
    with pytest.raises(InvalidValueError, match=f"'mine' uses the variable conv2d\\S*/kernel:0 .*, {SHARED}"):
        build_child(Cell.chain("mine"), _TINY, **_SETTINGS)
    outside = tf.Variable(tf.ones([4]), name="outside")
    operations.register("other", lambda keras, x, filters: x * outside)
    with pytest.raises(InvalidValueError, match=rf"'other' uses the variable outside:0 of shape \(4,\), {NOT_OWNED}"):
        build_child(Cell.chain("other"), _TINY, **_SETTINGS)


def test_a_tensor_that_is_not_made_from_the_input_is_refused(tf):
    import keras as keras3

    operations.register("mine", lambda keras, x, filters: keras.Input(x.shape[1:]))
    for keras in (tf.keras, keras3):
        with pytest.raises(InvalidValueError, match="^The child of mine cannot be built: an operation of it returns a"):
            build_child(Cell.chain("mine"), _TINY, **_SETTINGS, keras=keras)


def _good(tf, keras, x, filters):
    """All that an operation may have: weights of layers, of its own, a constant, state, and randomness."""

    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=[input_shape[-1]], initializer="ones")
            self.seen = self.add_weight(name="seen", shape=[], dtype="int32", initializer="zeros", trainable=False)

        def call(self, t):
            self.seen.assign_add(1)
            return t * tf.cast(self.scale, t.dtype)

    x = keras.layers.Conv2D(filters, 3, padding="same", dilation_rate=2)(x)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    constant = tf.constant(0.5)
    return Scale()(keras.layers.Lambda(lambda t: t * tf.cast(constant, t.dtype))(x))


def test_what_a_child_owns_is_accepted_by_either_keras_in_mixed_precision_and_mirrored(tf):
    import keras as keras3

    operations.register("mine", lambda keras, x, filters: _good(tf, keras, x, filters))
    cell, num_params = Cell.chain("mine"), 52 + 9 * 4 * 4 + 4 + 16 + 4 + 1 + 10

    def build(**settings):
        return build_child(cell, _TINY, **_SETTINGS, **settings)

    assert build().count_params() == num_params
    assert build(keras=keras3).count_params() == num_params
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = build()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert model.count_params() == num_params
    assert np.isfinite(model(np.zeros([2, 8, 8, 1], np.uint8))).all()
    with make_distribution("none").scope():
        assert build().count_params() == num_params
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0"])
    with mirrored.scope():
        assert build(synchronized_norm=True).count_params() == num_params
        operations.register("closure", lambda keras, x, filters: _closure(tf, keras, x, filters))
        with pytest.raises(InvalidValueError, match=f"Operation 'closure' uses the variable .*, {NOT_OWNED}"):
            build_child(Cell.chain("closure"), _TINY, **_SETTINGS)
