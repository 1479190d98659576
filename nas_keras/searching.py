"""nk.search: checks the settings, settles the run's folder, runs the loop, says what was found."""

import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from nas_keras import recipe as recipes
from nas_keras.dataset import Dataset
from nas_keras.errors import DataError, InvalidValueError, check_at_least, check_seed, shown
from nas_keras.evaluators.base import Evaluates
from nas_keras.loop import Loop, OnBatch
from nas_keras.monitoring import Monitor
from nas_keras.record import Origin
from nas_keras.search_space import SearchSpace
from nas_keras.strategies import NAMES, Strategy, make_strategy
from nas_keras.trial import Trial
from nas_keras.warm_start import describe, read_known, read_snapshot, write_snapshot
from nas_keras.workspace import Workspace

_MOST_TRIALS, _MOST_AT_ONCE, _MOST_OPEN = 10**12, 10_000, 100  # beyond, it is a slip
_TRIALS_PER_EVALUATION = 20  # default of max_trials: a policy that has converged draws repeats, which cost nothing


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: the trial with the highest reward, the first of equal ones; None if every evaluation failed.
        trials: all, in the order told.
        num_evaluations: distinct keys that this run evaluated, failures included.
        stopped: "max_evaluations", "max_trials", "nothing proposed" or "space exhausted".
        workdir: of the run, or None.
    """

    best: Trial | None
    trials: list[Trial]
    num_evaluations: int
    stopped: str
    workdir: str | None

    def top(self, count: int) -> list[Trial]:
        """The best trials of different keys, best first."""
        return top_trials(self.trials, count)


def top_trials(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The `count` best trials of different keys, best first; failures are left out."""
    check_at_least("count", count, 0)
    if not isinstance(trials, Sequence) or not all(isinstance(trial, Trial) for trial in trials):
        raise InvalidValueError(f"trials={shown(trials)} is not allowed: it must be a list of nk.Trial.")
    first = {}
    for trial in trials:
        first.setdefault(trial.key, trial)
    good = [trial for trial in first.values() if not trial.evaluation.failed]
    return sorted(good, key=lambda trial: -trial.reward)[:count]  # stable: the earlier of equal ones comes first


def search(
    space: SearchSpace,
    evaluator: Evaluates,
    *,
    strategy: str | Strategy = "ppo",
    strategy_config: dict[str, Any] | None = None,
    max_evaluations: int = 200,
    max_trials: int | None = None,
    batch_size: int = 8,
    lag: int | None = None,
    seed: int = 0,
    workdir: str | os.PathLike | None = None,
    warm_start_from: str | os.PathLike | None = None,
    on_batch: OnBatch | None = None,
) -> SearchResult:
    """Searches `space` for the architecture that `evaluator` rewards most.

    Args:
        space: what is searched.
        evaluator: gives the rewards.
        strategy: one of `nk.strategies.NAMES` ("ppo", "reinforce", "random", "evolution", "progressive",
            "ppo_predictor"), or a `Strategy` that was told nothing yet; then `seed` is its own.
        strategy_config: settings of a strategy given by name, such as `{"learning_rate": 0.01}`.
        max_evaluations: distinct keys that this run sends to the evaluator, failures included; never exceeded.
        max_trials: trials told, repeats included; by default 20 times `max_evaluations`.
        batch_size: proposals asked for at once.
        lag: batches that may be open beyond the first; by default the evaluator's `lag`, or 0.
        seed: of the strategy and, with each key, of the children.
        workdir: folder of the run; a run that is there already is continued. None keeps nothing.
        warm_start_from: folder of another run or of a table, of the same space and recipe: the keys that it knows are
            answered from it, as repeats. A run keeps its own copy, and goes on with that.
        on_batch: called with D and each new batch, after it is told.

    Raises:
        InvalidValueError: before anything is written, if a value cannot be used or the folder's run has other settings.
        DataError: if the run's files are damaged.
    """
    if not isinstance(space, SearchSpace):
        raise InvalidValueError(f"space={shown(space)} is not allowed: it must be an nk.SearchSpace, as of nk.spaces.")
    lag = getattr(evaluator, "lag", 0) if lag is None else lag
    check_settings(max_evaluations=max_evaluations, max_trials=max_trials, batch_size=batch_size, lag=lag, seed=seed)
    is_default = max_trials is None
    max_trials = max_evaluations * _TRIALS_PER_EVALUATION if is_default else max_trials
    if isinstance(evaluator, type) or not callable(getattr(evaluator, "evaluate", None)):
        raise InvalidValueError(
            f"evaluator={shown(evaluator)} is not allowed: it must be an object with a method evaluate(jobs). For a "
            "function use nk.FunctionEvaluator(function)."
        )
    for name, folder in (("workdir", workdir), ("warm_start_from", warm_start_from)):
        if folder is not None and (not isinstance(folder, str | os.PathLike) or not os.fspath(folder)):
            raise InvalidValueError(f"{name}={shown(folder)} is not allowed: it must be the path of a folder, or None.")
    if strategy_config is not None and not isinstance(strategy_config, Mapping):
        raise InvalidValueError(
            f"strategy_config={shown(strategy_config)} is not allowed: it must be a dict, such as {{'steps': 5}}."
        )
    if on_batch is not None and not callable(on_batch):
        raise InvalidValueError(f"on_batch={shown(on_batch)} is not allowed: it must be a function, or None.")
    if hasattr(evaluator, "check"):
        evaluator.check(space)
    if isinstance(strategy, Strategy):
        if strategy_config or strategy.space is not space or strategy.num_asked:
            raise InvalidValueError(
                "A Strategy object brings its own settings; it must be new and of the space searched."
            )
        seed = strategy.seed
    elif not isinstance(strategy, str):
        raise InvalidValueError(
            f"strategy={shown(strategy)} is not allowed: give one of the names {', '.join(NAMES)}, or an "
            "object of a class derived from nk.strategies.Strategy."
        )
    name = strategy if isinstance(strategy, str) else type(strategy).__name__
    recipe = getattr(evaluator, "recipe", {})
    variants = {recipes.fingerprint(variant): variant for variant in getattr(evaluator, "variants", ())}
    origin = Origin(space.fingerprint, recipes.fingerprint(recipe), tuple(variants))
    workspace = Workspace(workdir) if workdir is not None else None
    if workspace:
        workspace.check()
        workspace.read_config()  # a damaged one is refused before the folder is locked
    known = [] if warm_start_from is None else _known(warm_start_from, workspace, origin, space, recipe)
    if isinstance(strategy, str):
        strategy = make_strategy(strategy, space, options=strategy_config, seed=seed)

    with workspace.locked() if workspace else contextlib.nullcontext():
        if workspace:
            fixed = {
                "space": {"name": space.name, "fingerprint": space.fingerprint},
                "strategy": {"name": name, "config": _settings_of(strategy)},
                "seed": seed,
                "batch_size": batch_size,
                "lag": lag,
                "recipe": recipe,
                "warm_start": describe(known),
            }
            budget = {"max_evaluations": max_evaluations, "max_trials": max_trials}
            old = workspace.read_config()
            if known and old is None:
                write_snapshot(workspace, known, origin)
            if old and hasattr(evaluator, "resume"):
                evaluator.resume(_environment_of(old, workspace))
            recorded = {name: dict(getattr(evaluator, name, {})) for name in ("source", "environment")}
            workspace.settle_config({"fixed": fixed, "budget": budget, "variants": variants, **recorded})
        dataset = Dataset(origin, workspace, warm=known)
        loop = Loop(
            space,
            evaluator,
            strategy,
            dataset,
            seed=seed,
            lag=lag,
            monitor=Monitor(workspace),
            on_batch=on_batch,
            checkpoints=workspace.checkpoints if workspace else None,
        )
        num_keys = space.num_keys if is_default else None
        stopped = loop.go(
            batch_size=batch_size, max_evaluations=max_evaluations, max_trials=max_trials, num_keys=num_keys
        )
    trials = dataset.trials
    return SearchResult(
        dataset.best, trials, dataset.num_evaluations, stopped, str(workdir) if workdir is not None else None
    )


def check_settings(*, max_evaluations, max_trials, batch_size, lag, seed) -> None:
    """Raises InvalidValueError unless the numbers that `search` takes are possible; None where it takes None."""
    check_at_least("max_evaluations", max_evaluations, 1, at_most=_MOST_TRIALS)
    if max_trials is not None:
        check_at_least("max_trials", max_trials, 1, at_most=_MOST_TRIALS * _TRIALS_PER_EVALUATION)
    check_at_least("batch_size", batch_size, 1, at_most=_MOST_AT_ONCE)
    if lag is not None:
        check_at_least("lag", lag, 0, at_most=_MOST_OPEN)
    check_seed(seed)


def _known(path, workspace: Workspace | None, origin: Origin, space: SearchSpace, recipe) -> list[Trial]:
    """What the run was started with, or, if it is new, what the other folder knows now."""
    # Without a configuration it is of a start that was cut off.
    snapshot = read_snapshot(workspace, origin) if workspace and workspace.config.exists() else None
    return read_known(path, space=space, recipe=recipe) if snapshot is None else snapshot


def _environment_of(config: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    environment = config.get("environment", {})
    if not isinstance(environment, dict):
        raise DataError(
            f"{workspace.config} has the environment {shown(environment)}, where an object is due. Restore it from a "
            "copy."
        )
    return environment


def _settings_of(strategy: Strategy) -> dict[str, Any]:
    """All its settings, defaults included: given by name or as an object, as text or as numbers, they are the same."""
    return dataclasses.asdict(strategy.config) if dataclasses.is_dataclass(strategy.config) else {}
