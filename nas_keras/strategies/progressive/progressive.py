"""Progressive search: a predictor learns from what was trained, and the best predicted of many candidates come next.

PNAS, Liu et al. 2018, https://arxiv.org/abs/1712.00559, Algorithm 1: cells are grown node by node; all of one node are
trained, and from then on the K best cells of b - 1 nodes are expanded by every possible node, the expansions are ranked
by the predictor, and the K best of them are trained. `progressive/cell_growth.py` grows cells; in a space without cells
the candidates are encodings near the best (`progressive/candidates.py`); `predictors/ridge.py` predicts.

Unlike the paper the predictor learns after each batch, so that a stage's later cells gain from its earlier ones, and
the search does not end with the last stage: any budget can be used.

Legend: `M` keys told, `N` candidates, `T` decisions, `F` features.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from nas_keras.errors import check_at_least, use_python_numbers
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, Strategy, config_or_default
from nas_keras.strategies.predictors.ridge import RidgeEnsemble, rank_scores
from nas_keras.strategies.progressive.candidates import Candidates, NearTheBest, Told
from nas_keras.strategies.progressive.cell_growth import CellGrowth, count_nodes
from nas_keras.trial import Proposals, Trial

_CHOOSE, _FOLDS = 7, 8  # purposes of the generators
_MAX_FITTED = 512  # keys, the latest; the time of a fit grows with their third power: for these it is 0.05 s


@dataclasses.dataclass(frozen=True)
class ProgressiveConfig:
    """Settings of progressive search.

    The paper's K is 256, for 1,160 evaluations of cells of five nodes. With 200 of cells of three nodes, 24 and 32
    found the best cell of each of 20 synthetic tables, 16 not always, and 48 later. A search comes to cells of n nodes
    after A + (n - 2) K evaluations, A the number of operations: choose a smaller K for many nodes.

    Attributes:
        beam: K, how many of the best are expanded, and are trained of each number of nodes but the first and the last.
            In a space without cells, how many of the best are changed in one decision.
        members: of the predictor's ensemble; 5 as in the paper.
        initial: in a space without cells, encodings drawn at random before anything is predicted.
        candidates: in a space without cells, encodings drawn to be ranked, for each batch.
    """

    beam: int = 32
    members: int = 5
    initial: int = 16
    candidates: int = 1_000

    def __post_init__(self):
        use_python_numbers(self)
        for name in ("beam", "members", "initial", "candidates"):
            check_at_least(name, getattr(self, name), 1, at_most=1_000_000)


class Progressive(Strategy):
    """Proposes the best predicted of the candidates, no key twice; the first k are the same however many are asked for.

    A batch may be smaller than asked for: cells of the next number of nodes wait for the last of this one.

    Args:
        space: what is searched.
        config: settings.
        seed: of what is drawn, the members' shares, and the order of equal predictions.
    """

    def __init__(self, space: SearchSpace, config: ProgressiveConfig | None = None, *, seed: int = 0):
        super().__init__(space, seed=seed)
        self.config = config = config_or_default(config, ProgressiveConfig)
        num_nodes = count_nodes(space)
        self._candidates: Candidates = (
            CellGrowth(space, num_nodes, beam=config.beam)
            if num_nodes
            else NearTheBest(space, beam=config.beam, count=config.candidates, initial=config.initial)
        )
        self._told: dict[str, Told] = {}  # by key, in the order told
        self._features: list[np.ndarray] = []  # of each, [F]
        self._open: collections.deque = collections.deque()  # keys of each batch that is asked and not told
        self._fitted: RidgeEnsemble | None = None  # to all told, once a prediction is asked for
        self._scale = 1.0  # d, see `predictors/ridge.py`

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _CHOOSE, iteration])
        taken = set(self._told).union(*self._open)
        chosen = self._candidates.choose(n, self._told, taken, self._predict, rng)
        self._open.append([key for key, _ in chosen])
        actions = np.array([actions for _, actions in chosen], np.int32)
        return Proposals(actions.reshape(-1, len(self.space.decisions)))

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        if self._open:
            self._open.popleft()  # all of it: what the budget dropped may be proposed again
        features = np.array([self._candidates.describe(trial.actions) for trial in trials])
        self.metrics = {**self._candidates.metrics, **self._check(features, [trial.reward for trial in trials])}
        for trial, row in zip(trials, features, strict=True):
            if trial.key not in self._told:
                self._told[trial.key] = Told(trial.actions, trial.reward)
                self._features.append(row)
        self._fitted = None

    def _check(self, features: np.ndarray, rewards: Sequence[float]) -> dict[str, float]:
        """Spearman's correlation of what was predicted of a batch, [m, F], with its rewards [m]; where there is one."""
        if len(rewards) < 2:
            return {}
        scores = [rank_scores(np.array(values)) for values in (self._predict(features), rewards)]
        if min(score.std() for score in scores) < 1e-9:
            return {}
        return {"rank_correlation": float(np.corrcoef(scores)[0, 1])}

    def _predict(self, features: np.ndarray) -> np.ndarray:
        """Rewards to expect, in normal scores: the mean over the ensemble, [N, F] -> [N]; 0 before any is told."""
        if not self._told:
            return np.zeros(len(features))
        fitted = np.array(self._features[-_MAX_FITTED:])  # [M, F]
        if self._fitted is None:
            shared = self._candidates.share(fitted, fitted)
            self._scale = max(float(np.diag(shared).mean()), 1.0)
            rewards = np.array([known.reward for known in self._told.values()])[-_MAX_FITTED:]
            self._fitted = RidgeEnsemble(
                shared / self._scale,
                rank_scores(rewards),
                members=self.config.members,
                rng=np.random.default_rng([self.seed, _FOLDS, self.num_told]),
            )
        return self._fitted.predict(self._candidates.share(features, fitted) / self._scale).mean(axis=1)

    def _state(self) -> State:
        return {
            "keys": list(self._told),
            "actions": np.array([known.actions for known in self._told.values()], np.int32),  # [M, T]
            "rewards": np.array([known.reward for known in self._told.values()]),  # [M]
            "open": [list(keys) for keys in self._open],
            **self._candidates.state(),
        }

    def _restore(self, state: State) -> None:
        actions, rewards = np.asarray(state["actions"]).tolist(), np.asarray(state["rewards"]).tolist()
        known = [Told(tuple(row), reward) for row, reward in zip(actions, rewards, strict=True)]
        self._told = dict(zip(state["keys"], known, strict=True))
        self._features = [self._candidates.describe(told.actions) for told in known]
        self._open = collections.deque(list(keys) for keys in state["open"])
        self._fitted = None
        self._candidates.restore(state)
