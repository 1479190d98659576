"""Progressive search: a predictor ranks many candidates, and the best of them are evaluated next.

PNAS (Liu et al. 2018, https://arxiv.org/abs/1712.00559, Algorithm 1) grows cells node by node. It evaluates all cells
of one node; then, for b = 2, 3, ..., it expands the K best cells of b - 1 nodes by every possible node, ranks the
expansions with a predictor, and evaluates the K best. `progressive/cell_growth.py` grows the cells,
`progressive/near_the_best.py` finds candidates in a space without cells, and `predictors/ridge.py` predicts.

There are two differences from the paper. The predictor is fitted after each batch, so that a stage's later cells gain
from its earlier ones. And the search does not end with the last stage, so that any budget can be used.

Legend: `M` observed keys, `N` candidates, `T` decisions, `F` features.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from nas_keras.errors import check_at_least, use_python_numbers
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, Strategy, config_or_default
from nas_keras.strategies.predictors.features import count_nodes
from nas_keras.strategies.predictors.ridge import BaggedRidge
from nas_keras.strategies.progressive.candidates import Candidates, Observed
from nas_keras.strategies.progressive.cell_growth import CellGrowth
from nas_keras.strategies.progressive.near_the_best import NearTheBest
from nas_keras.strategies.ranks import rank_scores
from nas_keras.trial import Proposals, Trial

_PROPOSE, _FOLDS = 7, 8  # purposes of the random generators
_MAX_FITTED = 512  # latest keys; the time of a fit grows with the cube of their number and is 0.05 s for these


@dataclasses.dataclass(frozen=True)
class ProgressiveConfig:
    """Settings of progressive search.

    The paper's K is 256, for 1,160 evaluations of cells of five nodes. With 200 evaluations of cells of three nodes,
    K = 24 and 32 found the best cell of each of 20 synthetic tables, 16 did not always, and 48 found it later. A search
    reaches cells of n nodes after A + (n - 2) K evaluations, where A is the number of operations, so choose a smaller K
    for many nodes.

    Attributes:
        beam: K, the number of best cells that are expanded, and the number of cells evaluated for each number of nodes
            but the first and the last. In a space without cells, the number of best encodings that are mutated.
        members: size of the predictor's ensemble; 5 as in the paper.
        initial: in a space without cells, the number of random encodings before the predictor is used.
        candidates: in a space without cells, the number of encodings sampled and ranked for each batch.
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
    """Proposes the candidates with the best predictions, and no key twice.

    The first k proposals are the same however many are asked for. A batch may be smaller than asked for, since cells of
    b + 1 nodes wait until all cells of b nodes are observed.

    Args:
        space: the space to search.
        config: settings.
        seed: seed of random encodings, of the ensemble's folds, and of the order of equal predictions.
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
        self._observed: dict[str, Observed] = {}  # key -> its first trial, in the order observed
        self._features: list[np.ndarray] = []  # features [F] of each observed key
        self._pending: collections.deque = collections.deque()  # keys of each batch that is asked and not yet told
        self._predictor: BaggedRidge | None = None  # fitted to all observed keys when a prediction is needed
        self._scale = 1.0  # d, see `predictors/ridge.py`

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _PROPOSE, iteration])
        known = set(self._observed).union(*self._pending)
        proposed = self._candidates.propose(n, self._observed, known, self._predict, rng)
        self._pending.append([key for key, _ in proposed])
        actions = np.array([actions for _, actions in proposed], np.int32)
        return Proposals(actions.reshape(-1, len(self.space.decisions)))

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        if self._pending:
            self._pending.popleft()  # the whole batch: proposals that the budget dropped may be proposed again
        features = np.array([self._candidates.features(trial.actions) for trial in trials])
        correlation = self._rank_correlation(features, [trial.reward for trial in trials])
        self.metrics = {**self._candidates.metrics, **correlation}
        for trial, row in zip(trials, features, strict=True):
            if trial.key not in self._observed:
                self._observed[trial.key] = Observed(trial.actions, trial.reward)
                self._features.append(row)
        self._predictor = None

    def _rank_correlation(self, features: np.ndarray, rewards: Sequence[float]) -> dict[str, float]:
        """Returns Spearman's correlation of a batch's predictions and rewards as a metric; {} if it is undefined."""
        if len(rewards) < 2:
            return {}
        scores = [rank_scores(np.array(values)) for values in (self._predict(features), rewards)]
        if min(score.std() for score in scores) < 1e-9:
            return {}
        return {"rank_correlation": float(np.corrcoef(scores)[0, 1])}

    def _predict(self, features: np.ndarray) -> np.ndarray:
        """Predicts rewards, as normal scores: [N, F] -> [N]; zeros before any reward is observed."""
        if not self._observed:
            return np.zeros(len(features))
        fitted = np.array(self._features[-_MAX_FITTED:])  # [M, F]
        if self._predictor is None:
            products = self._candidates.inner_products(fitted, fitted)
            self._scale = max(float(np.diag(products).mean()), 1.0)
            rewards = np.array([observed.reward for observed in self._observed.values()])[-_MAX_FITTED:]
            self._predictor = BaggedRidge(
                products / self._scale,
                rank_scores(rewards),
                members=self.config.members,
                rng=np.random.default_rng([self.seed, _FOLDS, self.num_told]),
            )
        return self._predictor.predict(self._candidates.inner_products(features, fitted) / self._scale)

    def _state(self) -> State:
        return {
            "keys": list(self._observed),
            "actions": np.array([observed.actions for observed in self._observed.values()], np.int32),  # [M, T]
            "rewards": np.array([observed.reward for observed in self._observed.values()]),  # [M]
            "pending": [list(keys) for keys in self._pending],
            **self._candidates.state(),
        }

    def _restore(self, state: State) -> None:
        actions, rewards = np.asarray(state["actions"]).tolist(), np.asarray(state["rewards"]).tolist()
        trials = [Observed(tuple(row), reward) for row, reward in zip(actions, rewards, strict=True)]
        self._observed = dict(zip(state["keys"], trials, strict=True))
        self._features = [self._candidates.features(trial.actions) for trial in trials]
        self._pending = collections.deque(list(keys) for keys in state["pending"])
        self._predictor = None
        self._candidates.restore(state)
