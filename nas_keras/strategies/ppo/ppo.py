"""PPO: after each batch of trials, K steps of SGD on the clipped objective, with mini-batches from the replay buffer.

Proximal policy optimisation (Schulman et al. 2017, https://arxiv.org/abs/1707.06347) maximises, by equations 7 and 9
without the value term,

    L(theta) = E[min(r(theta) A, clip(r(theta), 1 - epsilon, 1 + epsilon) A)] + c S[pi_theta]
    r(theta) = pi_theta(a) / pi_old(a)

An encoding a = (a_1, ..., a_T) is one action of a one-step episode: its probability is that of the whole encoding,
pi_theta(a) = prod_t pi_theta(a_t | a_{<t}) (`controller/controller.py`), and its reward is terminal, so an advantage A
needs no value function. S is the entropy of the policy, summed over decisions.

    ask    encodings sampled from pi_theta become proposals         `candidates.py`, `sampling.py`
    tell   trials enter the replay buffer                           `replay_buffer.py`
           rewards become advantages A, references become pi_old    `advantages.py`
           K steps of Adam on -L, mini-batch by mini-batch          `loss.py`, on TF-Agents' `PPOClipAgent`

Which proposals are made, what A and pi_old are, and which trials are learned from are settings (`config.py`).

Legend: `M` trials learned from, `m` trials in a mini-batch, `K` steps, `T` decisions.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.controller.graph import graph_method
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, config_or_default
from nas_keras.strategies.controller_strategy import ControllerStrategy
from nas_keras.strategies.ppo.advantages import (
    ADVANTAGES,
    LATEST,
    NORMAL,
    SOFT,
    bound_references,
    select_trials,
    soft_advantages,
)
from nas_keras.strategies.ppo.candidates import ProposalSampler
from nas_keras.strategies.ppo.config import PPOConfig
from nas_keras.strategies.ppo.loss import PPOLoss
from nas_keras.strategies.ppo.replay_buffer import ReplayBuffer
from nas_keras.strategies.ppo.sampling import latin_hypercube
from nas_keras.trial import Proposals, Trial

_SAMPLE, _SHUFFLE = 3, 4  # purposes of the random generators


class PPO(ControllerStrategy):
    """An LSTM controller trained by proximal policy optimisation.

    Args:
        space: the space to search.
        config: settings.
        seed: seed of initial weights, samples and mini-batches.
    """

    def __init__(self, space: SearchSpace, config: PPOConfig | None = None, *, seed: int = 0):
        config = config_or_default(config, PPOConfig)
        super().__init__(space, config, seed=seed, distribute=config.distribute)
        self._loss = PPOLoss(
            self.controller, space.num_choices, self._optimizer, clip=config.clip, entropy=config.entropy
        )
        # Candidates near the best encodings need them, however old they are.
        elite = max(config.elite, config.beam if config.candidates else 0)
        self._buffer = ReplayBuffer(space, window=config.window, elite=elite)
        self._sampler = ProposalSampler(space, self.controller, self._buffer, config, self._log_probs_of)

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _SAMPLE, iteration])
        if iteration < self.config.design:
            proposals = latin_hypercube(n, self.space, rng)
        else:
            proposals = self._sampler.complete(n, self._select(n, rng), rng)
        self._buffer.add_pending(proposals.actions)
        return proposals

    def _select(self, n: int, rng: np.random.Generator) -> Proposals:
        """Returns at most n new encodings, selected from the candidates."""
        return self._sampler.select(n, rng)

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        self._buffer.add(trials)
        rng = np.random.default_rng([self.seed, _SHUFFLE, iteration])
        actions, old_log_probs, advantages = self._training_data(rng)
        steps, size = self.config.steps, self.config.minibatch_size
        minibatches = sample_minibatches(len(advantages), steps=steps, size=size, rng=rng)
        metrics = self._update(
            tf.constant(actions), tf.constant(old_log_probs), tf.constant(advantages), tf.constant(minibatches)
        )
        self.metrics = {name: float(value) for name, value in metrics.items()}

    def _training_data(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns actions [M, T], log pi_old(a) [M] and A [M]; M is at most what the mini-batches hold."""
        config = self.config
        trials, batch = self._buffer.experience(), self._buffer.batch_size
        kind, elite = config.advantages, config.elite
        is_settling = (config.elite or config.candidates) and self._has_observed_half()
        if is_settling:  # little is left to find: settle on the best trial, given the latest batch and that trial
            trials = trials.take(select_trials(trials.rewards, batch=batch, elite=1))
            kind, elite = NORMAL, 0
        elif elite or kind != NORMAL:  # observing an encoding twice does not make it better
            trials = trials.latest()
        selected = select_trials(trials.rewards, batch=batch, elite=elite)
        most = config.steps * config.minibatch_size
        if len(selected) > most:
            selected = np.sort(rng.choice(selected, size=most, replace=False))
        advantages = ADVANTAGES[kind](trials.rewards)[selected]
        actions, drawn, _ = trials.take(selected)
        current = self._log_probs_of(actions).sum(axis=1)
        references = current if config.reference == LATEST else drawn
        if kind == SOFT:  # soft advantages bound the probabilities by themselves
            return actions, references, soft_advantages(advantages, current, temperature=config.temperature)
        uniform = -float(np.log(self.space.num_choices).sum())
        references = bound_references(
            references,
            advantages,
            clip=config.clip,
            floor=uniform - config.floor if config.floor else -np.inf,
            ceiling=float(np.log(config.ceiling)) if config.ceiling and not is_settling else np.inf,
        )
        return actions, references, advantages

    def _has_observed_half(self) -> bool:
        """Returns whether more than half of the space's keys are observed."""
        return 2 * self._buffer.num_keys > (self.space.num_keys or self.space.size)

    def _log_probs_of(self, actions: np.ndarray) -> np.ndarray:
        """Returns the log-probs [C, T] of encodings [C, T] under the current policy."""
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
    def _update(self, actions, old_log_probs, advantages, minibatches):
        """Takes K steps of SGD.

        Args:
            actions: int32 [M, T].
            old_log_probs: log pi_old(a), float32 [M].
            advantages: A, float32 [M].
            minibatches: indices of trials, int32 [K, m].

        Returns:
            Metrics, scalars, averaged over the steps.
        """
        actions = tf.ensure_shape(actions, [None, len(self.space.decisions)])
        minibatches = tf.ensure_shape(minibatches, [self.config.steps, self.config.minibatch_size])

        def step(k, totals):
            batch = minibatches[k]  # [m]
            metrics = self._loss.step(
                self._distribution,
                tf.gather(actions, batch),
                tf.gather(old_log_probs, batch),
                tf.gather(advantages, batch),
            )
            return k + 1, {name: totals[name] + metrics[name] for name in PPOLoss.METRICS}

        start = 0, {name: tf.constant(0.0) for name in PPOLoss.METRICS}
        _, totals = tf.while_loop(lambda k, _: k < self.config.steps, step, start)
        return {name: total / self.config.steps for name, total in totals.items()}

    def _state(self) -> State:
        return {**super()._state(), **self._buffer.state()}

    def _restore(self, state: State) -> None:
        super()._restore(state)
        self._buffer.restore(state)


def sample_minibatches(num_trials: int, *, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Returns indices of trials 0 to M - 1, int32 [K, m]: pass after pass over all trials, each in a new order."""
    passes = -(-steps * size // num_trials)
    order = np.concatenate([rng.permutation(num_trials) for _ in range(passes)])
    return order[: steps * size].reshape(steps, size).astype(np.int32)
