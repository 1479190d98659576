"""Tests of nas_keras/benchmarks/flops.py, against products worked out by hand."""

import pytest

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.benchmarks.flops import training_flops
from nas_keras.spaces.cell import Cell


@pytest.fixture(scope="module", name="keras")
def _keras_module():
    return _tensorflow.load_tensorflow().keras


def test_a_dense_network_needs_two_products_in_its_first_layer_and_three_in_the_others(keras):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(7), keras.layers.ReLU(), keras.layers.Dense(3)])
    assert training_flops(model) == 2 * (2 * 5 * 7 + 3 * 7 * 3)


@pytest.mark.parametrize(
    ("layer", "products"),
    [
        # 8 x 8 places; 3 x 3 x 4 x 6 weights.
        pytest.param(lambda layers: layers.Conv2D(6, 3, padding="same"), 64 * 9 * 4 * 6, id="convolution"),
        pytest.param(lambda layers: layers.Conv2D(6, 3, strides=2, padding="same"), 16 * 9 * 4 * 6, id="stride"),
        pytest.param(lambda layers: layers.SeparableConv2D(6, 3, padding="same"), 64 * (9 * 4 + 4 * 6), id="separable"),
        pytest.param(lambda layers: layers.DepthwiseConv2D(3, padding="same"), 64 * 9 * 4, id="depthwise"),
        pytest.param(lambda layers: layers.BatchNormalization(), 0, id="not counted"),
    ],
)
def test_operations_of_one_layer(keras, layer, products):
    model = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 1, use_bias=False), layer(keras.layers)])
    assert training_flops(model) == 2 * (2 * 64 * 4 * 4 + 3 * products)


def test_a_whole_child():
    child = nk.ChildConfig(filters=16, stages=2, stem_stride=2)
    model = nk.build_child(Cell.chain("conv_3x3"), child, input_shape=(28, 28, 1), num_classes=10)
    stem = 14 * 14 * 9 * 1 * 16
    others = 14 * 14 * 9 * 16 * 16 + 7 * 7 * 16 * 32 + 7 * 7 * 9 * 32 * 32 + 32 * 10
    assert training_flops(model) == 2 * (2 * stem + 3 * others)
