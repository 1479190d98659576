"""How a controller's encodings become proposals: chosen from many candidates, or drawn one after the other.

Candidates are samples of the policy, most of them near the best encodings known, and those encodings with one decision
changed. n of them that are new are drawn without replacement, a with a probability proportional to pi(a)^s: the
policy, sharpened, as far as the candidates go (Gumbel top-n, Kool et al. 2019, https://arxiv.org/abs/1903.06059,
section 3). So a whole encoding counts, not each decision by what stands before it; and a policy that is still broad
proposes what it holds for the best. A candidate with a choice that was never tried, of which the policy knows nothing,
counts for more.

What candidates do not suffice for is drawn one after the other, with exact probabilities (`ppo/sampling.py`).

Legend: `n` proposals, `N` candidates, `T` decisions, `A` the largest number of choices.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nas_keras.controller.controller import Controller, mix
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.mutation import mutate
from nas_keras.strategies.ppo import advantages
from nas_keras.strategies.ppo.config import PPOConfig
from nas_keras.strategies.ppo.replay_buffer import Memory, Remembered
from nas_keras.strategies.ppo.sampling import FEWEST, Draw, begin_with, draw_new
from nas_keras.trial import Proposals

# Known encodings whose probabilities are taken into account: the latest. It bounds what a proposal costs; which ones
# are proposed does not depend on it, only the log-probs kept with them.
_EXACT = 512


class Drawing:
    """Draws proposals from a policy.

    Args:
        space: what is searched.
        controller: the policy.
        memory: what was told and asked.
        config: settings.
        log_probs_of: of encodings [N, T] under the present policy, [N, T].

    Attributes:
        none: no proposals, [0, T].
    """

    def __init__(
        self,
        space: SearchSpace,
        controller: Controller,
        memory: Memory,
        config: PPOConfig,
        log_probs_of: Callable[[np.ndarray], np.ndarray],
    ):
        self._space, self._controller, self._memory, self._config = space, controller, memory, config
        self._log_probs_of = log_probs_of
        self.none = Proposals(
            np.zeros((0, len(space.decisions)), np.int32), np.zeros((0, len(space.decisions)), np.float32)
        )
        self._kept = max(0.0, 1 - config.redrawn / len(space.decisions))  # share of decisions that are as in the best

    def sample(
        self, n: int, rng: np.random.Generator, share: float | np.ndarray = 0.0, other: np.ndarray | None = None
    ) -> Proposals:
        """n samples of the policy, or of it with a share of the decisions drawn from another distribution [T, A]."""
        seed = rng.integers(2**31, size=2).astype(np.int32)
        actions, log_probs = self._controller.sample(n, seed, share, other)
        return Proposals(actions.numpy(), log_probs.numpy())

    def choose(self, n: int, rng: np.random.Generator) -> Proposals:
        """At most n candidates with keys that are new; none before a reward is known."""
        candidates = self.candidates(rng)
        if not len(candidates):
            return self.none
        log_probs = self._log_probs_of(candidates)
        scores = log_probs.sum(axis=1, dtype=np.float64) + self._config.untried * self._have_untried(candidates)
        order = np.argsort(-(self._config.sharpness * scores + rng.gumbel(size=len(scores))))
        places = order[self.new_of(candidates[order], n)]
        return Proposals(candidates[places], log_probs[places])

    def candidates(self, rng: np.random.Generator) -> np.ndarray:
        """Different encodings int32 [N, T], known ones among them; none before a reward is known."""
        config, best = self._config, self._best()
        count = config.candidates
        if not count or not len(best.rewards):
            return self.none.actions
        anchor = advantages.anchor(best.actions, best.rewards, widest=self._controller.even.shape[1])
        num_anchored = round(config.anchored * count)
        share = np.repeat([self._kept, 0.0], [num_anchored, count - num_anchored])
        sampled = self.sample(count, rng, share, anchor).actions
        beam = best.actions[: config.beam]
        near = mutate(beam[rng.integers(len(beam), size=config.near)], self._space.num_choices, rng)
        encodings = dict.fromkeys(map(tuple, np.concatenate([sampled, near]).tolist()))
        return np.array(list(encodings), np.int32)

    def new_of(self, encodings: np.ndarray, most: int) -> list[int]:
        """Places of the first `most` of encodings [N, T] whose keys are neither known nor those of one before."""
        asked, told = self._memory.known_keys()
        found: dict[str, int] = {}
        for place, encoding in enumerate(map(tuple, encodings.tolist())):
            if len(found) == most:
                break
            key = self._space.key(encoding)
            if key not in asked and key not in told:
                found.setdefault(key, place)
        return list(found.values())

    def proposals_of(self, encodings: np.ndarray) -> Proposals:
        """Encodings [N, T] with the policy's own log-probs."""
        return Proposals(encodings, self._log_probs_of(encodings))

    def complete(self, n: int, chosen: Proposals, rng: np.random.Generator) -> Proposals:
        """Those chosen and, if they are fewer than n, others of the policy, new ones as far as there are any."""
        missing = n - len(chosen.actions)
        if not missing:
            return chosen
        drawn = [tuple(row) for row in chosen.actions.tolist()]
        others = self._draw_new(missing, drawn, rng) if self._config.new_rounds else self.sample(missing, rng)
        return _join([chosen, others])

    def _have_untried(self, encodings: np.ndarray) -> np.ndarray:
        """Whether encodings [N, T] have a choice that no trial remembered has, [N]."""
        decisions = np.arange(encodings.shape[1])
        is_tried = np.zeros(self._controller.even.shape, bool)  # [T, A]
        is_tried[decisions, self._memory.trials().actions] = True
        return ~is_tried[decisions, encodings].all(axis=1)

    def _best(self) -> Remembered:
        """The trials of different encodings that succeeded, best first."""
        trials = self._memory.trials().latest()
        order = np.argsort(-trials.rewards, kind="stable")  # NaN comes last
        return trials.take(order[~np.isnan(trials.rewards[order])])

    def _draw_new(self, n: int, drawn: Sequence[Actions], rng: np.random.Generator) -> Proposals:
        """n new encodings of the policy, none of `drawn`; if it has no more, of it with changes; and then repeats."""
        known = [*drawn, *self._memory.latest_encodings(_EXACT)]
        asked, told = self._memory.known_keys()
        asked.update(map(self._space.key, drawn))
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
                    space=self._space,
                    known=known,
                    keys=(asked, told),
                    rounds=self._config.new_rounds,
                )
            )
            encodings = [tuple(row) for row in found[-1].actions.tolist()]
            known += encodings
            asked.update(map(self._space.key, encodings))
        missing = n - sum(len(part.actions) for part in found)
        if missing:
            found.append(self.sample(missing, rng))
        return _join(found)

    def _ways(self, n: int, rng: np.random.Generator) -> Iterator[tuple[int, Draw, float, np.ndarray]]:
        """How to draw, way after way, each until there are so many encodings; with `share` and `other` of `sample`."""
        even = self._controller.even
        kept = self._kept
        draw_plain: Draw = functools.partial(self.sample, rng=rng)
        best = self._best() if self._config.anchored and kept else None
        anchor = best and advantages.anchor(best.actions, best.rewards, widest=even.shape[1])
        if anchor is not None:
            # The first samples of both ways at once: a call costs the same.
            first = self.sample(2 * FEWEST, rng, np.repeat([kept, 0], FEWEST), anchor)
            parts = [Proposals(*(part[half] for part in first)) for half in (slice(FEWEST), slice(FEWEST, None))]
            draw_anchored = functools.partial(self.sample, rng=rng, share=kept, other=anchor)
            yield round(self._config.anchored * n), begin_with(parts[0], draw_anchored), kept, anchor
            draw_plain = begin_with(parts[1], draw_plain)
        yield n, draw_plain, 0.0, even
        # A policy that has converged has nothing new to give; the same one with some decisions drawn uniformly has.
        if self._config.explore:
            share = min(1.0, self._config.explore / len(self._space.decisions))
            yield n, functools.partial(self.sample, rng=rng, share=share), share, even


def _join(parts: Sequence[Proposals]) -> Proposals:
    return Proposals(*(np.concatenate(part) for part in zip(*parts, strict=True)))
