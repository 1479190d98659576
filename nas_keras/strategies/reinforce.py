"""REINFORCE: the policy gradient of Zoph & Le 2017, one step of Adam for each batch.

    g = 1/m sum_k sum_t grad log pi_theta(a_t | a_<t) (R_k - b)

Zoph & Le 2017, https://arxiv.org/abs/1611.01578, section 3.2: the controller is the same LSTM as PPO's, and the
baseline b is an exponential moving average of the rewards of earlier batches. The rule itself is Williams 1992.

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

_LARGEST = 1e15  # of an advantage


class Reinforce(ControllerStrategy):
    """An LSTM controller trained by REINFORCE with a moving average as baseline.

    The gradient is taken at the present weights, even for a batch that an older policy drew (lag > 0), as in the
    asynchronous updates of the paper.

    Args:
        space: what is searched.
        config: settings.
        seed: of initial weights and samples.
    """

    def __init__(self, space: SearchSpace, config: ReinforceConfig | None = None, *, seed: int = 0):
        super().__init__(space, config_or_default(config, ReinforceConfig), seed=seed)
        self._rewards = np.zeros(0)  # all told, NaN for failures: what a failure is worth depends on them
        self._baseline: float | None = None  # b; None until something has succeeded

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        del iteration  # no chance in it
        actions = np.array([trial.actions for trial in trials], np.int32)
        self._rewards = np.append(self._rewards, [trial.reward for trial in trials])
        rewards = finite_rewards(self._rewards)[-len(trials) :]
        advantages = self._advantages(rewards)
        metrics = self._update(tf.constant(actions), tf.constant(advantages, tf.float32))
        self.metrics = {name: float(value) for name, value in metrics.items()}
        if self._baseline is not None:
            self.metrics["baseline"] = self._baseline

    def _advantages(self, rewards: np.ndarray) -> np.ndarray:
        """R - b [m], with b of the earlier batches; then b moves on by this batch. The first b is its own mean."""
        if np.isnan(self._rewards).all():
            return np.zeros(len(rewards))  # all rewards are the same so far, and no scale is known
        mean = float(rewards.mean())
        if self._baseline is None:
            self._baseline = mean
        # Adam does not mind the scale, but the squares of gradients must stay finite in single precision.
        advantages = np.clip(rewards - self._baseline, -_LARGEST, _LARGEST)
        self._baseline = self.config.decay * self._baseline + (1 - self.config.decay) * mean
        return advantages

    @graph_method(tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.float32))
    def _update(self, actions, advantages):
        """One step of Adam: actions [m, T], advantages [m]."""
        actions = tf.ensure_shape(actions, [None, len(self.space.decisions)])
        variables = self.controller.trainable_variables
        with tf.GradientTape() as tape:
            loss, metrics = self._loss(actions, advantages)
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        apply_gradients(self._optimizer, gradients, variables)
        return metrics

    def _loss(self, actions, advantages):
        """-1/m sum_k (R_k - b) log pi(a_k) - c H, whose gradient is -g, and the metrics."""
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
