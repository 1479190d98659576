"""PPO: the paper's strategy. After each batch, K steps of SGD on the clipped loss, with mini-batches drawn from D.

The loss is TF-Agents' own (`PPOClipAgent`). Seen from there, a whole string is one action vector [T] of one step, and
the reward is terminal; the observation is the string too, since the LSTM is fed the actions before each decision.

    L(theta) = -E[min(r A, clip(r, 1 - eps, 1 + eps) A)] - c H,   r = pi_theta(a) / pi_old(a)

Schulman et al. 2017, https://arxiv.org/abs/1707.06347, equations 7 and 9 without the value term: the advantage A is
the reward, normalised over the trials drawn from.

Legend: `M` trials in the window, `m` in a mini-batch, `K` steps, `T` decisions.
"""

import collections
from collections.abc import Sequence

import numpy as np

from nas_keras import _keras
from nas_keras.search_space import SearchSpace
from nas_keras.strategies.base import State, finite_rewards
from nas_keras.strategies.learner import ControllerStrategy
from nas_keras.strategies.ppo_config import PPOConfig
from nas_keras.strategies.ppo_loss import PPOLoss
from nas_keras.trial import Trial

tf = _keras.load_tensorflow()

_SHUFFLE = 4  # purpose of the generator


class PPO(ControllerStrategy):
    """An LSTM controller trained by proximal policy optimisation.

    Args:
        space: what is searched.
        config: settings.
        seed: of initial weights, samples and mini-batches.
    """

    def __init__(self, space: SearchSpace, config: PPOConfig | None = None, *, seed: int = 0):
        config = config or PPOConfig()
        super().__init__(space, config, seed=seed, distribute=config.distribute)
        self._loss = PPOLoss(
            self.controller, space.num_choices, self._optimizer, clip=config.clip, entropy=config.entropy
        )
        # The latest batches: actions [M, T], log-probs of whole strings [M], rewards [M].
        self._memory: collections.deque = collections.deque(maxlen=config.window or None)

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        self._memory.append(
            (
                np.array([trial.actions for trial in trials], np.int32),
                np.array([trial.log_probs for trial in trials], np.float32).sum(axis=1),
                np.array([trial.reward for trial in trials], np.float32),
            )
        )
        actions, log_probs, rewards = (np.concatenate(parts) for parts in zip(*self._memory, strict=True))
        minibatches = draw_minibatches(
            len(rewards),
            steps=self.config.steps,
            size=self.config.minibatch_size,
            rng=np.random.default_rng([self.seed, _SHUFFLE, iteration]),
        )
        metrics = self._update(
            tf.constant(actions), tf.constant(log_probs), tf.constant(advantages(rewards)), tf.constant(minibatches)
        )
        self.metrics = {name: float(value) for name, value in metrics.items()}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
        ]
    )
    def _update(self, actions, old_log_probs, advantages, minibatches):
        """K steps of SGD: actions [M, T], log-probs and advantages [M], indices of mini-batches [K, m]."""
        actions = tf.ensure_shape(actions, [None, len(self.space.decisions)])
        num_steps = tf.shape(minibatches)[0]
        totals = {name: tf.constant(0.0) for name in PPOLoss.METRICS}
        for k in tf.range(num_steps):
            batch = minibatches[k]  # [m]
            metrics = self._loss.step(
                self._distribution,
                tf.gather(actions, batch),
                tf.gather(old_log_probs, batch),
                tf.gather(advantages, batch),
            )
            totals = {name: totals[name] + metrics[name] for name in PPOLoss.METRICS}
        return {name: total / tf.cast(num_steps, tf.float32) for name, total in totals.items()}

    def _state(self) -> State:
        state = super()._state()
        for i, parts in enumerate(self._memory):
            state |= {f"memory_{i}_{name}": part for name, part in zip(("a", "lp", "r"), parts, strict=True)}
        return {**state, "memory": len(self._memory)}

    def _restore(self, state: State) -> None:
        super()._restore(state)
        self._memory.clear()
        for i in range(int(state["memory"])):
            self._memory.append(tuple(np.asarray(state[f"memory_{i}_{name}"]) for name in ("a", "lp", "r")))


def advantages(rewards: np.ndarray) -> np.ndarray:
    """Rewards [M], NaN for failures, normalised to mean 0 and standard deviation 1; all 0 where they are equal."""
    rewards = finite_rewards(rewards)
    spread = rewards.std()
    if spread < 1e-8:
        return np.zeros(len(rewards), np.float32)
    return ((rewards - rewards.mean()) / spread).astype(np.float32)


def draw_minibatches(num_trials: int, *, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Indices int32 [K, m] of trials 0 to M - 1: pass after pass over all, each in a new order."""
    size = min(size, num_trials)
    needed = steps * size
    passes = -(-needed // num_trials)
    order = np.concatenate([rng.permutation(num_trials) for _ in range(passes)])
    return order[:needed].reshape(steps, size).astype(np.int32)
