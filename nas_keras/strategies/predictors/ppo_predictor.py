"""PPO with a predictor: of many candidates, the ones that a Gaussian process predicts best are evaluated.

The controller learns as in `ppo/ppo.py`. Candidates are new encodings, most of them samples of the controller and the
others the best known encodings with one decision changed. Before each batch a Gaussian process is fitted to the replay
buffer, and the batch consists of the candidates with the highest upper confidence bounds, each given the ones selected
before it (`predictors/gaussian_process.py`). White et al. 2021, BANANAS, https://arxiv.org/abs/1910.11858, section 4,
compare upper confidence bounds with other rules for architecture search.

Legend: `n` proposals, `N` candidates, `M` trials, `T` decisions, `F` features.
"""

import numpy as np

from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import config_or_default
from nas_keras.strategies.ppo.config import PPOPredictorConfig
from nas_keras.strategies.ppo.ppo import PPO
from nas_keras.strategies.predictors.features import cell_features, count_equal, count_nodes
from nas_keras.strategies.predictors.gaussian_process import Posterior
from nas_keras.strategies.ranks import rank_scores
from nas_keras.trial import Proposals

_MAX_FITTED = 512  # latest encodings; the time of a fit grows with the cube of their number


class PPOPredictor(PPO):
    """PPO whose candidates are selected by a predictor.

    Log-probabilities are the controller's; the selection is not part of them.

    Args:
        space: the space to search.
        config: settings.
        seed: seed of everything random.
    """

    def __init__(self, space: SearchSpace, config: PPOPredictorConfig | None = None, *, seed: int = 0):
        super().__init__(space, config_or_default(config, PPOPredictorConfig), seed=seed)
        self._has_cells = count_nodes(space) is not None

    def _select(self, n: int, rng: np.random.Generator) -> Proposals:
        """Returns at most n candidates, the best predicted ones; none until `initial` keys have been observed."""
        sampler = self._sampler
        if self._buffer.num_keys < self.config.initial:
            return sampler.none
        candidates = sampler.candidates(rng)
        candidates = candidates[sampler.find_new(candidates, len(candidates))]
        if not len(candidates):  # a policy that has converged in a small space, or a space with nothing new left
            return sampler.none
        actions, _, rewards = self._buffer.experience().latest()
        indices = self._select_indices(n, candidates, actions[-_MAX_FITTED:], rewards[-_MAX_FITTED:])
        return sampler.with_log_probs(candidates[indices])

    def _select_indices(self, n: int, candidates: np.ndarray, actions: np.ndarray, rewards: np.ndarray) -> list[int]:
        """Returns the indices of at most n candidates [N, T], given encodings [M, T] and their rewards [M]."""
        fitted, others = self._features(actions), self._features(candidates)
        products = self._inner_products(fitted, fitted)
        scale = max(float(np.diag(products).mean()), 1.0)
        posterior = Posterior(products / scale, rank_scores(rewards))
        return posterior.select(
            n,
            self._inner_products(others, fitted) / scale,
            self._squared_norms(others) / scale,
            lambda i: self._inner_products(others, others[i : i + 1])[:, 0] / scale,
            optimism=self.config.optimism,
        )

    def _features(self, encodings: np.ndarray) -> np.ndarray:
        """Returns features [N, F] of encodings [N, T]; an encoding without a cell represents its one-hot features."""
        if not self._has_cells:
            return encodings
        operations = self.space.decisions[0].choices
        return np.array([cell_features(self.space.decode(encoding), operations) for encoding in encodings])

    def _inner_products(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Returns phi(x) . phi(y) of features [N, F] and [M, F]: [N, M]."""
        return features @ others.T if self._has_cells else count_equal(features, others)

    def _squared_norms(self, features: np.ndarray) -> np.ndarray:
        """Returns phi(x) . phi(x), [N]."""
        return np.sum(features**2, axis=1) if self._has_cells else np.full(len(features), features.shape[1])
