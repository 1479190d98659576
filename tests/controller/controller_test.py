"""Tests of nas_keras/controller/controller.py."""

import numpy as np
import pytest
from helpers import num_traces

from nas_keras.controller.controller import Controller, tf

_NUM_CHOICES = (3, 1, 4, 2)
_SEED = tf.constant([1, 2])


@pytest.fixture(scope="module", name="controller")
def _controller():
    """A controller whose policy is far from uniform."""
    controller = Controller(_NUM_CHOICES, units=8, embedding=4, seed=7)
    rng = np.random.default_rng(0)
    for variable in controller.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return controller


def _all_encodings():
    return np.stack(np.meshgrid(*map(np.arange, _NUM_CHOICES), indexing="ij"), -1).reshape(-1, 4).astype(np.int32)


def test_logits_have_a_place_for_the_widest_decision(controller):
    assert controller(tf.zeros([5, 4], tf.int32)).shape == (5, 4, 4)


def test_probabilities_of_all_encodings_sum_to_one(controller):
    probabilities = np.exp(controller.log_probs(_all_encodings()).numpy().sum(axis=1))
    assert len(probabilities) == 24
    np.testing.assert_allclose(probabilities.sum(), 1.0, atol=1e-5)
    assert probabilities.max() > 0.1  # not the uniform 1/24: the check means something


def test_log_probs_equal_a_lstm_written_in_numpy(controller):
    """The gates i, f, g, o of Keras' LSTM, step by step."""
    embeddings, kernel, recurrent, bias = (
        v.numpy() for v in [*controller._embedding.weights, *controller._lstm.weights]
    )
    head, head_bias = controller._kernel.numpy(), controller._bias.numpy()
    actions = np.array([2, 0, 3, 1])
    rows = [0, 1 + 2, 1 + 3 + 0, 1 + 3 + 1 + 3]  # the start, then one row for each choice of each decision

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    h = c = np.zeros(8)
    expected = []
    for t, row in enumerate(rows):
        i, f, g, o = np.split(embeddings[row] @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits = (h @ head[t] + head_bias[t])[: _NUM_CHOICES[t]]
        expected.append(logits[actions[t]] - np.log(np.exp(logits).sum()))
    np.testing.assert_allclose(controller.log_probs(actions[None])[0], expected, atol=1e-5)


def test_a_sample_s_log_probs_equal_the_teacher_forced_ones(controller):
    actions, log_probs = controller.sample(tf.constant(64), _SEED)
    assert actions.dtype == tf.int32 and actions.shape == log_probs.shape == (64, 4)
    np.testing.assert_allclose(log_probs, controller.log_probs(actions), atol=1e-5)


def test_a_long_encoding_is_drawn_in_a_loop_and_the_same_holds():
    controller = Controller((2, 3) * 15, units=8, embedding=4, seed=7)
    rng = np.random.default_rng(0)
    for variable in controller.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    actions, log_probs = controller.sample(tf.constant(64), _SEED)
    assert actions.shape == (64, 30) and len(np.unique(actions.numpy(), axis=0)) > 32
    np.testing.assert_allclose(log_probs, controller.log_probs(actions), atol=1e-4)


def test_masked_choices_are_never_drawn_and_frequencies_are_the_probabilities(controller):
    actions = controller.sample(tf.constant(100_000), _SEED)[0].numpy()
    assert (actions >= 0).all() and (actions < np.array(_NUM_CHOICES)).all()
    encodings = _all_encodings()
    expected = np.exp(controller.log_probs(encodings).numpy().sum(axis=1))
    counts = np.array([(actions == encoding).all(axis=1).sum() for encoding in encodings])
    # Five standard deviations of a count.
    assert (np.abs(counts - 1e5 * expected) <= 5 * np.sqrt(1e5 * expected * (1 - expected)) + 1).all()


def test_log_probs_are_exact_however_small():
    controller = Controller((2, 2), seed=0)
    controller._bias.assign([[0.0, -200.0], [0.0, 0.0]])
    np.testing.assert_allclose(controller.log_probs(np.array([[1, 0]]))[0, 0], -200.0, atol=0.1)


def test_the_seed_decides_the_sample(controller):
    first, again = (controller.sample(tf.constant(50), _SEED)[0].numpy() for _ in range(2))
    other = controller.sample(tf.constant(50), tf.constant([1, 3]))[0].numpy()
    assert (first == again).all() and (first != other).any()


def test_one_trace_for_batches_of_any_size():
    controller = Controller((3, 3))
    for size in (1, 8, 5):
        assert controller.sample(tf.constant(size), _SEED)[0].shape == (size, 2)
    assert num_traces(controller._sample) == 1


def test_the_first_policy_is_almost_uniform():
    controller = Controller((8, 8), seed=3)
    np.testing.assert_allclose(np.exp(controller.log_probs(np.array([[0, 5], [7, 7]]))), 1 / 8, atol=0.01)


def test_initial_weights_come_from_the_seed():
    weights = [Controller((4, 2), seed=seed).get_weights() for seed in (5, 5, 6)]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert any((a != b).any() for a, b in zip(weights[0], weights[2], strict=True))


@pytest.mark.parametrize("num_choices", [(5,), (1,), (1_000, 2), (2,) * 100], ids=["T1", "one", "wide", "long"])
def test_any_space_works(num_choices):
    controller = Controller(num_choices)
    actions, log_probs = controller.sample(tf.constant(3), _SEED)
    assert actions.shape == (3, len(num_choices)) and np.isfinite(log_probs).all()
