"""Tests of nas_keras/strategies/ppo/loss.py: TF-Agents' losses against mathematics written out."""

import numpy as np
import pytest

from nas_keras._tensorflow import make_distribution
from nas_keras.controller.controller import Controller, tf
from nas_keras.strategies.ppo.advantages import soft_advantages
from nas_keras.strategies.ppo.loss import PPOLoss

_NUM_CHOICES = (3, 2, 4)
_CLIP, _ENTROPY = 0.2, 0.3


@pytest.fixture(name="controller")
def _controller():
    controller = Controller(_NUM_CHOICES, units=6, embedding=5)
    rng = np.random.default_rng(1)
    for variable in controller.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.5)
    return controller


def _loss(controller, entropy=_ENTROPY, learning_rate=0.1):
    optimizer = tf.keras.optimizers.SGD(learning_rate)
    optimizer.build(controller.trainable_variables)
    return PPOLoss(controller, _NUM_CHOICES, optimizer, clip=_CLIP, entropy=entropy)


def _trials(controller, spread):
    """Eight encodings, log-probs under an older policy, advantages."""
    rng = np.random.default_rng(2)
    actions = tf.constant(rng.integers(_NUM_CHOICES, size=(8, 3)), tf.int32)
    now = tf.reduce_sum(controller.log_probs(actions), axis=1)
    old = now + tf.constant(spread * np.linspace(-1, 1, 8), tf.float32)
    return actions, old, tf.constant(rng.normal(size=8), tf.float32)


def _clipped_loss(controller, actions, old, advantages):
    """min(r A, clip(r, 1 - eps, 1 + eps) A) and the entropy, from the definition, with no TF-Agents and no TFP."""
    log_softmax = tf.nn.log_softmax(controller(actions))
    log_prob = tf.reduce_sum(tf.gather(log_softmax, actions, axis=-1, batch_dims=2), axis=1)
    ratio = tf.exp(log_prob - old)
    clipped = tf.minimum(tf.maximum(ratio, 1 - _CLIP), 1 + _CLIP)
    entropy = -tf.reduce_sum(tf.exp(log_softmax) * log_softmax, axis=[1, 2])
    return -tf.reduce_mean(tf.minimum(ratio * advantages, clipped * advantages)) - _ENTROPY * tf.reduce_mean(entropy)


def _gradients(function, variables):
    with tf.GradientTape() as tape:
        loss = function()
    return loss, [tf.convert_to_tensor(gradient).numpy() for gradient in tape.gradient(loss, variables)]


@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
def test_loss_and_gradient_equal_a_hand_written_clipped_ppo(controller, in_graph):
    trials = _trials(controller, spread=0.4)
    ratios = np.exp(controller.log_probs(trials[0]).numpy().sum(axis=1) - trials[1].numpy())
    assert (ratios > 1 + _CLIP).any() and (ratios < 1 - _CLIP).any()  # both sides of the clip are in it
    compute = lambda: _loss_object.compute(*trials, tf.ones(8))[0]  # noqa: E731
    _loss_object = _loss(controller)
    variables = controller.trainable_variables
    loss, gradients = _gradients(tf.function(compute) if in_graph else compute, variables)
    expected_loss, expected = _gradients(lambda: _clipped_loss(controller, *trials), variables)
    np.testing.assert_allclose(loss, expected_loss, atol=1e-6)
    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=1e-6)
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-2


def test_at_ratio_one_the_gradient_is_reinforce_s(controller):
    """Williams 1992: the gradient of E[A log pi(a)]."""
    actions, _, advantages = _trials(controller, spread=0)
    now = tf.reduce_sum(controller.log_probs(actions), axis=1)
    loss = _loss(controller, entropy=0.0)

    def reinforce():
        return -tf.reduce_mean(advantages * tf.reduce_sum(controller.log_probs(actions), axis=1))

    variables = controller.trainable_variables
    _, gradients = _gradients(lambda: loss.compute(actions, now, advantages, tf.ones(8))[0], variables)
    _, expected = _gradients(reinforce, variables)
    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=1e-6)


def test_with_soft_advantages_the_gradient_is_that_of_a_regression(controller):
    """Of temperature * log pi on the scores, by least squares, the constant fitted; up to one positive factor."""
    actions, _, _ = _trials(controller, spread=0)
    scores, temperature = np.linspace(-1.5, 1.2, 8), 0.7
    now = tf.reduce_sum(controller.log_probs(actions), axis=1)
    advantages = tf.constant(soft_advantages(scores, now.numpy(), temperature=temperature))
    loss = _loss(controller, entropy=0.0)

    def squared_error():
        log_probs = tf.reduce_sum(controller.log_probs(actions), axis=1)
        errors = temperature * log_probs - tf.constant(scores, tf.float32)
        return tf.reduce_sum((errors - tf.reduce_mean(errors)) ** 2)

    variables = controller.trainable_variables
    _, gradients = _gradients(lambda: loss.compute(actions, now, advantages, tf.ones(8))[0], variables)
    _, expected = _gradients(squared_error, variables)
    flat, wanted = (np.concatenate([g.ravel() for g in parts]) for parts in (gradients, expected))
    factor = flat @ wanted / (wanted @ wanted)
    assert factor > 0.01
    np.testing.assert_allclose(flat, factor * wanted, atol=1e-5)


def test_metrics(controller):
    actions, old, advantages = _trials(controller, spread=0.4)
    _, metrics = _loss(controller).compute(actions, old, advantages, tf.ones(8))
    log_softmax = tf.nn.log_softmax(controller(actions)).numpy()
    log_ratio = controller.log_probs(actions).numpy().sum(axis=1) - old.numpy()
    exists = log_softmax > -1e8
    expected_entropy = -np.sum(np.exp(log_softmax) * np.where(exists, log_softmax, 0), axis=(1, 2)).mean()
    np.testing.assert_allclose(metrics["entropy"], expected_entropy, rtol=1e-5)
    np.testing.assert_allclose(metrics["entropy_loss"], -_ENTROPY * expected_entropy, rtol=1e-5)
    np.testing.assert_allclose(metrics["kl"], np.mean(np.exp(log_ratio) - 1 - log_ratio), rtol=1e-4)
    np.testing.assert_allclose(metrics["clip_fraction"], np.mean(np.abs(np.exp(log_ratio) - 1) > _CLIP))
    assert set(metrics) == set(PPOLoss.METRICS)


def test_a_step_is_sgd_on_the_gradient(controller):
    trials = _trials(controller, spread=0.4)
    variables = controller.trainable_variables
    _, expected = _gradients(lambda: _clipped_loss(controller, *trials), variables)
    before = [variable.numpy() for variable in variables]
    loss, distribution = _loss(controller, learning_rate=0.1), make_distribution()
    metrics = tf.function(lambda: loss.step(distribution, *trials))()
    for variable, old, gradient in zip(variables, before, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), old - 0.1 * gradient, atol=1e-6)
    assert set(metrics) == set(PPOLoss.METRICS)


@pytest.mark.parametrize("shift", [-200.0, -30.0, 30.0, 200.0])
def test_weights_stay_finite_however_far_the_policy_is_from_the_old_one(controller, shift):
    """exp(200) is no number in single precision. A step is at most the largest norm of a gradient times the rate."""
    actions, old, advantages = _trials(controller, spread=0)
    before = [variable.numpy() for variable in controller.trainable_variables]
    loss, distribution = _loss(controller, entropy=0.0, learning_rate=0.1), make_distribution()
    metrics = tf.function(lambda: loss.step(distribution, actions, old + shift, advantages))()
    assert all(np.isfinite(value) for value in metrics.values())
    moved = [variable.numpy() - old for variable, old in zip(controller.trainable_variables, before, strict=True)]
    length = np.sqrt(sum(np.sum(part**2) for part in moved))
    assert np.isfinite(length) and length <= 0.1 * 10 * 1.001
    if shift < 0:  # r is large: the negative advantages, which nothing bounds, move the policy
        assert length > 0.5
