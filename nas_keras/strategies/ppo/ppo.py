"""PPO: the paper's strategy. After each batch, K steps of SGD on the clipped loss, with mini-batches drawn from D.

The loss is TF-Agents' own (`PPOClipAgent`). Seen from there, a whole encoding is one action vector [T] of one step, and
the reward is terminal; the observation is the encoding too, since the LSTM is fed the actions before each decision.

    L(theta) = -E[min(r A, clip(r, 1 - eps, 1 + eps) A)] - c H,   r = pi_theta(a) / pi_old(a)

Schulman et al. 2017, https://arxiv.org/abs/1707.06347, equations 7 and 9 without the value term. What is proposed
(`ppo/candidates.py`), what A and pi_old are, and which trials of the window are learned from (`ppo/advantages.py`) are
settings.

Legend: `M` trials learned from, `m` in a mini-batch, `K` steps, `T` decisions.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.controller.graph import graph_method
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, config_or_default
from nas_keras.strategies.controller_strategy import ControllerStrategy
from nas_keras.strategies.ppo import advantages as shaping
from nas_keras.strategies.ppo.advantages import advantages as advantages
from nas_keras.strategies.ppo.candidates import Drawing
from nas_keras.strategies.ppo.config import PPOConfig
from nas_keras.strategies.ppo.loss import PPOLoss
from nas_keras.strategies.ppo.replay_buffer import Memory
from nas_keras.strategies.ppo.sampling import cover
from nas_keras.trial import Proposals, Trial

_SAMPLE, _SHUFFLE = 3, 4  # purposes of the generators


class PPO(ControllerStrategy):
    """An LSTM controller trained by proximal policy optimisation.

    Args:
        space: what is searched.
        config: settings.
        seed: of initial weights, samples and mini-batches.
    """

    def __init__(self, space: SearchSpace, config: PPOConfig | None = None, *, seed: int = 0):
        config = config_or_default(config, PPOConfig)
        super().__init__(space, config, seed=seed, distribute=config.distribute)
        self._loss = PPOLoss(
            self.controller, space.num_choices, self._optimizer, clip=config.clip, entropy=config.entropy
        )
        # What is drawn near the best needs them, however long ago they were told.
        elite = max(config.elite, config.beam if config.candidates else 0)
        self._memory = Memory(space, window=config.window, elite=elite)
        self._drawing = Drawing(space, self.controller, self._memory, config, self._log_probs_of)

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _SAMPLE, iteration])
        if iteration < self.config.design:
            proposals = cover(n, self.space, rng)
        else:
            proposals = self._drawing.complete(n, self._choose(n, rng), rng)
        self._memory.ask(proposals.actions)
        return proposals

    def _choose(self, n: int, rng: np.random.Generator) -> Proposals:
        """At most n new encodings of the candidates."""
        return self._drawing.choose(n, rng)

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        self._memory.tell(trials)
        rng = np.random.default_rng([self.seed, _SHUFFLE, iteration])
        actions, log_probs, weights = self._lessons(rng)
        minibatches = draw_minibatches(len(weights), steps=self.config.steps, size=self.config.minibatch_size, rng=rng)
        metrics = self._update(
            tf.constant(actions), tf.constant(log_probs), tf.constant(weights), tf.constant(minibatches)
        )
        self.metrics = {name: float(value) for name, value in metrics.items()}

    def _lessons(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What to learn from: actions [M, T], log pi_old [M], advantages [M]; M at most what the mini-batches hold."""
        config = self.config
        trials, batch = self._memory.trials(), self._memory.batch_size
        kind, elite = config.advantages, config.elite
        is_settling = (config.elite or config.candidates) and self._has_seen_half()
        if is_settling:  # little is left to look for: of the latest batch and the best of all, settle on the best
            trials = trials.take(shaping.choose_trials(trials.rewards, batch=batch, elite=1))
            kind, elite = shaping.NORMAL, 0
        elif elite or kind != shaping.NORMAL:  # an encoding told twice is no better for it: its latest trial counts
            trials = trials.latest()
        chosen = shaping.choose_trials(trials.rewards, batch=batch, elite=elite)
        most = config.steps * config.minibatch_size
        if len(chosen) > most:
            chosen = np.sort(rng.choice(chosen, size=most, replace=False))
        weights = shaping.ADVANTAGES[kind](trials.rewards)[chosen]
        actions, drawn, _ = trials.take(chosen)
        present = self._log_probs_of(actions).sum(axis=1)
        references = present if config.reference == shaping.LATEST else drawn
        if kind == shaping.SOFT:  # which let go of an encoding by themselves
            return actions, references, shaping.soft_advantages(weights, present, temperature=config.temperature)
        uniform = -float(np.log(self.space.num_choices).sum())
        references = shaping.bound_references(
            references,
            weights,
            clip=config.clip,
            floor=uniform - config.floor if config.floor else -np.inf,
            ceiling=float(np.log(config.ceiling)) if config.ceiling and not is_settling else np.inf,
        )
        return actions, references, weights

    def _has_seen_half(self) -> bool:
        """Whether more than half of the space's keys were told."""
        return 2 * self._memory.num_keys > (self.space.num_keys or self.space.size)

    def _log_probs_of(self, actions: np.ndarray) -> np.ndarray:
        """Log-probs [N, T] of encodings [N, T] under the present policy."""
        return self._log_probs(tf.constant(actions)).numpy()

    @graph_method(tf.TensorSpec([None, None], tf.int32))
    def _log_probs(self, actions):
        return self.controller.log_probs(tf.ensure_shape(actions, [None, len(self.space.decisions)]))

    @graph_method(
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([None], tf.float32),
        tf.TensorSpec([None], tf.float32),
        tf.TensorSpec([None, None], tf.int32),
    )
    def _update(self, actions, old_log_probs, weights, minibatches):
        """K steps of SGD: actions [M, T], log-probs and advantages [M], indices of mini-batches [K, m]."""
        actions = tf.ensure_shape(actions, [None, len(self.space.decisions)])
        minibatches = tf.ensure_shape(minibatches, [self.config.steps, self.config.minibatch_size])

        def step(k, totals):
            batch = minibatches[k]  # [m]
            metrics = self._loss.step(
                self._distribution,
                tf.gather(actions, batch),
                tf.gather(old_log_probs, batch),
                tf.gather(weights, batch),
            )
            return k + 1, {name: totals[name] + metrics[name] for name in PPOLoss.METRICS}

        start = 0, {name: tf.constant(0.0) for name in PPOLoss.METRICS}
        _, totals = tf.while_loop(lambda k, _: k < self.config.steps, step, start)
        return {name: total / self.config.steps for name, total in totals.items()}

    def _state(self) -> State:
        return {**super()._state(), **self._memory.state()}

    def _restore(self, state: State) -> None:
        super()._restore(state)
        self._memory.restore(state)


def draw_minibatches(num_trials: int, *, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Indices int32 [K, m] of trials 0 to M - 1: pass after pass over all, each in a new order."""
    passes = -(-steps * size // num_trials)
    order = np.concatenate([rng.permutation(num_trials) for _ in range(passes)])
    return order[: steps * size].reshape(steps, size).astype(np.int32)
