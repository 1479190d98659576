"""REINFORCE: one step of Adam along the policy gradient for each batch (Zoph & Le 2017, section 3.2).

    g = 1/m sum_{k=1}^m sum_{t=1}^T grad_theta log pi_theta(a_t | a_{<t}) (R_k - b)

https://arxiv.org/abs/1611.01578. The controller is the same LSTM as PPO's, and the baseline b is an exponential moving
average of the rewards of earlier batches. The rule itself is due to Williams 1992.

Legend: `m` trials in the batch, `T` decisions.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras._tensorflow import apply_gradients, tf
from nas_keras.controller.graph import graph_method
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, config_or_default, finite_rewards
from nas_keras.strategies.controller_strategy import ControllerStrategy
from nas_keras.strategies.reinforce_config import ReinforceConfig
from nas_keras.trial import Trial

_LARGEST_ADVANTAGE = 1e15


class Reinforce(ControllerStrategy):
    """An LSTM controller trained by REINFORCE with a moving average as baseline.

    The gradient is taken at the current weights even if an older policy sampled the batch (lag > 0), as in the paper's
    asynchronous updates.

    Args:
        space: the space to search.
        config: settings.
        seed: seed of initial weights and samples.
    """

    def __init__(self, space: SearchSpace, config: ReinforceConfig | None = None, *, seed: int = 0):
        super().__init__(space, config_or_default(config, ReinforceConfig), seed=seed)
        self._rewards = np.zeros(0)  # all observed, NaN for failures; the value of a failure depends on them
        self._baseline: float | None = None  # b; None until something has succeeded

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        del iteration  # the update involves no randomness
        actions = np.array([trial.actions for trial in trials], np.int32)
        self._rewards = np.append(self._rewards, [trial.reward for trial in trials])
        rewards = finite_rewards(self._rewards)[-len(trials) :]
        advantages = self._advantages(rewards)
        metrics = self._update(tf.constant(actions), tf.constant(advantages, tf.float32))
        self.metrics = {name: float(value) for name, value in metrics.items()}
        if self._baseline is not None:
            self.metrics["baseline"] = self._baseline

    def _advantages(self, rewards: np.ndarray) -> np.ndarray:
        """Returns R - b, [m], with b from earlier batches, and updates b. The first batch's b is its own mean."""
        if np.isnan(self._rewards).all():
            return np.zeros(len(rewards))  # all rewards are the same so far, and no scale is known
        mean = float(rewards.mean())
        if self._baseline is None:
            self._baseline = mean
        # Adam is invariant to the scale, but squared gradients must stay finite in single precision.
        advantages = np.clip(rewards - self._baseline, -_LARGEST_ADVANTAGE, _LARGEST_ADVANTAGE)
        self._baseline = self.config.decay * self._baseline + (1 - self.config.decay) * mean
        return advantages

    @graph_method(tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.float32))
    def _update(self, actions, advantages):
        """Takes one step of Adam: actions int32 [m, T], advantages float32 [m] -> metrics, scalars."""
        actions = tf.ensure_shape(actions, [None, len(self.space.decisions)])
        variables = self.controller.trainable_variables
        with tf.GradientTape() as tape:
            loss, metrics = self._loss(actions, advantages)
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        apply_gradients(self._optimizer, gradients, variables)
        return metrics

    def _loss(self, actions, advantages):
        """Returns -1/m sum_k (R_k - b) log pi_theta(a_k) - c H, with gradient -g if c = 0, and the metrics."""
        log_softmax = tf.nn.log_softmax(self.controller(actions))  # [m, T, N]
        log_probs = tf.gather(log_softmax, actions, axis=-1, batch_dims=2)  # [m, T]
        policy_loss = -tf.reduce_mean(advantages * tf.reduce_sum(log_probs, axis=1))
        # A choice that a decision does not have has probability 0, and 0 times its finite logarithm is 0.
        entropy = -tf.reduce_mean(tf.reduce_sum(tf.exp(log_softmax) * log_softmax, axis=[1, 2]))
        loss = policy_loss - self.config.entropy * entropy
        return loss, {"policy_loss": policy_loss, "entropy": entropy}

    def _state(self) -> State:
        return {**super()._state(), "rewards": self._rewards, "baseline": self._baseline}

    def _restore(self, state: State) -> None:
        super()._restore(state)
        self._rewards = np.asarray(state["rewards"], np.float64)
        self._baseline = None if state["baseline"] is None else float(state["baseline"])
