"""The interface of a strategy: ask for proposals, tell what they were worth. It never sees a child.

Chance is counter-based: the generator of batch b is made of [seed, purpose, b], so there is none to save.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_keras.errors import check_at_least, check_seed, check_type
from nas_keras.search_space import SearchSpace
from nas_keras.trial import Proposals, Trial

State = dict[str, Any]
MOST_ASKED = 1_000_000  # proposals at once; beyond, it is a slip


class Strategy:
    """Base class: counts batches; a strategy implements `_ask`, `_tell`, `_state` and `_restore`.

    Args:
        space: what is searched.
        seed: of everything random, 0 to 2**31 - 1.

    Attributes:
        config: its settings, a dataclass of JSON values; kept with a run, which is continued only with the same.
        metrics: numbers about the last `tell`, by name, for TensorBoard.
    """

    def __init__(self, space: SearchSpace, *, seed: int = 0):
        check_type("space", space, SearchSpace, "an nk.SearchSpace, as of nk.spaces")
        check_seed(seed)
        self.space, self.seed = space, seed
        self.config: Any = None
        self.metrics: dict[str, float] = {}
        self.num_asked = 0  # batches
        self.num_told = 0

    def ask(self, n: int) -> Proposals:
        """Proposes m <= n strings; m = 0 means that the strategy has nothing more to propose."""
        check_at_least("n", n, 0, at_most=MOST_ASKED)
        proposals = self._ask(int(n), self.num_asked)
        self.num_asked += 1
        return proposals

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learns from one batch, in the order asked. A reward of NaN is a failure, worse than every number."""
        self._tell(trials, self.num_told)
        self.num_told += 1

    def state(self) -> State:
        """All that was learned: names to NumPy arrays or JSON values."""
        return {"num_asked": self.num_asked, "num_told": self.num_told, **self._state()}

    def restore(self, state: State) -> None:
        """Takes over a `state` of a strategy of the same space, configuration and seed."""
        self.num_asked, self.num_told = int(state["num_asked"]), int(state["num_told"])
        self._restore(state)

    def _ask(self, n: int, iteration: int) -> Proposals:
        raise NotImplementedError

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        raise NotImplementedError

    def _state(self) -> State:
        return {}

    def _restore(self, state: State) -> None:
        del state


def config_or_default(config: Any, kind: type) -> Any:
    """Returns `config`, or the default of its class `kind` for None.

    Raises:
        InvalidValueError: if it is a configuration of another class.
    """
    config = kind() if config is None else config
    check_type("config", config, kind, f"an nk.strategies.{kind.__name__}, or None")
    return config


def finite_rewards(rewards: np.ndarray) -> np.ndarray:
    """Rewards [M] with each NaN replaced by a number worse than all others, by one standard deviation of theirs."""
    rewards = np.asarray(rewards, np.float64)
    failed = np.isnan(rewards)
    if failed.all():
        return np.zeros_like(rewards)
    good = rewards[~failed]
    return np.where(failed, good.min() - max(good.std(), 1e-3), rewards)
