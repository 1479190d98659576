"""PPO: the paper's strategy. After each batch, K steps of SGD on the clipped loss, with mini-batches drawn from D.

The loss is TF-Agents' own (`PPOClipAgent`). Seen from there, a whole string is one action vector [T] of one step, and
the reward is terminal; the observation is the string too, since the LSTM is fed the actions before each decision.

    L(theta) = -E[min(r A, clip(r, 1 - eps, 1 + eps) A)] - c H,   r = pi_theta(a) / pi_old(a)

Schulman et al. 2017, https://arxiv.org/abs/1707.06347, equations 7 and 9 without the value term. What is drawn
(`new_strings.py`), what A and pi_old are, and which trials of the window are learned from (`shaping.py`) are settings.

Legend: `M` trials learned from, `m` in a mini-batch, `K` steps, `T` decisions.
"""

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from nas_keras import _keras
from nas_keras.controller import mix
from nas_keras.search_space import Actions, SearchSpace
from nas_keras.strategies import shaping
from nas_keras.strategies.base import State
from nas_keras.strategies.learner import ControllerStrategy
from nas_keras.strategies.memory import Memory
from nas_keras.strategies.new_strings import FEWEST, Draw, begin_with, cover, draw_new
from nas_keras.strategies.ppo_config import PPOConfig
from nas_keras.strategies.ppo_loss import PPOLoss
from nas_keras.strategies.shaping import advantages as advantages
from nas_keras.trial import Proposals, Trial

tf = _keras.load_tensorflow()

_SAMPLE, _SHUFFLE = 3, 4  # purposes of the generators
# Known strings whose probabilities are taken into account: the latest. It bounds what a proposal costs; which strings
# are proposed does not depend on it, only the log-probs kept with them.
_EXACT = 512


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
        self._memory = Memory(space, window=config.window, elite=config.elite)

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _SAMPLE, iteration])
        if iteration < self.config.design:
            proposals = cover(n, self.space, rng)
        else:
            proposals = self._draw(n, rng) if self.config.new_rounds else self._sample(n, rng)
        self._memory.ask(proposals.actions)
        return proposals

    def _draw(self, n: int, rng: np.random.Generator) -> Proposals:
        """n strings that are new, as far as there are any."""
        return self._draw_new(n, [], rng)

    def _draw_new(self, n: int, drawn: Sequence[Actions], rng: np.random.Generator) -> Proposals:
        """n new strings of the policy, none of `drawn`; if it has no more, of it with changes; and then repeats."""
        known = [*drawn, *self._memory.latest_strings(_EXACT)]
        asked, told = self._memory.known_keys()
        asked.update(map(self.space.key, drawn))
        parts: list[np.ndarray] = []  # log-probs of `known` under the policy, which every way needs

        def known_log_probs(share: float, other: np.ndarray) -> np.ndarray:
            done = sum(map(len, parts))
            if done < len(known):
                parts.append(self._log_probs_of(np.array(known[done:], np.int32)))
            return mix(np.concatenate(parts), np.array(known), share, other)

        found: list[Proposals] = []
        for count, draw, share, other in self._ways(n, rng):
            missing = count - sum(len(part.actions) for part in found)
            if missing <= 0:
                continue
            found.append(
                draw_new(
                    missing,
                    draw,
                    functools.partial(known_log_probs, share, other),
                    space=self.space,
                    known=known,
                    keys=(asked, told),
                    rounds=self.config.new_rounds,
                )
            )
            strings = [tuple(row) for row in found[-1].actions.tolist()]
            known += strings
            asked.update(map(self.space.key, strings))
        missing = n - sum(len(part.actions) for part in found)
        if missing:
            found.append(self._sample(missing, rng))
        return Proposals(*(np.concatenate(part) for part in zip(*found, strict=True)))

    def _ways(self, n: int, rng: np.random.Generator) -> Iterator[tuple[int, Draw, float, np.ndarray]]:
        """How to draw, way after way, each until there are so many strings; with `share` and `other` of `_sample`."""
        even = self.controller.even
        per_decision = 1 / len(self.space.decisions)
        kept = max(0.0, 1 - self.config.redrawn * per_decision)
        draw_plain: Draw = functools.partial(self._sample, rng=rng)
        trials = self._memory.trials().latest() if self.config.anchored and kept else None
        anchor = trials and shaping.anchor(trials.actions, trials.rewards, widest=even.shape[1])
        if anchor is not None:
            # The first samples of both ways at once: a call costs the same.
            first = self._sample(2 * FEWEST, rng, np.repeat([kept, 0], FEWEST), anchor)
            parts = [Proposals(*(part[half] for part in first)) for half in (slice(FEWEST), slice(FEWEST, None))]
            draw_anchored = functools.partial(self._sample, rng=rng, share=kept, other=anchor)
            yield round(self.config.anchored * n), begin_with(parts[0], draw_anchored), kept, anchor
            draw_plain = begin_with(parts[1], draw_plain)
        yield n, draw_plain, 0.0, even
        # A policy that has converged has nothing new to give; the same one with some decisions drawn uniformly has.
        if self.config.explore:
            share = min(1.0, self.config.explore * per_decision)
            yield n, functools.partial(self._sample, rng=rng, share=share), share, even

    def _sample(
        self, n: int, rng: np.random.Generator, share: float | np.ndarray = 0.0, other: np.ndarray | None = None
    ) -> Proposals:
        """n strings of the policy as it is, or with a share of the decisions drawn from another distribution [T, A]."""
        actions, log_probs = self.controller.sample(n, rng.integers(2**31, size=2).astype(np.int32), share, other)
        return Proposals(actions.numpy(), log_probs.numpy())

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        self._memory.tell(trials)
        actions, log_probs, weights = self._lessons()
        minibatches = draw_minibatches(
            len(weights),
            steps=self.config.steps,
            size=self.config.minibatch_size,
            rng=np.random.default_rng([self.seed, _SHUFFLE, iteration]),
        )
        metrics = self._update(
            tf.constant(actions), tf.constant(log_probs), tf.constant(weights), tf.constant(minibatches)
        )
        self.metrics = {name: float(value) for name, value in metrics.items()}

    def _lessons(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What to learn from: actions [M, T], log pi_old [M], advantages [M]."""
        config = self.config
        trials, batch = self._memory.trials(), self._memory.batch_size
        num_keys = self.space.num_keys or self.space.size
        is_settling = config.elite and 2 * self._memory.num_keys > num_keys
        if is_settling:  # little is left to look for: of the latest batch and the best of all, settle on the best
            trials = trials.take(shaping.choose_trials(trials.rewards, batch=batch, elite=1))
            weights = advantages(trials.rewards)
        else:
            if config.elite:  # a string that was told twice is no better for it: its latest trial counts
                trials = trials.latest()
            chosen = shaping.choose_trials(trials.rewards, batch=batch, elite=config.elite)
            weights = shaping.ADVANTAGES[config.advantages](trials.rewards)[chosen]
            trials = trials.take(chosen)
        actions, log_probs = trials.actions, trials.log_probs
        if config.reference == shaping.LATEST:
            log_probs = self._log_probs_of(actions).sum(axis=1)
        uniform = -float(np.log(self.space.num_choices).sum())
        log_probs = shaping.bound_references(
            log_probs,
            weights,
            clip=config.clip,
            floor=uniform - config.floor if config.floor else -np.inf,
            ceiling=float(np.log(config.ceiling)) if config.ceiling and not is_settling else np.inf,
        )
        return actions, log_probs, weights

    def _log_probs_of(self, actions: np.ndarray) -> np.ndarray:
        """Log-probs [N, T] of strings [N, T] under the present policy."""
        return self._log_probs(tf.constant(actions)).numpy()

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def _log_probs(self, actions):
        return self.controller.log_probs(tf.ensure_shape(actions, [None, len(self.space.decisions)]))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
        ]
    )
    def _update(self, actions, old_log_probs, weights, minibatches):
        """K steps of SGD: actions [M, T], log-probs and advantages [M], indices of mini-batches [K, m]."""
        actions = tf.ensure_shape(actions, [None, len(self.space.decisions)])
        minibatches = tf.ensure_shape(minibatches, [self.config.steps, self.config.minibatch_size])
        totals = {name: tf.constant(0.0) for name in PPOLoss.METRICS}
        for k in tf.range(self.config.steps):
            batch = minibatches[k]  # [m]
            metrics = self._loss.step(
                self._distribution,
                tf.gather(actions, batch),
                tf.gather(old_log_probs, batch),
                tf.gather(weights, batch),
            )
            totals = {name: totals[name] + metrics[name] for name in PPOLoss.METRICS}
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
