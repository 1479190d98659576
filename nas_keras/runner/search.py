"""nk.search: checks the settings, settles the run's folder, runs the loop, says what was found."""

import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from nas_keras.errors import InvalidValueError, check_at_least, check_seed, shown
from nas_keras.evaluators.base import Evaluates, Evaluator, check_evaluator, describe_evaluator
from nas_keras.runner import budget as budgets
from nas_keras.runner.budget import Budget
from nas_keras.runner.loop import Loop, OnBatch, OnTrial
from nas_keras.runner.monitoring import Monitor
from nas_keras.spaces.description import check_names
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import recipe as recipes
from nas_keras.storage import run_config
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.schema import Origin
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.run_identity import Identity, settle_identity
from nas_keras.storage.warm_start import describe, read_known, read_snapshot, write_snapshot
from nas_keras.strategies import NAMES, Strategy, make_strategy
from nas_keras.trial import Trial

_MOST_TRIALS, _MOST_AT_ONCE, _MOST_OPEN = 10**12, 10_000, 100  # beyond, it is a slip
TRIALS_PER_EVALUATION = 20  # default of max_trials: a policy that has converged draws repeats, which cost nothing


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: the trial with the highest reward, the first of equal ones; None if every evaluation failed.
        trials: all, in the order told.
        num_evaluations: distinct keys that this run evaluated, failures included and refusals not.
        stopped: why the search ended: "max_evaluations", "max_trials", "nothing proposed", "space exhausted", "no new
            proposals" (see `search`), "callback" (`nk.StopSearch`) or "max_seconds".
        workdir: of the run, absolute, or None.
        pending: where a callback or the clock ended the search: trials that are finished, of batches that are not. They
            are told when the search is continued; `best`, `top` and `num_evaluations` count them.
        num_resumed: how many of the trials an earlier start of the run had stored; 0 for a new one.
    """

    best: Trial | None
    trials: list[Trial]
    num_evaluations: int
    stopped: str
    workdir: str | None
    pending: list[Trial] = dataclasses.field(default_factory=list)
    num_resumed: int = 0

    def top(self, count: int) -> list[Trial]:
        """The best trials of different keys, best first."""
        return top_trials([*self.trials, *self.pending], count)


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
    max_seconds: float | None = None,
    batch_size: int = 8,
    lag: int | None = None,
    seed: int = 0,
    workdir: str | os.PathLike | None = None,
    warm_start_from: str | os.PathLike | None = None,
    on_batch: OnBatch | None = None,
    on_trial: OnTrial | None = None,
) -> SearchResult:
    """Searches `space` for the architecture that `evaluator` rewards most.

    A callback that raises `nk.StopSearch` ends the search cleanly: the batch is completed, stored and told first, so D
    is the beginning of what it would have become, and the same call continues it. A target, and patience:

        def on_trial(dataset, trial):
            if trial.reward >= 0.99:
                raise nk.StopSearch

        def on_batch(dataset, batch):
            if dataset.best and batch[-1].trial - dataset.best.trial >= 100:
                raise nk.StopSearch

    Args:
        space: what is searched.
        evaluator: gives the rewards.
        strategy: one of `nk.strategies.NAMES` ("ppo", "reinforce", "random", "evolution", "progressive",
            "ppo_predictor"), or a `Strategy` that was told nothing yet; then `seed` is its own.
        strategy_config: settings of a strategy given by name, such as `{"learning_rate": 0.01}`.
        max_evaluations: distinct keys that this run sends to the evaluator, failures included; never exceeded. A key
            that the evaluator refuses before any work (`nk.Evaluation.refusal`) does not count.
        max_trials: trials told, repeats included; by default 20 times `max_evaluations`, and then the search also ends
            when every key of the space is known, or when the latest 10,000 trials had no new key: the policy has
            collapsed.
        max_seconds: the search ends after this time, counted from the start of this call's search: no child is
            interrupted, but none is waited for either once another has finished. None: no limit.
        batch_size: proposals asked for at once.
        lag: batches that may be open beyond the first; by default the evaluator's `lag`, or 0.
        seed: of the strategy and, with each key, of the children.
        workdir: folder of the run; a run that is there already is continued. None keeps nothing.
        warm_start_from: folder of another run or of a table, of the same recipe, and of the same space or one with
            other choices of the same decisions: what it knows is answered from it, as repeats. A run keeps its own
            copy, and goes on with that.
        on_batch: called with D and each new batch, after it is told.
        on_trial: called with D and each new trial that is no repeat, as soon as its evaluation is finished: before it
            stands in D, and in whatever order children finish.

    Raises:
        InvalidValueError: before anything is written, if a value cannot be used or the folder's run has other settings.
        DataError: if the run's files are damaged.
    """
    if not isinstance(space, SearchSpace):
        raise InvalidValueError(f"space={shown(space)} is not allowed: it must be an nk.SearchSpace, as of nk.spaces.")
    check_settings(max_evaluations=max_evaluations, max_trials=max_trials, batch_size=batch_size, lag=lag, seed=seed)
    if max_seconds is not None:
        check_at_least("max_seconds", max_seconds, 0, integer=False)
    # NumPy's integers would wrap around, and JSON cannot hold them.
    max_evaluations, batch_size = int(max_evaluations), int(batch_size)
    max_trials, lag = (value if value is None else int(value) for value in (max_trials, lag))
    is_default = max_trials is None
    max_trials = max_evaluations * TRIALS_PER_EVALUATION if is_default else max_trials
    check_evaluator(evaluator)
    for name, folder in (("workdir", workdir), ("warm_start_from", warm_start_from)):
        if folder is not None and (not isinstance(folder, str | os.PathLike) or not os.fspath(folder)):
            raise InvalidValueError(f"{name}={shown(folder)} is not allowed: it must be the path of a folder, or None.")
    if strategy_config is not None and not isinstance(strategy_config, Mapping):
        raise InvalidValueError(
            f"strategy_config={shown(strategy_config)} is not allowed: it must be a dict, such as {{'steps': 5}}."
        )
    for name, callback in (("on_batch", on_batch), ("on_trial", on_trial)):
        if callback is not None and not callable(callback):
            raise InvalidValueError(f"{name}={shown(callback)} is not allowed: it must be a function, or None.")
    if hasattr(evaluator, "check"):
        evaluator.check(space)
    described = describe_evaluator(evaluator)
    if lag is None:
        lag = described.lag
        check_at_least("evaluator.lag", lag, 0, at_most=_MOST_OPEN)
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
    recipe, variants = described.recipe, list(described.variants)
    recipes.fingerprint(recipe)  # it is refused here if it is none
    workspace = Workspace(workdir) if workdir is not None else None
    identity = Identity({}, recipe, {recipes.fingerprint(variant): variant for variant in variants})
    if workspace:
        check_names(space)
        workspace.check()
        identity = settle_identity(workspace, workspace.read_config(), space, recipe, variants)
        recipe = identity.recipe
    origin = Origin(space.fingerprint, recipes.fingerprint(recipe), tuple(identity.variants), seed)
    known = [] if warm_start_from is None else _known(warm_start_from, workspace, origin, space, recipe)
    if isinstance(strategy, str):
        strategy = make_strategy(strategy, space, options=strategy_config, seed=seed)

    with workspace.locked() if workspace else contextlib.nullcontext():
        if workspace:
            fixed = {
                "space": identity.space,
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
                evaluator.resume(run_config.environment_of(old, workspace.config))
            described = describe_evaluator(evaluator)  # its environment is what it makes of the recorded one
            recorded = {"source": described.source, "environment": described.environment}
            workspace.settle_config({"fixed": fixed, "budget": budget, "variants": identity.variants, **recorded})
        dataset = Dataset(origin, workspace, warm=known)
        found = dataset.num_resumed, len(dataset.pending)
        if any(found):
            logging.info("The run in %s is continued: it has %d trials, and %d more are finished.", workdir, *found)
        # Given by the user, max_trials alone says how many repeats are wanted.
        rules = (space.num_keys, budgets.MOST_IDLE) if is_default else (None, None)
        loop = Loop(
            space,
            evaluator,
            strategy,
            dataset,
            seed=seed,
            lag=lag,
            batch_size=batch_size,
            budget=Budget(max_evaluations, max_trials, *rules),
            monitor=Monitor(workspace),
            on_batch=on_batch,
            on_trial=on_trial,
            checkpoints=workspace.checkpoints if workspace else None,
        )
        stopped = loop.go(max_seconds)
    best = top_trials([trial for trial in (dataset.best, *loop.pending) if trial], 1)
    if isinstance(evaluator, Evaluator):
        evaluator.review([*dataset.trials, *loop.pending])
    return SearchResult(
        best=best[0] if best else None,
        trials=dataset.trials,
        num_evaluations=dataset.num_evaluations + sum(not trial.evaluation.refused for trial in loop.pending),
        stopped=stopped,
        workdir=str(workspace.root) if workspace else None,
        pending=loop.pending,
        num_resumed=dataset.num_resumed,
    )


def check_settings(*, max_evaluations, max_trials, batch_size, lag, seed) -> None:
    """Raises InvalidValueError unless the numbers that `search` takes are possible; None where it takes None."""
    check_at_least("max_evaluations", max_evaluations, 1, at_most=_MOST_TRIALS)
    if max_trials is not None:
        check_at_least("max_trials", max_trials, 1, at_most=_MOST_TRIALS * TRIALS_PER_EVALUATION)
    check_at_least("batch_size", batch_size, 1, at_most=_MOST_AT_ONCE)
    if lag is not None:
        check_at_least("lag", lag, 0, at_most=_MOST_OPEN)
    check_seed(seed)


def _known(path, workspace: Workspace | None, origin: Origin, space: SearchSpace, recipe) -> list[Trial]:
    """What the run was started with, or, if it is new, what the other folder knows now."""
    # Without a configuration it is of a start that was cut off.
    snapshot = read_snapshot(workspace, origin) if workspace and workspace.config.exists() else None
    return read_known(path, space=space, recipe=recipe) if snapshot is None else snapshot


def _settings_of(strategy: Strategy) -> dict[str, Any]:
    """All its settings, defaults included: given by name or as an object, as text or as numbers, they are the same."""
    return dataclasses.asdict(strategy.config) if dataclasses.is_dataclass(strategy.config) else {}
