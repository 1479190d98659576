"""Tests of nas_keras/controller/lstm.py: it is Keras' LSTM, in values and gradients."""

import numpy as np
import pytest

from nas_keras.controller.lstm import FusedLSTM, tf

_SEQUENCES = np.random.default_rng(0).normal(size=(7, 5, 3)).astype(np.float32)


@pytest.fixture(scope="module", name="pair")
def _pair():
    """Ours and Keras' own, with the same weights, which are far from those of the start."""
    ours, theirs = FusedLSTM(4), tf.keras.layers.LSTM(4, return_sequences=True, time_major=True)
    rng = np.random.default_rng(1)
    for lstm in (ours, theirs):
        lstm(_SEQUENCES)
    weights = [rng.normal(size=weight.shape) for weight in theirs.get_weights()]
    for lstm in (ours, theirs):
        lstm.set_weights(weights)
    return ours, theirs


def test_the_same_hidden_states(pair):
    ours, theirs = (lstm(_SEQUENCES).numpy() for lstm in pair)
    assert ours.shape == (7, 5, 4) and np.abs(theirs).max() > 0.5
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_same_gradients(pair):
    found = []
    target = tf.constant(np.random.default_rng(2).normal(size=(7, 5, 4)), tf.float32)
    for lstm in pair:
        sequences = tf.constant(_SEQUENCES)
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            loss = tf.reduce_sum(target * lstm(sequences))
        found.append([g.numpy() for g in tape.gradient(loss, [*lstm.trainable_variables, sequences])])
    for ours, theirs in zip(*found, strict=True):
        assert np.abs(theirs).max() > 0.1
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_steps_one_by_one_are_the_sequence(pair):
    ours, _ = pair
    states, hidden = ours.zero_states(5), []
    for t in range(7):
        output, states = ours.step(tf.constant(_SEQUENCES[t]), states, ours.fused_weights())
        hidden.append(output.numpy())
    np.testing.assert_allclose(np.stack(hidden), ours(_SEQUENCES).numpy(), atol=1e-6)


def test_the_same_initial_weights():
    ours, theirs = (
        kind(4, kernel_initializer=tf.keras.initializers.GlorotUniform(3), **settings)
        for kind, settings in ((FusedLSTM, {}), (tf.keras.layers.LSTM, {"return_sequences": True, "time_major": True}))
    )
    for lstm in (ours, theirs):
        lstm(_SEQUENCES)
    (kernel, _, bias), (their_kernel, _, their_bias) = ours.get_weights(), theirs.get_weights()
    np.testing.assert_array_equal(kernel, their_kernel)
    np.testing.assert_array_equal(bias, their_bias)  # 1 for the forget gate
