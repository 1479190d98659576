"""PPO with a predictor: of many samples of the policy, the ones that a Gaussian process predicts best are evaluated.

The controller learns as in `ppo/ppo.py`, and candidates are samples of its policy and nothing else. Before each batch a
Gaussian process is fitted to the replay buffer, and the batch consists of the new candidates with the highest upper
confidence bounds, each given the ones selected before it (`predictors/gaussian_process.py`). White et al. 2021,
BANANAS, https://arxiv.org/abs/1910.11858, section 4, compare upper confidence bounds with other rules for architecture
search.

Legend: `n` proposals, `C` candidates, of which `N` have new keys, `M` trials, `T` decisions, `F` features.
"""

import functools
from collections.abc import Callable

import numpy as np

from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.base import config_or_default
from nas_keras.strategies.ppo.config import PPOPredictorConfig
from nas_keras.strategies.ppo.ppo import PPO
from nas_keras.strategies.predictors.features import count_equal, count_nodes, graph_features
from nas_keras.strategies.predictors.gaussian_process import GaussianProcess
from nas_keras.strategies.ranks import rank_scores

_MAX_CACHED = 10_000  # encodings whose features are kept, since a policy samples the same ones again and again
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
        num_nodes = count_nodes(space)
        self._features_of: Callable[[Actions], np.ndarray] | None = None  # None: one-hot features
        if num_nodes is not None:
            operations = space.decisions[0].choices

            @functools.lru_cache(maxsize=_MAX_CACHED)
            def features_of(encoding: Actions) -> np.ndarray:
                return graph_features(space.decode(encoding), operations, num_nodes)

            self._features_of = features_of

    def _select(self, n: int, actions: np.ndarray, log_probs: np.ndarray, rng: np.random.Generator) -> list[int]:
        """Returns the indices of at most n candidates [C, T]: the best predicted new ones, then known ones."""
        if self._buffer.num_keys < self.config.initial:
            return super()._select(n, actions, log_probs, rng)
        new, known = self._split(self._order(actions, log_probs, rng), actions, most=len(actions))
        if not new:  # a policy that has converged in a small space, or a space with nothing new left
            return known[:n]
        fitted, _, rewards = self._buffer.experience().latest()
        best = self._select_indices(n, actions[new], fitted[-_MAX_FITTED:], rewards[-_MAX_FITTED:])
        return [*(new[i] for i in best), *known][:n]

    def _select_indices(self, n: int, candidates: np.ndarray, actions: np.ndarray, rewards: np.ndarray) -> list[int]:
        """Returns the indices of at most n candidates [N, T], given encodings [M, T] and their rewards [M]."""
        fitted, others = self._features(actions), self._features(candidates)
        process = GaussianProcess(self._similarities(fitted, fitted), rank_scores(rewards))
        return process.select(
            n,
            self._similarities(others, fitted),
            lambda i: self._similarities(others, others[i : i + 1])[:, 0],
            optimism=self.config.optimism,
        )

    def _features(self, encodings: np.ndarray) -> np.ndarray:
        """Returns features [N, F] of encodings [N, T]; an encoding without a cell represents its one-hot features."""
        if self._features_of is None:
            return encodings
        return np.array([self._features_of(encoding) for encoding in map(tuple, encodings.tolist())])

    def _similarities(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Returns s of features [N, F] and [M, F], [N, M]: 1 for equal ones, 0 for those that share nothing."""
        return count_equal(features, others) / features.shape[1] if self._features_of is None else features @ others.T
