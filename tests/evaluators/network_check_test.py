"""Tests of nas_keras/evaluators/network_check.py and children/network.py: which models of a user's can be children."""

import dataclasses
import functools
import threading

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.children.network import BuildError, CellNetwork, OwnNetwork, build_own
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.network_check import check_network, network_of, samples_of
from nas_keras.storage.recipe import BUILD

_SHAPE = (6, 6, 1)


@pytest.fixture(scope="module", name="keras")
def _keras():
    return _tensorflow.load_tensorflow().keras


def _head(keras, *layers):
    return keras.Sequential([keras.Input(_SHAPE), *layers, keras.layers.Flatten(), keras.layers.Dense(3)])


def _build(function, architecture=(0,)):
    return build_own(OwnNetwork.freeze(function), architecture, input_shape=_SHAPE, num_classes=3)


def _check(function, space=None, precision="float32"):
    network = OwnNetwork.freeze(function)
    check_network(network, space or grid(1), input_shape=_SHAPE, num_classes=3, precision=precision)


def test_every_choice_of_few_occurs_in_the_samples_and_eight_of_many():
    assert list(samples_of(grid(2, 3, 1))) == [(0, 0, 0), (1, 1, 0), (1, 2, 0)]
    assert list(samples_of(grid(1))) == [(0,)]
    many = [actions[0] for actions in samples_of(grid(100, 2))]
    assert len(many) == 8 and many[0] == 0 and many[-1] == 99 and many == sorted(set(many))


def test_a_child_takes_raw_images_and_gives_logits_whatever_kind_of_model_it_is(keras):
    class Subclass(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(3)

        def call(self, images):
            return self.dense(self.flatten(images) / 255)

    def functional(architecture, input_shape, num_classes):
        assert (input_shape, num_classes) == (_SHAPE, 3)
        images = keras.Input(input_shape)
        x = keras.layers.Flatten()(keras.layers.BatchNormalization()(keras.layers.Rescaling(1 / 255)(images)))
        model = keras.Model(images, keras.layers.Dense(num_classes)(x))
        model.compile("adam", "mse", metrics=[keras.metrics.AUC()])  # ignored
        return model

    images = np.random.default_rng(0).integers(0, 256, (2, *_SHAPE)).astype(np.uint8)
    for function in (functional, lambda *given: _head(keras), lambda *given: Subclass()):
        model = _build(function)
        assert model.input_shape == (None, *_SHAPE) and model.output_shape == (None, 3)
        assert model(images).shape == (2, 3) and model(images).dtype == "float32"
        assert not model._is_compiled and model.input_names == ["images"]
        _check(function)
        _check(function, precision="mixed_bfloat16")


def test_what_is_no_model_with_logits_is_refused_with_a_sentence(keras):
    import keras as keras3

    lock, kept = threading.Lock(), {}
    input3 = keras3.Input(_SHAPE)

    def foreign(architecture, input_shape, num_classes):
        images = keras.Input(input_shape)
        x = keras.layers.Flatten()(keras3.layers.Conv2D(2, 3)(images))
        return keras.Model(images, keras.layers.Dense(num_classes)(x))

    def two_heads(architecture, input_shape, num_classes):
        images = keras.Input(input_shape)
        x = keras.layers.Flatten()(images)
        return keras.Model(images, [keras.layers.Dense(num_classes)(x), keras.layers.Dense(num_classes)(x)])

    wrong = {
        "returned None: it must return a model of tf.keras, which is tf_keras here": lambda *given: None,
        "returned a Sequential of the package `keras` .Keras 3., whose weights would not": lambda *given: (
            keras3.Sequential([input3, keras3.layers.Flatten(), keras3.layers.Dense(3)])
        ),
        "gives float32 of shape .None, 6, 6, 3. for images: it must give a logit for each of the 3": lambda *given: (
            keras.Sequential([keras.Input(_SHAPE), keras.layers.Dense(3)])
        ),
        "gives float32 of shape .None, 4. for images": lambda *given: keras.Sequential(
            [keras.Input(_SHAPE), keras.layers.Flatten(), keras.layers.Dense(4)]
        ),
        r"gives \[.*\]: it must give one tensor .B, num_classes.": two_heads,
        r"uses the variable .*kernel:0 of shape .3, 3, 1, 2., which its child does not own": foreign,
        "which was made before this child, so that children would share its values": lambda *given: _head(
            keras, kept.setdefault("layer", keras.layers.Conv2D(2, 3))
        ),
        "which would never learn: its layer has trainable=False": lambda *given: _head(
            keras, keras.layers.Conv2D(2, 3, trainable=False)
        ),
        "ends in a softmax, but the loss and the exported network expect logits": lambda *given: keras.Sequential(
            [_head(keras), keras.layers.Softmax()]
        ),
        "ends in a sigmoid": lambda *given: keras.Sequential([_head(keras), keras.layers.Activation("sigmoid")]),
        "raised ZeroDivisionError: division by zero. The function is called as build": lambda *given: 1 / 0,
        r"raised TypeError: .*takes 1 positional argument but 3 were given": lambda architecture: None,
    }
    for says, function in wrong.items():
        with pytest.raises(InvalidValueError, match=says):
            _check(function)
            pytest.fail(says)
    with pytest.raises(InvalidValueError, match=r"^build=3 is not allowed: it must be a function build\(archit"):
        OwnNetwork.freeze(3)
    with pytest.raises(InvalidValueError, match="cannot be sent to a worker process: TypeError: cannot pickle"):
        OwnNetwork.freeze(lambda *given: lock)


def test_weights_of_another_keras_in_a_rare_branch_are_refused_when_that_child_is_built(keras):
    """The check before the first child builds some architectures only."""
    import keras as keras3

    def function(architecture, input_shape, num_classes):
        images = keras.Input(input_shape)
        layers = (keras3 if architecture == (1, 0) else keras).layers
        x = keras.layers.Flatten()(layers.Conv2D(2, 3)(images))
        return keras.Model(images, keras.layers.Dense(num_classes)(x))

    _check(function, grid(2, 2))
    with pytest.raises(InvalidValueError, match="which its child does not own, so that it would be neither"):
        _build(function, (1, 0))


def test_an_architecture_that_cannot_be_built_is_a_warning_unless_it_is_the_first(keras, monkeypatch):
    warnings = []
    monkeypatch.setattr("absl.logging.warning", lambda text, *values: warnings.append(text % values))

    def function(architecture, input_shape, num_classes):
        if architecture[0] > 0:
            raise ValueError("too deep")
        return _head(keras)

    function.__qualname__ = "mine"
    _check(function, grid(2))
    assert warnings == ["build=mine raised ValueError: too deep for d0=1. Such a child counts as failed."]
    with pytest.raises(BuildError, match="^build=mine raised ValueError: too deep$"):
        _build(function, (1,))


def test_the_network_of_a_run_is_its_function_with_the_same_code():
    def one(*given):
        return 1

    def other(*given):
        return 2

    code = OwnNetwork.freeze(one).code
    assert network_of({BUILD: code}, one, "run").code == code
    with pytest.raises(InvalidValueError, match="other code: the build function: .*one is gone; .*other is new"):
        network_of({BUILD: code}, other, "run")
    with pytest.raises(InvalidValueError, match="were built by a function of yours.* Pass it by build=, or name"):
        network_of({BUILD: code}, None, "run")
    versioned = OwnNetwork.freeze(one, version="1").code
    assert versioned == {"given version": "1"} and network_of({BUILD: versioned}, other, "run").code == versioned
    cells = {"child": {"filters": 8}, "train": {}}
    assert network_of(cells, None, "run") == CellNetwork(nk.ChildConfig(filters=8))
    with pytest.raises(InvalidValueError, match="were built around cells, not by a function: leave out build="):
        network_of(cells, one, "run")
    with pytest.raises(DataError, match="has a corrupt build_code"):
        network_of({BUILD: 3}, one, "run")


def test_a_network_that_cannot_be_connected_to_the_images(keras):
    def build(*_):
        return keras.Sequential(_head(keras).layers, name="logits")  # a name of the child's own

    with pytest.raises(InvalidValueError, match="The network of build=.* cannot be connected to the images: "):
        _build(build)


def test_a_function_that_another_process_reads_otherwise(monkeypatch, keras):
    def build(*_):
        return _head(keras)

    frozen = OwnNetwork.freeze(functools.partial(build, size=3))
    parts = {name: "4" if text == "3" else text for name, text in frozen.parts.items()}
    assert parts != frozen.parts
    network = dataclasses.replace(frozen, name="other", parts=parts)
    with pytest.raises(InvalidValueError, match="build=other reads other values in a worker process than where the ev"):
        network.load()
    network = dataclasses.replace(network, pickled=b"no pickle")
    with pytest.raises(
        InvalidValueError, match="build=other cannot be loaded in a worker process: UnpicklingError: .*De"
    ):
        network.load()
