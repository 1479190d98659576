"""PPO with a predictor: of many candidates, mostly the controller's samples, those predicted best are evaluated.

The controller learns as in `ppo/ppo.py`, from what was evaluated. Candidates are new encodings that it draws, and the
best known ones with one decision changed. Before each batch a Gaussian process is fitted to the window
(`predictors/gaussian_process.py`); a batch is what it holds for the best at its most optimistic, each proposal taking
account of those before it. Upper bounds are among the rules that White et al. 2021, BANANAS,
https://arxiv.org/abs/1910.11858, section 4, compare for architecture search.

Legend: `n` proposals, `N` candidates, `M` trials, `T` decisions, `F` features.
"""

import numpy as np

from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import config_or_default
from nas_keras.strategies.ppo.config import PPOPredictorConfig
from nas_keras.strategies.ppo.ppo import PPO
from nas_keras.strategies.predictors.gaussian_process import Posterior
from nas_keras.strategies.predictors.ridge import count_equal, rank_scores
from nas_keras.strategies.progressive.cell_growth import cell_features, count_nodes
from nas_keras.trial import Proposals

_MAX_FITTED = 512  # encodings, the latest; the time of a fit grows with their third power


class PPOPredictor(PPO):
    """PPO whose candidates are screened. Log-probs are the controller's; what the predictor did is not in them.

    Args:
        space: what is searched.
        config: settings.
        seed: of everything drawn.
    """

    def __init__(self, space: SearchSpace, config: PPOPredictorConfig | None = None, *, seed: int = 0):
        super().__init__(space, config_or_default(config, PPOPredictorConfig), seed=seed)
        self._has_cells = count_nodes(space) is not None

    def _choose(self, n: int, rng: np.random.Generator) -> Proposals:
        """At most n of the candidates, those predicted best; of what is drawn at first, none."""
        drawing = self._drawing
        if self._memory.num_keys < self.config.initial:
            return drawing.none
        candidates = drawing.candidates(rng)
        candidates = candidates[drawing.new_of(candidates, len(candidates))]
        if not len(candidates):  # a policy that has converged in a small space, or nothing new is left
            return drawing.none
        actions, _, rewards = self._memory.trials().latest()
        places = self._screen(n, candidates, actions[-_MAX_FITTED:], rewards[-_MAX_FITTED:])
        return drawing.proposals_of(candidates[places])

    def _screen(self, n: int, candidates: np.ndarray, actions: np.ndarray, rewards: np.ndarray) -> list[int]:
        """Places of at most n candidates [N, T], by what was brought by encodings [M, T]: rewards [M]."""
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

    def _describe(self, encodings: np.ndarray) -> np.ndarray:
        """Features [N, F] of encodings [N, T]; one without cells stands for its own, one-hot."""
        if not self._has_cells:
            return encodings
        operations = self.space.decisions[0].choices
        return np.array([cell_features(self.space.decode(encoding), operations) for encoding in encodings])

    def _share(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """phi(x) . phi(y), [N, M]."""
        return features @ others.T if self._has_cells else count_equal(features, others)

    def _own(self, features: np.ndarray) -> np.ndarray:
        """phi(x) . phi(x), [N]."""
        return np.sum(features**2, axis=1) if self._has_cells else np.full(len(features), features.shape[1])
