"""Tests of nas_keras/strategies/reinforce.py, reinforce_config.py and learner.py."""

import numpy as np
import pytest
from helpers import grid, num_traces

import nas_keras as nk
from nas_keras.controller.controller import tf
from nas_keras.strategies.reinforce import Reinforce
from nas_keras.strategies.reinforce_config import ReinforceConfig

NAN = float("nan")


def _trials(actions, rewards):
    return [
        nk.Trial(i, 0, 0, 0, tuple(row), (), "", False, nk.Evaluation(reward))
        for i, (row, reward) in enumerate(zip(np.asarray(actions).tolist(), rewards, strict=True))
    ]


@pytest.fixture(name="strategy", scope="module")
def _strategy():
    """Some policy that is far from uniform, of 3, 2 and 4 choices."""
    strategy = Reinforce(grid(3, 2, 4), ReinforceConfig(units=6, embedding=5, entropy=0.3))
    rng = np.random.default_rng(1)
    for variable in strategy.controller.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.5)
    return strategy


_ACTIONS = np.random.default_rng(2).integers((3, 2, 4), size=(8, 3)).astype(np.int32)
_ADVANTAGES = np.random.default_rng(3).normal(size=8).astype(np.float32)


def _gradients(strategy, actions, advantages):
    with tf.GradientTape() as tape:
        loss, metrics = strategy._loss(tf.constant(actions), tf.constant(advantages))
    variables = strategy.controller.trainable_variables
    return metrics, [tf.convert_to_tensor(gradient).numpy() for gradient in tape.gradient(loss, variables)]


def test_the_gradient_is_the_papers(strategy):
    """-1/m sum_k sum_t grad log pi(a_t | a_<t) (R_k - b), term by term, and the entropy's from its definition."""
    controller = strategy.controller
    variables = controller.trainable_variables
    expected = [np.zeros(variable.shape, np.float64) for variable in variables]
    for row, advantage in zip(_ACTIONS, _ADVANTAGES, strict=True):
        for t in range(3):
            with tf.GradientTape() as tape:
                log_prob = controller.log_probs(row[None])[0, t]
            for total, gradient in zip(expected, tape.gradient(log_prob, variables), strict=True):
                if gradient is not None:
                    total -= advantage / 8 * tf.convert_to_tensor(gradient).numpy()
    with tf.GradientTape() as tape:
        entropy = 0.0
        for row in _ACTIONS:
            for t, count in enumerate((3, 2, 4)):
                probabilities = tf.nn.softmax(controller(row[None])[0, t, :count])
                entropy -= tf.reduce_sum(probabilities * tf.math.log(probabilities)) / 8
    for total, gradient in zip(expected, tape.gradient(entropy, variables), strict=True):
        total -= 0.3 * tf.convert_to_tensor(gradient).numpy()

    metrics, gradients = _gradients(strategy, _ACTIONS, _ADVANTAGES)
    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=1e-6)
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-2
    np.testing.assert_allclose(metrics["entropy"], entropy, rtol=1e-5)


def test_the_gradient_of_the_last_layer_in_numpy(strategy):
    """By a logit, log pi(a) has the gradient onehot(a) - pi and H has -pi (log pi + H): no TensorFlow in it."""
    _, gradients = _gradients(strategy, _ACTIONS, _ADVANTAGES)
    names = [variable.name for variable in strategy.controller.trainable_variables]
    gradient = gradients[[i for i, name in enumerate(names) if "head_bias" in name][0]]
    logits = strategy.controller(_ACTIONS).numpy().astype(np.float64)  # [8, 3, 4]
    pi = np.exp(logits - logits.max(axis=-1, keepdims=True))
    pi /= pi.sum(axis=-1, keepdims=True)
    log_pi = np.log(np.where(pi > 0, pi, 1))
    of_log_prob = np.eye(4)[_ACTIONS] - pi
    of_entropy = -pi * (log_pi - np.sum(pi * log_pi, axis=-1, keepdims=True))
    expected = -np.mean(_ADVANTAGES[:, None, None] * of_log_prob + 0.3 * of_entropy, axis=0)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_a_batch_is_one_step_on_that_gradient(strategy):
    """With SGD for Adam, told rewards of mean 0: the first baseline is 0, so they are the advantages."""
    before = [variable.numpy() for variable in strategy.controller.trainable_variables]
    rewards = _ADVANTAGES - _ADVANTAGES.mean()
    _, gradients = _gradients(strategy, _ACTIONS, rewards)
    strategy._optimizer, adam = tf.keras.optimizers.SGD(0.1), strategy._optimizer
    strategy.tell(_trials(_ACTIONS, rewards))
    strategy._optimizer = adam
    for variable, old, gradient in zip(strategy.controller.trainable_variables, before, gradients, strict=True):
        np.testing.assert_allclose(variable.numpy(), old - 0.1 * gradient, atol=1e-6)
    assert strategy.metrics.keys() == {"policy_loss", "entropy", "baseline"}


class _Advantages(Reinforce):
    """Notes the advantages and takes no step: nothing is traced."""

    def _update(self, actions, advantages):
        del actions
        self.advantages = np.asarray(advantages).tolist()
        return {}


@pytest.mark.parametrize(
    ("batches", "advantages", "baseline"),
    [
        # The first baseline is the first batch's mean, 2; the second batch has 2 too, and then it is (2 + 5) / 2.
        ([[1.0, 3.0]], [-1, 1], 2),
        ([[1.0, 3.0], [5.0, 5.0]], [3, 3], 3.5),
        ([[1.0, 3.0], [5.0, 5.0], [3.0]], [-0.5], 3.25),
        # A failure stands one deviation of the good ones, 1, below the worst: at 0. The mean is 4/3.
        ([[1.0, NAN, 3.0]], [-1 / 3, -4 / 3, 5 / 3], 4 / 3),
        # Its place is by all rewards so far, so a batch of failures is bad news however good the others were.
        ([[1.0, 3.0], [NAN, NAN]], [-2, -2], 1),
        ([[-9.0, -7.0], [NAN]], [-2], -9),
        # Before anything has succeeded nothing is known.
        ([[NAN, NAN]], [0, 0], None),
        ([[NAN, NAN], [4.0]], [0], 4),
    ],
)
def test_advantages_and_baseline_by_hand(batches, advantages, baseline):
    strategy = _Advantages(grid(2), ReinforceConfig(decay=0.5))
    for rewards in batches:
        strategy.tell(_trials([[0]] * len(rewards), rewards))
    assert strategy.advantages == pytest.approx(advantages, abs=1e-6)
    assert strategy.state()["baseline"] == pytest.approx(baseline)
    assert strategy.metrics == ({} if baseline is None else {"baseline": pytest.approx(baseline)})


def test_it_learns_which_choices_are_good_with_one_trace():
    """A reward for each 3; a first decision of 0 fails. Batches of several sizes."""
    strategy = Reinforce(grid(4, 4), ReinforceConfig(learning_rate=0.03), seed=0)
    for size in [8, 3, 12] * 20:
        proposals = strategy.ask(size)
        rewards = [NAN if row[0] == 0 else float(np.sum(row == 3)) for row in proposals.actions]
        strategy.tell(_trials(proposals.actions, rewards))
    actions = strategy.ask(200).actions
    assert (actions == 3).mean() > 0.7 and (actions[:, 0] == 0).mean() < 0.05  # 0.25 at the start
    assert num_traces(strategy._update) == 1


def test_log_probs_are_of_the_policy_that_drew(strategy):
    proposals = strategy.ask(6)
    assert proposals.log_probs.shape == (6, 3) and proposals.log_probs.dtype == np.float32
    np.testing.assert_allclose(proposals.log_probs, strategy.controller.log_probs(proposals.actions), atol=1e-5)


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("units", 0, "units=0 is not allowed: it must be an integer of at least 1."),
        ("learning_rate", -0.1, "learning_rate=-0.1 is not allowed: it must be a number of at least 0."),
        ("entropy", NAN, "entropy=nan is not allowed: it must be a number of at least 0."),
        ("decay", -0.5, "decay=-0.5 is not allowed: it must be a number of at least 0."),
        ("decay", 1.0, "decay=1.0 is not allowed: it must be at least 0 and less than 1. With 1 the baseline would "),
    ],
)
def test_impossible_settings_are_refused(setting, value, says):
    with pytest.raises(nk.InvalidValueError) as error:
        ReinforceConfig(**{setting: value})
    assert str(error.value).startswith(says)
