"""The settings of a search, each of which is checked here, once, before anything is written."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

from nas_keras._tensorflow import check_tf_agents
from nas_keras.errors import InvalidValueError, check_at_least, check_seed, shown
from nas_keras.evaluators.objective import ACCURACY, Objective
from nas_keras.runner import budget
from nas_keras.spaces.description import check_names
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.run_folder import Workspace
from nas_keras.strategies import NAMES, Strategy, config_of, strategy_class
from nas_keras.trial import Evaluation

TRIALS_PER_EVALUATION = 20  # the default of max_trials: a policy that has converged samples repeats, which cost nothing

NEED_TF_AGENTS = ("ppo", "ppo_predictor")  # strategies whose loss is that of TF-Agents

# Larger values are slips.
_MAX_TRIALS = 10**12
_MAX_BATCH_SIZE = 10_000
_MAX_LAG = 100


@dataclasses.dataclass(frozen=True)
class Settings:
    """Checked settings of one search, all but its evaluator and callbacks. Made by `check_settings`.

    Attributes:
        space: the space that is searched.
        strategy: name of the strategy, or the strategy itself.
        strategy_config: configuration of a strategy given by name; None for a strategy given as an object.
        max_evaluations: see `nk.search`.
        max_trials: see `nk.search`; the default is filled in.
        ends_without_new_keys: whether the search also ends once the strategy has no new keys to propose.
        max_seconds: see `nk.search`.
        batch_size: see `nk.search`.
        lag: see `nk.search`; None until the evaluator's own is filled in.
        seed: seed of the strategy and of the children.
        workspace: the run's folder; None for a run that is kept in memory.
        warm_start_from: see `nk.search`.
        objective: what is maximized.
    """

    space: SearchSpace
    strategy: str | Strategy
    strategy_config: Any
    max_evaluations: int
    max_trials: int
    ends_without_new_keys: bool
    max_seconds: float | None
    batch_size: int
    lag: int | None
    seed: int
    workspace: Workspace | None
    warm_start_from: str | os.PathLike | None
    objective: Objective = dataclasses.field(default_factory=Objective)

    @property
    def strategy_name(self) -> str:
        """The strategy's name in the run's configuration."""
        return self.strategy if isinstance(self.strategy, str) else type(self.strategy).__name__

    def make_strategy(self) -> Strategy:
        """Returns the strategy, which has been told nothing yet."""
        if isinstance(self.strategy, Strategy):
            return self.strategy
        return strategy_class(self.strategy)(self.space, self.strategy_config, seed=self.seed)

    def make_budget(self) -> budget.Budget:
        """Returns the budget, of which nothing is used up yet."""
        # A user who sets max_trials has decided how many cache hits to allow.
        rules = (self.space.num_keys, budget.MOST_IDLE) if self.ends_without_new_keys else (None, None)
        return budget.Budget(self.max_evaluations, self.max_trials, *rules)


def check_settings(
    space: SearchSpace,
    *,
    strategy: str | Strategy,
    strategy_config: Mapping[str, Any] | None,
    max_evaluations: int,
    max_trials: int | None,
    max_seconds: float | None,
    batch_size: int,
    lag: int | None,
    seed: int,
    workdir: str | os.PathLike | None,
    warm_start_from: str | os.PathLike | None,
    objective: str | Callable[[Evaluation], float] = ACCURACY,
) -> Settings:
    """Returns the settings of a search, whose arguments are those of `nk.search`.

    Raises:
        InvalidValueError: if a value cannot be used.
        DependencyError: if the strategy needs TF-Agents, which is not installed.
    """
    if not isinstance(space, SearchSpace):
        raise InvalidValueError(f"space={shown(space)} is not allowed: it must be an nk.SearchSpace; see nk.spaces.")
    _check_numbers(max_evaluations, max_trials, max_seconds, batch_size, lag, seed)
    _check_path("workdir", workdir)
    _check_path("warm_start_from", warm_start_from)
    config = _check_strategy(strategy, strategy_config, space)
    max_evaluations = int(max_evaluations)  # NumPy's integers would wrap around, and JSON cannot hold them
    return Settings(
        space=space,
        strategy=strategy,
        strategy_config=config,
        max_evaluations=max_evaluations,
        max_trials=max_evaluations * TRIALS_PER_EVALUATION if max_trials is None else int(max_trials),
        ends_without_new_keys=max_trials is None,
        max_seconds=max_seconds,
        batch_size=int(batch_size),
        lag=None if lag is None else int(lag),
        seed=strategy.seed if isinstance(strategy, Strategy) else seed,
        workspace=None if workdir is None else _check_workdir(workdir, space),
        warm_start_from=warm_start_from,
        objective=Objective(objective),
    )


def check_lag(name: str, lag: Any) -> None:
    """Raises InvalidValueError unless `lag` is a possible number of further open batches."""
    check_at_least(name, lag, 0, at_most=_MAX_LAG)


def _check_numbers(max_evaluations, max_trials, max_seconds, batch_size, lag, seed) -> None:
    check_at_least("max_evaluations", max_evaluations, 1, at_most=_MAX_TRIALS)
    if max_trials is not None:
        check_at_least("max_trials", max_trials, 1, at_most=_MAX_TRIALS * TRIALS_PER_EVALUATION)
    if max_seconds is not None:
        check_at_least("max_seconds", max_seconds, 0, integer=False)
    check_at_least("batch_size", batch_size, 1, at_most=_MAX_BATCH_SIZE)
    if lag is not None:
        check_lag("lag", lag)
    check_seed(seed)


def _check_path(name: str, folder: Any) -> None:
    if folder is not None and (not isinstance(folder, str | os.PathLike) or not os.fspath(folder)):
        raise InvalidValueError(f"{name}={shown(folder)} is not allowed: it must be the path of a folder, or None.")


def _check_strategy(strategy: Any, config: Any, space: SearchSpace) -> Any:
    """Returns the configuration of a strategy given by name; None for a strategy given as an object."""
    if config is not None and not isinstance(config, Mapping):
        raise InvalidValueError(
            f"strategy_config={shown(config)} is not allowed: it must be a dict, such as {{'steps': 5}}."
        )
    if isinstance(strategy, str):
        checked = config_of(strategy, config or {})
        if strategy in NEED_TF_AGENTS:
            check_tf_agents()
        return checked
    if not isinstance(strategy, Strategy):
        raise InvalidValueError(
            f"strategy={shown(strategy)} is not allowed: give one of the names {', '.join(NAMES)}, or an "
            "object of a class derived from nk.strategies.Strategy."
        )
    if config or strategy.space is not space or strategy.num_asked:
        raise InvalidValueError("A Strategy object has its own settings; it must be new and made for the same space.")
    return None


def _check_workdir(workdir: str | os.PathLike, space: SearchSpace) -> Workspace:
    check_names(space)  # they are written into the run's configuration
    workspace = Workspace(workdir)
    workspace.check()
    return workspace
