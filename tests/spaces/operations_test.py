"""Tests of nas_keras/spaces/operations.py."""

import types

import numpy as np
import pytest

from nas_keras import _tensorflow
from nas_keras.errors import InvalidValueError
from nas_keras.spaces import operations

_NORM = operations.BatchNorm()


@pytest.fixture(scope="module", name="keras")
def _tf_keras():
    return _tensorflow.load_tensorflow().keras


@pytest.fixture(name="builders")
def _builders(monkeypatch):
    """The table, put back after the test."""
    builders = dict(operations._BUILDERS)
    monkeypatch.setattr(operations, "_BUILDERS", builders)
    monkeypatch.setattr(operations, "_CODE", dict(operations._CODE))
    return builders


def _model(keras, name, shape, filters):
    x = keras.Input(shape)
    return keras.Model(x, operations.build(name, keras, x, filters, norm=_NORM))


def test_the_eight_names_in_the_order_of_the_choices():
    assert operations.OPERATIONS == (
        "conv_1x3_3x1",
        "conv_3x3",
        "sep_conv_3x3",
        "conv_5x5",
        "conv_7x7",
        "max_pool_2x2",
        "avg_pool_2x2",
        "identity",
    )


@pytest.mark.parametrize(
    ("name", "num_params", "layers"),
    [  # with 4 filters; a batch norm has 4 numbers for each of them
        ("conv_1x3_3x1", 2 * (3 * 4 * 4 + 16), ["Conv2D", "BatchNormalization", "ReLU"] * 2),
        ("conv_3x3", 9 * 4 * 4 + 16, ["Conv2D", "BatchNormalization", "ReLU"]),
        ("sep_conv_3x3", 9 * 4 + 4 * 4 + 16, ["SeparableConv2D", "BatchNormalization", "ReLU"]),
        ("conv_5x5", 25 * 4 * 4 + 16, ["Conv2D", "BatchNormalization", "ReLU"]),
        ("conv_7x7", 49 * 4 * 4 + 16, ["Conv2D", "BatchNormalization", "ReLU"]),
        ("max_pool_2x2", 0, ["MaxPooling2D"]),
        ("avg_pool_2x2", 0, ["AveragePooling2D"]),
        ("identity", 0, []),
    ],
)
def test_layers_and_parameters_counted_by_hand(keras, name, num_params, layers):
    model = _model(keras, name, (6, 5, 4), 4)
    assert [type(layer).__name__ for layer in model.layers[1:]] == layers
    assert model.count_params() == num_params


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 7, 3), (5, 5, 3)])
@pytest.mark.parametrize("name", operations.OPERATIONS)
def test_every_operation_keeps_the_shape(keras, name, shape):
    model = _model(keras, name, shape, 3)
    assert model.output_shape == (None, *shape)
    assert model(np.ones((2, *shape), np.float32)).shape == (2, *shape)


def test_conv_1x3_3x1_is_a_row_then_a_column(keras):
    convolutions = [layer for layer in _model(keras, "conv_1x3_3x1", (5, 5, 2), 2).layers if hasattr(layer, "kernel")]
    assert [layer.kernel_size for layer in convolutions] == [(1, 3), (3, 1)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [  # over the value, its right, lower and lower right neighbour, where there are such
        ("max_pool_2x2", [[5, 5, 3], [5, 5, 1]]),
        ("avg_pool_2x2", [[2, 2.75, 2], [2.5, 3, 1]]),
        ("identity", [[1, 2, 3], [0, 5, 1]]),
    ],
)
def test_pooling_and_identity_by_hand(keras, name, expected):
    x = np.array([[1, 2, 3], [0, 5, 1]], np.float32)[None, :, :, None]
    np.testing.assert_allclose(_model(keras, name, (2, 3, 1), 1)(x)[0, :, :, 0], expected)


def test_a_convolution_by_hand(keras):
    model = _model(keras, "conv_3x3", (2, 2, 1), 1)
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1], kernel[1, 2] = 1, -1  # a pixel less its right neighbour
    gamma, beta, mean, variance = [np.array([v], np.float32) for v in (2, 0.5, 1, 4 - 1e-3)]  # 1e-3: Keras' epsilon
    model.set_weights([kernel, gamma, beta, mean, variance])
    x = np.array([[3, 1], [0, 7]], np.float32)[None, :, :, None]
    # Differences [[2, 1], [-7, 7]], normalised (d - 1) / 2 * 2 + 0.5, and no negatives.
    np.testing.assert_allclose(model(x)[0, :, :, 0], [[1.5, 0.5], [0, 6.5]], rtol=1e-6)


def test_the_batch_norm_of_the_child_is_the_one_used(keras):
    norm = operations.BatchNorm(momentum=0.7)
    x = keras.Input((4, 4, 2))
    model = keras.Model(x, operations.build("sep_conv_3x3", keras, x, 2, norm=norm))
    assert [layer.momentum for layer in model.layers if hasattr(layer, "momentum")] == [0.7]
    assert _model(keras, "conv_3x3", (4, 4, 2), 2).layers[2].momentum == 0.9


def _model_behind_a_layer(keras, name, shape, filters):
    """Keras 3 need not make a model of nothing, which is what `identity` is."""
    inputs = keras.Input(shape)
    x = keras.layers.Activation("linear")(inputs)
    return keras.Model(inputs, operations.build(name, keras, x, filters, norm=_NORM))


@pytest.mark.parametrize("name", operations.OPERATIONS)
def test_stock_keras_3_builds_the_same(keras, name):
    import keras as keras3

    assert keras3.__version__.startswith("3.") and keras is not keras3
    rng = np.random.default_rng(0)
    old, new = (_model_behind_a_layer(module, name, (6, 7, 4), 4) for module in (keras, keras3))
    old.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in old.get_weights()])
    new.set_weights(old.get_weights())
    assert [type(layer).__name__ for layer in old.layers] == [type(layer).__name__ for layer in new.layers]
    x = rng.normal(size=(2, 6, 7, 4)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(new(x)), np.asarray(old(x)), rtol=1e-5, atol=1e-5)


def test_an_operation_from_outside_is_built_like_the_others(keras, builders):
    operations.register("double", lambda keras, x, filters: keras.layers.Rescaling(2.0)(x))
    x = np.full((1, 2, 2, 3), 1.5, np.float32)
    np.testing.assert_array_equal(_model(keras, "double", (2, 2, 3), 3)(x), 2 * x)
    assert "double" not in operations.OPERATIONS  # the built-in spaces stay as they are


def test_an_operation_from_outside_is_told_the_filters(keras, builders):
    operations.register("bottleneck", lambda keras, x, filters: keras.layers.Conv2D(filters, 1)(x))
    assert _model(keras, "bottleneck", (2, 2, 5), 5).count_params() == 5 * 5 + 5


def test_what_is_registered_can_be_taken_over_by_another_process(keras, builders):
    operations.register("double", lambda keras, x, filters: keras.layers.Rescaling(2.0)(x))
    registered, code = operations.registered(), operations.registered_code()
    assert list(registered) == ["double"]
    del builders["double"]
    assert operations.registered() == {}
    operations.adopt(registered, code)
    assert _model(keras, "double", (2, 2, 3), 3).output_shape == (None, 2, 2, 3)


def test_a_value_that_differs_in_the_process_that_takes_over_is_refused(builders):
    module = types.ModuleType("of_the_user")
    exec("KERNEL = 3\ndef own(keras, x, filters):\n    return keras.layers.Conv2D(filters, KERNEL)(x)", vars(module))
    module.KERNEL = 5
    operations.register("own", module.own)
    registered, code = operations.registered(), operations.registered_code()
    operations.adopt(registered, code)
    module.KERNEL = 3  # as a process finds it that imports the module anew
    with pytest.raises(InvalidValueError, match="^Operation 'own' reads other values .* KERNEL in own was 5, is 3"):
        operations.adopt(registered, code)


@pytest.mark.parametrize("name", ["conv_3x3", "identity"])
def test_the_name_of_a_built_in_operation_is_refused(builders, name):
    before = dict(builders)
    for replace in (False, True):
        with pytest.raises(InvalidValueError) as caught:
            operations.register(name, lambda keras, x, filters: x, replace=replace)
        assert str(caught.value) == f"Operation {name!r} exists already: it is built in. Choose another name."
    assert builders == before


def _scaled(by):
    def build(keras, x, filters):
        return keras.layers.Rescaling(by)(x)

    return build


def test_the_same_code_may_be_registered_again_and_other_code_only_to_replace(keras, builders):
    operations.register("mine", _scaled(2.0))
    operations.register("mine", _scaled(2.0))
    with pytest.raises(InvalidValueError) as caught:
        operations.register("mine", _scaled(3.0))
    assert str(caught.value) == (
        "Operation 'mine' exists already, with other code: by in _scaled.<locals>.build was 2.0, is 3.0. Pass "
        "replace=True to put this one in its place, or choose another name."
    )
    x = np.ones((1, 2, 2, 3), np.float32)
    np.testing.assert_array_equal(_model(keras, "mine", (2, 2, 3), 3)(x), 2 * x)
    operations.register("mine", _scaled(3.0), replace=True)
    np.testing.assert_array_equal(_model(keras, "mine", (2, 2, 3), 3)(x), 3 * x)


def test_a_version_takes_the_place_of_the_code(builders):
    operations.register("mine", _scaled(2.0), version="1")
    operations.register("mine", _scaled(3.0), version="1")
    assert operations.registered_code() == {"mine": {"given version": "1"}}
    with pytest.raises(InvalidValueError, match="'mine' exists already, with other code: given version was 1, is 2."):
        operations.register("mine", _scaled(3.0), version="2")
    with pytest.raises(InvalidValueError, match="it had version='1', and has none now"):
        operations.register("mine", _scaled(3.0))
    with pytest.raises(InvalidValueError, match="version must be a non-empty string of printable characters, not 1"):
        operations.register("other", _scaled(3.0), version=1)
    with pytest.raises(InvalidValueError, match="replace=1 is not allowed: it must be True or False"):
        operations.register("mine", _scaled(3.0), replace=1)


@pytest.mark.parametrize("name", ["my op", "a,b", "f(x)", "a[1]", "", 3, "a|b", "$a$", "\x1b[2J", "añ", "a" * 101])
def test_a_name_that_no_cell_could_have_is_refused(builders, name):
    with pytest.raises(InvalidValueError) as caught:
        operations.register(name, lambda keras, x, filters: x)
    assert str(caught.value) == f"{name!r} is not a valid operation name: use ASCII letters, digits, _, + and -."
    assert name not in builders


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        pytest.param(lambda keras, x, filters: keras.layers.MaxPooling2D(2)(x), (None, 2, 2, 3), id="smaller"),
        pytest.param(lambda keras, x, filters: keras.layers.Conv2D(2 * filters, 1)(x), (None, 4, 4, 6), id="filters"),
        pytest.param(lambda keras, x, filters: keras.layers.Flatten()(x), (None, 48), id="flat"),
    ],
)
def test_an_operation_that_changes_the_shape_is_refused(keras, builders, build, shape):
    operations.register("wrong", build)
    with pytest.raises(InvalidValueError) as caught:
        _model(keras, "wrong", (4, 4, 3), 3)
    assert str(caught.value) == f"Operation 'wrong' turned shape (None, 4, 4, 3) into {shape}: it must keep the shape."


def _needs_more_arguments(keras, x, filters, stride):
    return keras.layers.Conv2D(filters, stride)(x)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        pytest.param(lambda keras, x, filters: keras.layers.Conv3x3(filters)(x), "AttributeError: ", id="misspelt"),
        pytest.param(lambda x: x, "TypeError: .*takes 1 positional argument but 3 were given", id="one argument"),
        pytest.param(_needs_more_arguments, "TypeError: .*missing 1 required positional argument: 'stride'", id="four"),
        pytest.param(lambda keras, x, filters: 1 / 0, "ZeroDivisionError: division by zero", id="exception"),
        pytest.param(lambda keras, x, filters: {}["a" * 999], r"KeyError: 'a{399} \[\.\.\.\]", id="a long one"),
    ],
)
def test_a_builder_that_fails_is_named_with_its_error(keras, builders, build, says):
    operations.register("wrong", build)
    with pytest.raises(InvalidValueError, match=f"^Operation 'wrong' cannot be built: {says}") as caught:
        _model(keras, "wrong", (4, 4, 3), 3)
    assert "Its builder is called as build(keras, x, filters) and must return a tensor" in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("error", [MemoryError("no room"), InvalidValueError("no such layer")])
def test_too_little_memory_and_errors_of_this_package_pass_a_builder_as_they_are(keras, builders, error):
    def fails(keras, x, filters):
        raise error

    operations.register("fails", fails)
    with pytest.raises(type(error)) as caught:
        _model(keras, "fails", (4, 4, 3), 3)
    assert caught.value is error


def test_a_memory_error_of_tensorflow_passes_a_builder_as_it_is(keras, builders):
    tf = _tensorflow.load_tensorflow()

    def fails(keras, x, filters):
        raise tf.errors.ResourceExhaustedError(None, None, "no room")

    operations.register("fails", fails)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        _model(keras, "fails", (4, 4, 3), 3)


@pytest.mark.parametrize(
    "build",
    [lambda keras, x, filters: None, lambda keras, x, filters: np.ones((1, 4, 4, 3)), lambda keras, x, f: keras],
)
def test_a_builder_that_gives_no_tensor_of_its_keras_is_refused(keras, builders, build):
    operations.register("wrong", build)
    with pytest.raises(
        InvalidValueError, match="^Operation 'wrong' returned .*: it must return a tensor of the same shape,"
    ):
        _model(keras, "wrong", (4, 4, 3), 3)


def test_a_tensor_of_another_keras_is_refused(keras, builders):
    import keras as keras3

    operations.register("wrong", lambda keras, x, filters: keras3.Input(x.shape[1:]))
    with pytest.raises(
        InvalidValueError, match="^Operation 'wrong' returned <KerasTensor.*: it must return a tensor of the"
    ):
        _model(keras, "wrong", (4, 4, 3), 3)


def test_an_unknown_operation_is_refused_with_the_names_there_are(keras):
    with pytest.raises(InvalidValueError) as caught:
        _model(keras, "conv_9x9", (4, 4, 3), 3)
    assert str(caught.value) == (
        "operation='conv_9x9' is unknown. Allowed: conv_1x3_3x1, conv_3x3, sep_conv_3x3, conv_5x5, conv_7x7, "
        "max_pool_2x2, avg_pool_2x2, identity."
    )
