"""PPO with a predictor: of many candidates, mostly the controller's samples, those predicted best are evaluated.

The controller learns as in `ppo.py`, from what was evaluated. Candidates are new strings that it draws, and the best
known ones with one decision changed. Before each batch a Gaussian process is fitted to the window (`posterior.py`); a
batch is what it holds for the best at its most optimistic, each proposal taking account of those before it. Upper
bounds are among the rules that White et al. 2021, BANANAS, https://arxiv.org/abs/1910.11858, section 4, compare for
architecture search.

Legend: `n` proposals, `N` candidates, `M` trials, `T` decisions, `F` features.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras.search_space import Actions, SearchSpace
from nas_keras.strategies.base import finite_rewards
from nas_keras.strategies.cell_growth import cell_features, count_nodes
from nas_keras.strategies.posterior import Posterior
from nas_keras.strategies.ppo import PPO
from nas_keras.strategies.ppo_config import PPOPredictorConfig
from nas_keras.strategies.predictor import count_equal, rank_scores
from nas_keras.trial import Proposals

_MAX_FITTED = 512  # strings, the latest; the time of a fit grows with their third power


class PPOPredictor(PPO):
    """PPO whose candidates are screened. Log-probs are the controller's; what the predictor did is not in them.

    Args:
        space: what is searched.
        config: settings.
        seed: of everything drawn.
    """

    def __init__(self, space: SearchSpace, config: PPOPredictorConfig | None = None, *, seed: int = 0):
        super().__init__(space, config or PPOPredictorConfig(), seed=seed)
        self._has_cells = count_nodes(space) is not None

    def _draw(self, n: int, rng: np.random.Generator) -> Proposals:
        """n of the best predicted; what candidates do not suffice for is drawn as by PPO."""
        actions, _, rewards = self._memory.trials().latest()
        if self._memory.num_keys < self.config.initial or np.isnan(rewards).all():
            return self._draw_new(n, [], rng)
        actions, rewards = actions[-_MAX_FITTED:], rewards[-_MAX_FITTED:]
        candidates = self._candidates(actions, rewards, rng)
        if not candidates:  # a policy that has converged in a small space, or nothing new is left
            return self._draw_new(n, [], rng)
        chosen = [candidates[i] for i in self._screen(n, candidates, actions, rewards)]
        drawn = np.array(chosen, np.int32).reshape(-1, len(self.space.decisions))
        proposals = Proposals(drawn, self._log_probs_of(drawn))
        if len(chosen) == n:
            return proposals
        rest = self._draw_new(n - len(chosen), chosen, rng)
        return Proposals(*(np.concatenate(parts) for parts in zip(proposals, rest, strict=True)))

    def _candidates(self, actions: np.ndarray, rewards: np.ndarray, rng: np.random.Generator) -> list[Actions]:
        """New strings of different keys: samples of the controller, and neighbours of the best of strings [M, T]."""
        best = actions[np.argsort(-finite_rewards(rewards), kind="stable")[: self.config.beam]]
        near = best[rng.integers(len(best), size=self.config.near)]
        mutable = np.flatnonzero(np.array(self.space.num_choices) > 1)
        if len(mutable) and len(near):
            t = mutable[rng.integers(len(mutable), size=len(near))]
            rows = np.arange(len(near))
            choices = rng.integers(np.array(self.space.num_choices)[t] - 1)  # of the others: the rest moves up by one
            near[rows, t] = choices + (choices >= near[rows, t])
        sampled = self._sample(self.config.samples, rng).actions
        asked, told = self._memory.known_keys()
        found: dict[str, Actions] = {}
        for string in dict.fromkeys(map(tuple, np.concatenate([sampled, near]).tolist())):
            key = self.space.key(string)
            if key not in asked and key not in told:
                found.setdefault(key, string)
        return list(found.values())

    def _screen(self, n: int, candidates: list[Actions], actions: np.ndarray, rewards: np.ndarray) -> list[int]:
        """Places of at most n candidates, by what was brought by strings [M, T]: rewards [M]."""
        fitted, others = self._describe(actions), self._describe(candidates)
        shared = self._share(fitted, fitted)
        scale = max(float(np.diag(shared).mean()), 1.0)
        posterior = Posterior(shared / scale, rank_scores(rewards))
        return posterior.choose(
            n,
            self._share(others, fitted) / scale,
            self._own(others) / scale,
            lambda place: self._share(others, others[place : place + 1])[:, 0] / scale,
            optimism=self.config.optimism,
        )

    def _describe(self, strings: Sequence[Sequence[int]]) -> np.ndarray:
        """Features [N, F]; a string without cells stands for its own, one-hot."""
        if not self._has_cells:
            return np.array(strings, np.int32).reshape(-1, len(self.space.decisions))
        operations = self.space.decisions[0].choices
        return np.array([cell_features(self.space.decode(string), operations) for string in strings])

    def _share(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """phi(x) . phi(y), [N, M]."""
        return features @ others.T if self._has_cells else count_equal(features, others)

    def _own(self, features: np.ndarray) -> np.ndarray:
        """phi(x) . phi(x), [N]."""
        return np.sum(features**2, axis=1) if self._has_cells else np.full(len(features), features.shape[1])
