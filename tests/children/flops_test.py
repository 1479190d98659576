"""Tests of nas_keras/children/flops.py, against products worked out by hand and against TensorFlow's profiler."""

import math

import pytest

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.children.flops import count_flops, training_flops
from nas_keras.spaces.cell import Cell


@pytest.fixture(scope="module", name="keras")
def _keras_module():
    return _tensorflow.load_tensorflow().keras


def _model(keras, *layers, shape=(8, 8, 4)):
    return keras.Sequential([keras.Input(shape), *layers])


def test_a_dense_network_needs_two_products_in_its_first_layer_and_three_in_the_others(keras):
    model = _model(keras, keras.layers.Dense(7), keras.layers.ReLU(), keras.layers.Dense(3), shape=(5,))
    assert training_flops(model) == 2 * (2 * 5 * 7 + 3 * 7 * 3)
    assert count_flops(model) == 2 * (5 * 7 + 7 * 3)


@pytest.mark.parametrize(
    ("layer", "products"),
    [
        # 8 x 8 places; 3 x 3 x 4 x 6 weights.
        pytest.param(lambda layers: layers.Conv2D(6, 3, padding="same"), 64 * 9 * 4 * 6, id="convolution"),
        pytest.param(lambda layers: layers.Conv2D(6, 3, strides=2, padding="same"), 16 * 9 * 4 * 6, id="stride"),
        pytest.param(lambda layers: layers.Conv2D(6, 3, groups=2, padding="same"), 64 * 9 * 2 * 6, id="groups"),
        pytest.param(lambda layers: layers.SeparableConv2D(6, 3, padding="same"), 64 * (9 * 4 + 4 * 6), id="separable"),
        pytest.param(lambda layers: layers.DepthwiseConv2D(3, padding="same"), 64 * 9 * 4, id="depthwise"),
        # 16 x 16 places, of which each gets a quarter of the 4 x 4 weights.
        pytest.param(
            lambda layers: layers.Conv2DTranspose(6, 4, strides=2, padding="same"), 256 * 4 * 4 * 6, id="transposed"
        ),
        pytest.param(lambda layers: layers.BatchNormalization(), 0, id="not counted"),
        pytest.param(lambda layers: layers.PReLU(), 0, id="weights that are no matrix"),
    ],
)
def test_operations_of_one_layer(keras, layer, products):
    model = _model(keras, keras.layers.Conv2D(4, 1, use_bias=False), layer(keras.layers))
    assert training_flops(model) == 2 * (2 * 64 * 4 * 4 + 3 * products)
    assert count_flops(model) == 2 * (64 * 4 * 4 + products)


def test_a_layer_counts_as_often_as_it_is_called_and_a_model_within_a_model_counts(keras):
    images = keras.Input((8, 8, 4))
    shared, inner = keras.layers.Conv2D(4, 3, padding="same"), _model(keras, keras.layers.Conv2D(5, 1))
    model = keras.Model(images, inner(shared(shared(images))))
    assert count_flops(model) == 2 * 64 * (2 * 9 * 4 * 4 + 4 * 5)


def test_operations_of_a_layer_of_an_unknown_kind_are_not_a_number(keras):
    class Own(keras.layers.Dense):
        def call(self, inputs):
            return super().call(super().call(inputs))

    assert math.isnan(count_flops(_model(keras, Own(4))))
    assert math.isnan(count_flops(_model(keras, keras.layers.Dense(3), _model(keras, Own(3), shape=(8, 8, 3)))))


def test_a_whole_child():
    child = nk.ChildConfig(filters=16, stages=2, stem_stride=2)
    model = nk.build_child(Cell.chain("conv_3x3"), child, input_shape=(28, 28, 1), num_classes=10)
    stem = 14 * 14 * 9 * 1 * 16
    others = 14 * 14 * 9 * 16 * 16 + 7 * 7 * 16 * 32 + 7 * 7 * 9 * 32 * 32 + 32 * 10
    assert training_flops(model) == 2 * (2 * stem + 3 * others)
    assert count_flops(model) == 2 * (stem + others)


def test_the_count_is_that_of_tensorflows_profiler(tmp_path):
    cells = [
        nk.cells.resnet(),
        nk.cells.inception(),
        nk.cells.vgg(),
        Cell(((0, "sep_conv_3x3"), (0, "conv_7x7"), (1, "avg_pool_2x2"))),
        Cell.chain("identity"),
        Cell.chain("conv_1x3_3x1", "conv_5x5"),
    ]
    for cell in cells:
        child = nk.ChildConfig(filters=8, stages=2, cells_per_stage=2)
        model = nk.build_child(cell, child, input_shape=(12, 12, 3), num_classes=5)
        kernels, everything = _profile(model)
        assert count_flops(model) == kernels, cell
        assert kernels < everything < 1.35 * kernels, cell  # small kernels and images: on MNIST it is a few percent


def _profile(model) -> tuple[int, int]:
    """The operations of one image by TensorFlow's profiler: those of products with kernels, and all that it knows."""
    tf = _tensorflow.load_tensorflow()
    profiler = tf.compat.v1.profiler
    graph = tf.function(model).get_concrete_function(tf.TensorSpec([1, *model.input_shape[1:]], tf.float32)).graph
    found = []
    for types in (["Conv2D", "DepthwiseConv2dNative", "MatMul"], [".*"]):
        options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
        options = options.with_empty_output().with_accounted_types(types).build()
        found.append(profiler.profile(graph, cmd="op", options=options).total_float_ops)
    return found[0], found[1]
