"""Tests of nas_keras/children/build.py."""

import random

import numpy as np
import pytest

from nas_keras import _tensorflow, spaces
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.errors import InvalidValueError
from nas_keras.spaces import human_cells as cells
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell

_TINY = ChildConfig(filters=2, stages=1)
_ANY = {"input_shape": (8, 8, 1), "num_classes": 3}
_SHAPES = [(32, 32, 3), (17, 20, 1), (28, 28, 1), (9, 3, 2)]


@pytest.fixture(scope="module", name="keras")
def _tf_keras():
    return _tensorflow.load_tensorflow().keras


def _images(shape, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(np.uint8)


def _layers(model):
    return [(type(layer).__name__, layer.output_shape) for layer in model.layers]


def _small():
    space = spaces.small()
    return [space.decode(actions) for actions in space.enumerate()]


def _large(count):
    space = spaces.large(3)
    return [space.decode(actions) for actions in random.Random(0).sample(list(space.enumerate()), count)]


@pytest.mark.parametrize(
    ("cells_to_build", "count"),
    [
        pytest.param(_small, 64, id="small"),
        pytest.param(lambda: _large(40), 40, id="large"),
        pytest.param(lambda: _large(200), 200, id="more of large", marks=pytest.mark.slow),
    ],
)
def test_every_child_builds_and_gives_a_finite_logit_for_each_class(keras, cells_to_build, count):
    num_built = 0
    for number, cell in enumerate(cells_to_build()):
        shape, num_classes = _SHAPES[number % len(_SHAPES)], 2 + number % 9
        model = build_child(
            cell,
            ChildConfig(filters=2, stages=1 + (number % 8 == 0), stem_stride=1 + number % 2),
            input_shape=shape,
            num_classes=num_classes,
        )
        logits = model(_images(shape)).numpy()
        assert logits.shape == (2, num_classes), cell
        assert np.isfinite(logits).all(), cell
        num_built += 1
    assert num_built == count


@pytest.mark.parametrize(
    ("config", "num_params"),
    [
        # Stem 9 * 1 * 4 + 16, cell 9 * 4 * 4 + 16, head 4 * 10 + 10.
        pytest.param(ChildConfig(filters=4, stages=1), 52 + 160 + 50, id="one stage"),
        # The cell twice.
        pytest.param(ChildConfig(filters=4, stages=1, cells_per_stage=2), 52 + 2 * 160 + 50, id="two cells"),
        # Projection 4 * 8 + 32, cell of the second stage 9 * 8 * 8 + 32, head 8 * 10 + 10.
        pytest.param(ChildConfig(filters=4, stages=2), 52 + 160 + 64 + 608 + 90, id="two stages"),
        pytest.param(ChildConfig(filters=4, stages=2, stem_stride=1), 974, id="the stride has no weights"),
    ],
)
def test_parameters_counted_by_hand(keras, config, num_params):
    model = build_child(Cell.chain("conv_3x3"), config, input_shape=(8, 8, 1), num_classes=10)
    assert model.count_params() == num_params


@pytest.mark.parametrize(
    ("combine", "num_params"),
    [
        ("add", 160 + 416),
        ("concat", 160 + 416 + 3 * 4 * 4 + 16),  # three tensors of 4 filters come down to 4
    ],
)
def test_parameters_of_combiners_counted_by_hand(keras, combine, num_params):
    cell = Cell([(0, "conv_3x3"), (0, "conv_5x5"), (0, "max_pool_2x2")], combine)
    model = build_child(cell, ChildConfig(filters=4, stages=1), input_shape=(8, 8, 1), num_classes=10)
    assert model.count_params() == 52 + num_params + 50


def test_layers_and_shapes_by_hand(keras):
    model = build_child(Cell.chain("max_pool_2x2", "identity"), input_shape=(28, 28, 1), num_classes=10)
    assert _layers(model) == [
        ("InputLayer", [(None, 28, 28, 1)]),
        ("Rescaling", (None, 28, 28, 1)),
        ("Conv2D", (None, 14, 14, 16)),
        ("BatchNormalization", (None, 14, 14, 16)),
        ("ReLU", (None, 14, 14, 16)),
        ("MaxPooling2D", (None, 14, 14, 16)),
        ("MaxPooling2D", (None, 7, 7, 16)),  # between the stages
        ("Conv2D", (None, 7, 7, 32)),
        ("BatchNormalization", (None, 7, 7, 32)),
        ("MaxPooling2D", (None, 7, 7, 32)),
        ("GlobalAveragePooling2D", (None, 32)),
        ("Dense", (None, 10)),
    ]
    assert model.input_names == ["images"]
    assert model.output_names == ["logits"]
    assert model.layers[-1].activation is keras.activations.linear


def test_a_child_takes_raw_images_of_any_number_type(keras):
    model = build_child(cells.resnet(), _TINY, input_shape=(8, 8, 1), num_classes=3)
    images = _images((8, 8, 1))
    assert model.layers[1].scale == 1 / 255
    np.testing.assert_array_equal(model(images), model(images.astype(np.float32)))


@pytest.mark.parametrize("combine", ["add", "concat"])
def test_one_loose_end_passes_as_it_is(keras, combine):
    kinds = [name for name, _ in _layers(build_child(Cell([(0, "identity")], combine), _TINY, **_ANY))]
    assert kinds == [
        "InputLayer",
        "Rescaling",
        "Conv2D",
        "BatchNormalization",
        "ReLU",
        "GlobalAveragePooling2D",
        "Dense",
    ]


def test_add_is_a_plain_sum(keras):
    two = build_child(Cell([(0, "identity"), (0, "identity")], "add"), _TINY, **_ANY)
    one = build_child(Cell.chain("identity"), _TINY, **_ANY)
    two.set_weights(one.get_weights())
    bias = one.layers[-1].bias.numpy()
    np.testing.assert_allclose(
        two(_images((8, 8, 1))) - bias, 2 * (one(_images((8, 8, 1))) - bias), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "encodings",
    [  # op_1, input_2, op_2, input_3, op_3, combine; 1 conv_3x3, 3 conv_5x5, 7 identity
        pytest.param([(1, 1, 7, 2, 7, 0), (7, 1, 1, 2, 7, 1), (7, 1, 7, 2, 1, 0)], id="conv_3x3"),
        pytest.param(
            [(1, 0, 3, 0, 7, 1), (7, 0, 3, 0, 1, 1), (3, 0, 7, 0, 1, 1)], id="add(conv_3x3,conv_5x5,identity)"
        ),
        pytest.param([(1, 1, 7, 1, 3, 0), (1, 1, 3, 1, 7, 0)], id="concat(conv_3x3[conv_5x5,identity])"),
        pytest.param([(7, 1, 1, 1, 3, 0), (1, 0, 3, 2, 7, 0), (3, 0, 1, 1, 7, 0)], id="concat(conv_3x3,conv_5x5)"),
    ],
)
def test_equal_keys_give_the_same_model_layer_for_layer(keras, request, encodings):
    space = spaces.large(3)
    assert {space.key(actions) for actions in encodings} == {request.node.callspec.id}
    models = [build_child(space.decode(actions), ChildConfig(filters=2), **_ANY) for actions in encodings]
    assert all(_layers(model) == _layers(models[0]) for model in models)
    shapes = [[w.shape for w in model.get_weights()] for model in models]
    assert all(shape == shapes[0] for shape in shapes)
    for model in models[1:]:
        model.set_weights(models[0].get_weights())
        np.testing.assert_array_equal(model(_images((8, 8, 1))), models[0](_images((8, 8, 1))))


@pytest.mark.parametrize("combine", ["add", "concat"])
@pytest.mark.parametrize("name", [*operations.OPERATIONS, *cells.HUMAN_CELLS])
def test_stock_keras_3_builds_the_same_child(keras, name, combine):
    import keras as keras3

    if name in cells.HUMAN_CELLS:
        nodes = cells.HUMAN_CELLS[name]().nodes
    else:
        nodes = ((0, name), (0, "conv_3x3"), (2, name))
    cell, shape = Cell(nodes, combine), (9, 10, 3)
    settings = {"input_shape": shape, "num_classes": 4}
    old = build_child(cell, ChildConfig(filters=3), **settings)
    new = build_child(cell, ChildConfig(filters=3), keras=keras3, **settings)
    assert isinstance(new, keras3.Model) and not isinstance(new, keras.Model)
    rng = np.random.default_rng(0)
    old.set_weights([rng.uniform(0.5, 1.5, w.shape) / np.sqrt(np.prod(w.shape[:-1])) for w in old.get_weights()])
    new.set_weights(old.get_weights())
    assert [type(layer).__name__ for layer in new.layers] == [type(layer).__name__ for layer in old.layers]
    expected = old(_images(shape)).numpy()
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(np.asarray(new(_images(shape))), expected, rtol=1e-5, atol=1e-5)


def test_an_operation_from_outside_stands_in_a_child(keras, monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    operations.register("swish", lambda keras, x, filters: keras.layers.Activation("swish")(x))
    space = spaces.large(2, operations=(*operations.OPERATIONS, "swish"))
    model = build_child(space.decode((8, 1, 1, 0)), _TINY, **_ANY)
    assert [kind for kind, _ in _layers(model)][5:7] == ["Activation", "Conv2D"]
    assert model(_images((8, 8, 1))).shape == (2, 3)


def test_an_unknown_operation_is_refused(keras):
    with pytest.raises(InvalidValueError, match="operation='conv_9x9' is unknown. Allowed: conv_1x3_3x1, conv_3x3, "):
        build_child(Cell.chain("conv_9x9"), _TINY, **_ANY)


@pytest.mark.parametrize("momentum", [0.9, 0.5])
def test_every_batch_norm_has_the_momentum_of_the_configuration(keras, momentum):
    config = ChildConfig(filters=2, batch_norm_momentum=momentum)
    model = build_child(cells.inception(), config, **_ANY)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    # The stem, two convolutions and a projection in each stage, and a projection between the stages.
    assert [norm.momentum for norm in norms] == [momentum] * 8
    assert not any(norm.synchronized for norm in norms)


def test_batch_norm_is_synchronized_where_asked(keras):
    model = build_child(Cell.chain("conv_3x3"), _TINY, **_ANY, synchronized_norm=True)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert [norm.synchronized for norm in norms] == [True, True]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": 0}, "filters=0 is not allowed: it must be an integer of at least 1."),
        ({"filters": 16.0}, "filters=16.0 is not allowed: it must be an integer of at least 1."),
        ({"stages": 0}, "stages=0 is not allowed: it must be an integer of at least 1."),
        ({"cells_per_stage": -1}, "cells_per_stage=-1 is not allowed: it must be an integer of at least 1."),
        ({"stem_stride": "2"}, "stem_stride='2' is not allowed: it must be an integer of at least 1."),
        ({"batch_norm_momentum": -0.1}, "batch_norm_momentum=-0.1 is not allowed: it must be a number of at least 0."),
        ({"batch_norm_momentum": 1}, "batch_norm_momentum=1 must be below 1; 0.9 is usual."),
    ],
)
def test_an_impossible_configuration_is_refused(settings, message):
    with pytest.raises(InvalidValueError) as caught:
        ChildConfig(**settings)
    assert str(caught.value) == message


def test_the_defaults_of_the_configuration():
    assert ChildConfig() == ChildConfig(filters=16, stages=2, cells_per_stage=1, stem_stride=2)


@pytest.mark.parametrize(
    ("input_shape", "num_classes", "message"),
    [
        ((8, 8), 3, "input_shape=(8, 8) must be (height, width, channels), such as (28, 28, 1)."),
        ((2, 8, 8, 1), 3, "input_shape=(2, 8, 8, 1) must be (height, width, channels), such as (28, 28, 1)."),
        (8, 3, "input_shape=8 must be (height, width, channels), such as (28, 28, 1)."),
        ((0, 8, 1), 3, "height=0 is not allowed: it must be an integer of at least 1."),
        ((8, None, 1), 3, "width=None is not allowed: it must be an integer of at least 1."),
        ((8, 8, 0), 3, "channels=0 is not allowed: it must be an integer of at least 1."),
        ((8, 8, 1), 1, "num_classes=1 is not allowed: it must be an integer of at least 2."),
    ],
)
def test_impossible_images_are_refused(keras, input_shape, num_classes, message):
    with pytest.raises(InvalidValueError) as caught:
        build_child(Cell.chain("conv_3x3"), _TINY, input_shape=input_shape, num_classes=num_classes)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("input_shape", "stages", "stem_stride", "last"),
    [((7, 9, 1), 3, 2, (1, 1)), ((4, 4, 1), 3, 1, (1, 1)), ((1, 1, 1), 1, 2, (1, 1)), ((13, 16, 1), 3, 2, (1, 2))],
)
def test_the_smallest_image_for_so_many_stages(keras, input_shape, stages, stem_stride, last):
    config = ChildConfig(filters=2, stages=stages, stem_stride=stem_stride)
    model = build_child(Cell.chain("max_pool_2x2"), config, input_shape=input_shape, num_classes=2)
    assert model.layers[-3].output_shape[1:3] == last
    assert np.isfinite(model(_images(input_shape))).all()


@pytest.mark.parametrize(
    ("input_shape", "stages", "stem_stride"),
    [((6, 9, 1), 3, 2), ((9, 6, 1), 3, 2), ((3, 3, 1), 3, 1), ((1, 1, 1), 2, 1)],
)
def test_an_image_too_small_for_the_stages_is_refused(keras, input_shape, stages, stem_stride):
    config = ChildConfig(filters=2, stages=stages, stem_stride=stem_stride)
    with pytest.raises(InvalidValueError) as caught:
        build_child(Cell.chain("max_pool_2x2"), config, input_shape=input_shape, num_classes=2)
    assert str(caught.value) == (
        f"An image of {input_shape[0]}x{input_shape[1]} is too small for {stages} stages with stem stride "
        f"{stem_stride}: use fewer stages or a smaller stride."
    )


def test_dropout_is_before_the_head_and_holds_no_weights(keras):
    cell = Cell.chain("conv_3x3")
    plain, dropped = (
        build_child(cell, ChildConfig(filters=2, stages=1, dropout=dropout), **_ANY) for dropout in (0.0, 0.25)
    )
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in plain.layers)
    assert isinstance(dropped.layers[-2], keras.layers.Dropout) and dropped.layers[-2].rate == 0.25
    assert dropped.count_params() == plain.count_params()


@pytest.mark.parametrize(("dropout", "says"), [(-0.1, "a number of at least 0."), (1, "dropout=1 must be below 1;")])
def test_a_wrong_dropout_is_refused(dropout, says):
    with pytest.raises(InvalidValueError, match=says):
        ChildConfig(dropout=dropout)
