"""PPO: after each batch of trials, K steps of SGD on the clipped objective, with mini-batches from the replay buffer.

Proximal policy optimisation (Schulman et al. 2017, https://arxiv.org/abs/1707.06347) maximises, by equations 7 and 9
without the value term,

    L(theta) = E[min(r(theta) A, clip(r(theta), 1 - epsilon, 1 + epsilon) A)] + c S[pi_theta]
    r(theta) = pi_theta(a) / pi_old(a)

An encoding a = (a_1, ..., a_T) is one action of a one-step episode: its probability is that of the whole encoding,
pi_theta(a) = prod_t pi_theta(a_t | a_{<t}) (`controller/controller.py`), and its reward is terminal, so an advantage A
needs no value function. S is the entropy of the policy, summed over decisions.

    ask    candidates are sampled from pi_theta; n of them, new keys first, become proposals
    tell   trials enter the replay buffer                           `replay_buffer.py`
           rewards become advantages A                              `advantages.py`
           K steps of Adam on -L, mini-batch by mini-batch          `loss.py`, on TF-Agents' `PPOClipAgent`

By default proposals do not repeat: known keys among the candidates are passed over, and the others are selected without
replacement with probability proportional to pi(a)^s (Gumbel top-n, Kool et al. 2019, https://arxiv.org/abs/1903.06059,
section 3). Proposals therefore follow pi_theta, sharpened and restricted to what is new, while the stored
log-probabilities are those of pi_theta itself, in the version that made the proposal. With `candidates=0` proposals are
plain samples, and r is the importance ratio to the policy that sampled them.

Legend: `C` candidates, `n` proposals, `M` trials learned from, `m` trials in a mini-batch, `K` steps, `T` decisions.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.controller.graph import graph_method
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, config_or_default
from nas_keras.strategies.controller_strategy import SAMPLE, ControllerStrategy
from nas_keras.strategies.ppo.advantages import SOFT, soft_advantages, standardize
from nas_keras.strategies.ppo.config import PPOConfig
from nas_keras.strategies.ppo.loss import PPOLoss
from nas_keras.strategies.ppo.replay_buffer import ReplayBuffer
from nas_keras.strategies.ranks import rank_scores
from nas_keras.trial import Proposals, Trial

_SHUFFLE = 4  # purpose of the random generator


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
        self._buffer = ReplayBuffer(space, window=config.window)

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, SAMPLE, iteration])
        actions, log_probs = self._sample(self.config.candidates or n, rng)  # [C, T] each
        if self.config.candidates:
            selected = self._select(n, actions, log_probs, rng)
            actions, log_probs = actions[selected], log_probs[selected]
        self._buffer.add_pending(actions)
        return Proposals(actions, log_probs)

    def _select(self, n: int, actions: np.ndarray, log_probs: np.ndarray, rng: np.random.Generator) -> list[int]:
        """Returns the indices of at most n candidates [C, T] with different keys, new keys first."""
        new, known = self._split(self._order(actions, log_probs, rng), actions, most=n)
        return [*new, *known][:n]

    def _order(self, actions: np.ndarray, log_probs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns the indices of different candidates in a random order in which the probable ones tend to be first."""
        distinct = np.unique(actions, axis=0, return_index=True)[1]
        scores = self.config.sharpness * log_probs[distinct].sum(axis=1, dtype=np.float64)
        return distinct[np.argsort(-(scores + rng.gumbel(size=len(scores))))]

    def _split(self, order: np.ndarray, actions: np.ndarray, *, most: int) -> tuple[list[int], list[int]]:
        """Splits indices of candidates into those of new and those of known keys, one for each key, in their order.

        It stops at `most` new keys, since the keys of cells take time.
        """
        pending = self._buffer.pending_keys()
        new: dict[str, int] = {}
        known: dict[str, int] = {}
        for index, encoding in zip(order.tolist(), map(tuple, actions[order].tolist()), strict=True):
            if len(new) == most:
                break
            key = self.space.key(encoding)
            (known if key in pending or self._buffer.is_known(key) else new).setdefault(key, index)
        return list(new.values()), list(known.values())

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
        config, trials = self.config, self._buffer.experience()
        if config.advantages == SOFT:  # a probability is compared with a rank: an encoding counts once
            trials = trials.latest()
        used, most = np.arange(len(trials.rewards)), config.steps * config.minibatch_size
        if len(used) > most:
            used = np.sort(rng.choice(used, size=most, replace=False))
        actions, sampled, _ = trials.take(used)
        current = self._log_probs_of(actions).sum(axis=1)
        if config.advantages == SOFT:
            scores = rank_scores(trials.rewards)[used]
            advantages = soft_advantages(scores, current, temperature=config.temperature)
        else:
            advantages = standardize(trials.rewards)[used]
        # The ratio to the policy that sampled a trial corrects for its age if proposals are plain samples. Selected
        # ones do not follow that policy; for them the clip bounds how far the K steps move the latest policy.
        old_log_probs = current if config.candidates else sampled
        return actions, old_log_probs, advantages

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
