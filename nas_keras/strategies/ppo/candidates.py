"""Proposals from a controller: selected from many candidates, or sampled one after the other.

Candidates are samples of the policy, most of them near the best known encodings, and those encodings with one decision
mutated. Of the new ones, n are selected without replacement, a with probability proportional to pi(a)^s: the policy,
sharpened and restricted to the candidates (Gumbel top-n, Kool et al. 2019, https://arxiv.org/abs/1903.06059, section
3). The selection weighs whole encodings, not one decision at a time, so a policy that is still broad proposes what it
prefers. A candidate with a choice that was never tried, of which the policy knows nothing, gets a bonus.

If there are fewer than n candidates, the missing proposals are sampled one after the other, with exact probabilities
(`ppo/sampling.py`).

Legend: `n` proposals, `C` candidates, `T` decisions, `N` the largest number of choices.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.controller.controller import Controller, mixture_log_probs
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.mutation import mutate
from nas_keras.strategies.ppo.advantages import elite_marginals
from nas_keras.strategies.ppo.config import PPOConfig
from nas_keras.strategies.ppo.replay_buffer import Experience, ReplayBuffer
from nas_keras.strategies.ppo.sampling import FIRST_ROUND, Sampler, prepend_samples, sample_without_replacement
from nas_keras.trial import Proposals

# Number of latest encodings that sampling without replacement excludes exactly. It bounds the cost of a proposal, and
# affects only the log-probs of proposals, not the proposals.
_MAX_EXCLUDED = 512


class ProposalSampler:
    """Makes proposals from a policy.

    Args:
        space: the space to search.
        controller: the policy.
        buffer: the trials observed and the proposals pending.
        config: settings.
        log_probs_of: encodings [C, T] -> their log-probs under the current policy, [C, T].

    Attributes:
        none: no proposals, [0, T].
    """

    def __init__(
        self,
        space: SearchSpace,
        controller: Controller,
        buffer: ReplayBuffer,
        config: PPOConfig,
        log_probs_of: Callable[[np.ndarray], np.ndarray],
    ):
        self._space, self._controller, self._buffer, self._config = space, controller, buffer, config
        self._log_probs_of = log_probs_of
        self.none = Proposals(
            np.zeros((0, len(space.decisions)), np.int32), np.zeros((0, len(space.decisions)), np.float32)
        )
        # Probability with which a decision of an anchored encoding is one of the best encodings'.
        self._anchor_prob = max(0.0, 1 - config.redrawn / len(space.decisions))

    def sample(
        self,
        n: int,
        rng: np.random.Generator,
        mix_prob: float | np.ndarray = 0.0,
        other_probs: np.ndarray | None = None,
    ) -> Proposals:
        """Samples n encodings from the policy or a mixture, see `Controller.sample`; they may repeat."""
        seed = rng.integers(2**31, size=2).astype(np.int32)
        actions, log_probs = self._controller.sample(n, seed, mix_prob, other_probs)
        return Proposals(actions.numpy(), log_probs.numpy())

    def select(self, n: int, rng: np.random.Generator) -> Proposals:
        """Selects at most n candidates with new keys; none before a trial has succeeded."""
        candidates = self.candidates(rng)
        if not len(candidates):
            return self.none
        log_probs = self._log_probs_of(candidates)
        scores = log_probs.sum(axis=1, dtype=np.float64) + self._config.untried * self._have_untried(candidates)
        order = np.argsort(-(self._config.sharpness * scores + rng.gumbel(size=len(scores))))
        selected = order[self.find_new(candidates[order], n)]
        return Proposals(candidates[selected], log_probs[selected])

    def candidates(self, rng: np.random.Generator) -> np.ndarray:
        """Returns different encodings, known ones among them, int32 [C, T]; none before a trial has succeeded."""
        config, best = self._config, self._best()
        count = config.candidates
        if not count or not len(best.rewards):
            return self.none.actions
        marginals = elite_marginals(best.actions, best.rewards, widest=self._controller.uniform_probs.shape[1])
        num_anchored = round(config.anchored * count)
        mix_prob = np.repeat([self._anchor_prob, 0.0], [num_anchored, count - num_anchored])
        sampled = self.sample(count, rng, mix_prob, marginals).actions
        beam = best.actions[: config.beam]
        near = mutate(beam[rng.integers(len(beam), size=config.near)], self._space.num_choices, rng)
        encodings = dict.fromkeys(map(tuple, np.concatenate([sampled, near]).tolist()))
        return np.array(list(encodings), np.int32)

    def find_new(self, encodings: np.ndarray, most: int) -> list[int]:
        """Returns the indices of the first `most` of encodings [C, T] whose keys are neither known nor repeated."""
        pending, observed = self._buffer.known_keys()
        found: dict[str, int] = {}
        for index, encoding in enumerate(map(tuple, encodings.tolist())):
            if len(found) == most:
                break
            key = self._space.key(encoding)
            if key not in pending and key not in observed:
                found.setdefault(key, index)
        return list(found.values())

    def with_log_probs(self, encodings: np.ndarray) -> Proposals:
        """Returns encodings [C, T] with their log-probs under the current policy."""
        return Proposals(encodings, self._log_probs_of(encodings))

    def complete(self, n: int, selected: Proposals, rng: np.random.Generator) -> Proposals:
        """Returns `selected`, filled up to n with other samples of the policy, new ones as long as there are any."""
        missing = n - len(selected.actions)
        if not missing:
            return selected
        if not self._config.new_rounds:
            return _concatenate([selected, self.sample(missing, rng)])
        encodings = [tuple(row) for row in selected.actions.tolist()]
        return _concatenate([selected, self._sample_new(missing, encodings, rng)])

    def _have_untried(self, encodings: np.ndarray) -> np.ndarray:
        """Returns whether encodings [C, T] have a choice that no trial in the replay buffer has, bool [C]."""
        decisions = np.arange(encodings.shape[1])
        is_tried = np.zeros(self._controller.uniform_probs.shape, bool)  # [T, N]
        is_tried[decisions, self._buffer.experience().actions] = True
        return ~is_tried[decisions, encodings].all(axis=1)

    def _best(self) -> Experience:
        """Returns the latest successful trial of each encoding, best first."""
        trials = self._buffer.experience().latest()
        order = np.argsort(-trials.rewards, kind="stable")  # NaN comes last
        return trials.take(order[~np.isnan(trials.rewards[order])])

    def _sample_new(self, n: int, selected: Sequence[Actions], rng: np.random.Generator) -> Proposals:
        """Samples n new encodings, none of `selected`, from one mixture after the other; then repeats, if need be."""
        known = [*selected, *self._buffer.latest_encodings(_MAX_EXCLUDED)]
        pending, observed = self._buffer.known_keys()
        pending.update(map(self._space.key, selected))
        parts: list[np.ndarray] = []  # log-probs of `known` under the policy, which every mixture needs

        def known_log_probs(mix_prob: float, other_probs: np.ndarray) -> np.ndarray:
            done = sum(map(len, parts))
            if done < len(known):
                parts.append(self._log_probs_of(np.array(known[done:], np.int32)))
            return mixture_log_probs(np.concatenate(parts), np.array(known), mix_prob, other_probs)

        found: list[Proposals] = []
        for mixture in self._mixtures(n, rng):
            missing = mixture.until - sum(len(part.actions) for part in found)
            if missing <= 0:
                continue
            found.append(
                sample_without_replacement(
                    missing,
                    mixture.sample,
                    functools.partial(known_log_probs, mixture.mix_prob, mixture.other_probs),
                    space=self._space,
                    known=known,
                    keys=(pending, observed),
                    rounds=self._config.new_rounds,
                )
            )
            encodings = [tuple(row) for row in found[-1].actions.tolist()]
            known += encodings
            pending.update(map(self._space.key, encodings))
        missing = n - sum(len(part.actions) for part in found)
        if missing:
            found.append(self.sample(missing, rng))
        return _concatenate(found)

    def _mixtures(self, n: int, rng: np.random.Generator) -> Iterator["_Mixture"]:
        """Yields the mixtures to sample from: near the best encodings, the policy itself, and nearer to uniform."""
        uniform, anchor_prob = self._controller.uniform_probs, self._anchor_prob
        sample_policy: Sampler = functools.partial(self.sample, rng=rng)
        best = self._best() if self._config.anchored and anchor_prob else None
        marginals = best and elite_marginals(best.actions, best.rewards, widest=uniform.shape[1])
        if marginals is not None:
            # The first samples of both mixtures come from one call, which costs the same as a call for either.
            first = self.sample(2 * FIRST_ROUND, rng, np.repeat([anchor_prob, 0], FIRST_ROUND), marginals)
            halves = slice(FIRST_ROUND), slice(FIRST_ROUND, None)
            anchored, plain = (Proposals(*(np.asarray(part)[half] for part in first)) for half in halves)
            sample_anchored = functools.partial(self.sample, rng=rng, mix_prob=anchor_prob, other_probs=marginals)
            until = round(self._config.anchored * n)
            yield _Mixture(until, prepend_samples(anchored, sample_anchored), anchor_prob, marginals)
            sample_policy = prepend_samples(plain, sample_policy)
        yield _Mixture(n, sample_policy, 0.0, uniform)
        # A policy that has converged has nothing new to give; with some decisions sampled uniformly it has.
        if self._config.explore:
            mix_prob = min(1.0, self._config.explore / len(self._space.decisions))
            yield _Mixture(n, functools.partial(self.sample, rng=rng, mix_prob=mix_prob), mix_prob, uniform)


class _Mixture(NamedTuple):
    """A mixture to sample from.

    Attributes:
        until: number of new encodings, all mixtures together, up to which this one is used.
        sample: its sampler.
        mix_prob, other_probs: see `Controller.sample`.
    """

    until: int
    sample: Sampler
    mix_prob: float
    other_probs: np.ndarray


def _concatenate(parts: Sequence[Proposals]) -> Proposals:
    return Proposals(*(np.concatenate(part) for part in zip(*parts, strict=True)))
