"""Tests of nas_keras/children/ensemble.py: the mean of probabilities, in tf_keras and in Keras 3."""

import functools

import numpy as np
import pytest
from helpers import TINY_CHILD

import nas_keras as nk
from nas_keras._tensorflow import load_tensorflow
from nas_keras.children.build import build_child
from nas_keras.children.ensemble import build_ensemble, join_children
from nas_keras.results.formats.keras_file import load_keras

SHAPE = {"input_shape": (8, 8, 1), "num_classes": 3}
MAKE = [functools.partial(build_child, cell, TINY_CHILD) for cell in (nk.cells.vgg(), nk.Cell.parse("conv_3x3"))]


@pytest.fixture(scope="module", name="joined")
def _joined():
    """(children, their ensemble, images)."""
    load_tensorflow()
    rng = np.random.default_rng(0)
    children = [make(**SHAPE) for make in MAKE]
    for child in children:
        child.set_weights([rng.uniform(0.1, 1, weight.shape) for weight in child.get_weights()])
    return children, join_children(children), rng.uniform(0, 255, (5, 8, 8, 1)).astype(np.float32)


def test_it_answers_with_the_mean_of_the_probabilities(joined):
    tf = load_tensorflow()
    children, ensemble, images = joined
    mean = np.mean([tf.nn.softmax(child(images)) for child in children], axis=0)
    assert np.abs(tf.nn.softmax(ensemble(images)) - mean).max() < 1e-6
    assert np.abs(ensemble(images) - np.log(np.maximum(mean, 1e-9))).max() < 1e-5
    assert ensemble.count_params() == sum(child.count_params() for child in children)


def test_what_no_child_believes_at_all_has_a_finite_logit(joined):
    children, ensemble, images = joined
    before = [child.get_weights() for child in children]
    for child, weights in zip(children, before, strict=True):
        child.set_weights([*weights[:-1], np.array([300, 0, 0], np.float32)])  # biases of the last layer
    logits = ensemble(images).numpy()
    for child, weights in zip(children, before, strict=True):
        child.set_weights(weights)
    assert np.isfinite(logits).all() and logits.min() < -20


def test_keras_3_builds_the_same_with_the_weights_in_the_same_order(joined):
    _, ensemble, images = joined
    keras = load_keras()
    built = build_ensemble(MAKE, **SHAPE, keras=keras)
    built.set_weights(ensemble.get_weights())
    assert np.abs(np.asarray(built(images)) - ensemble(images)).max() < 1e-5
    assert all(type(layer).__module__.startswith("keras.") for layer in built.layers)
