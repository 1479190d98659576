"""`nk.search`: checks the arguments, opens the run, runs the loop and reports the result."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from nas_keras.errors import InvalidValueError, check_flag, shown
from nas_keras.evaluators.base import Description, Evaluates, Evaluator, check_evaluator, describe_evaluator
from nas_keras.evaluators.objective import ACCURACY, Objective
from nas_keras.runner.loop import Loop
from nas_keras.runner.monitoring.observers import Observers
from nas_keras.runner.opening import Run
from nas_keras.runner.result import SearchResult, top_trials
from nas_keras.runner.settings import Settings, check_lag, check_settings
from nas_keras.runner.stopping import OnBatch, OnTrial, Reserve, Stopping, refusing_stop
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import recipe as recipes
from nas_keras.storage.dataset import Dataset
from nas_keras.strategies import Strategy
from nas_keras.trial import Evaluation, Trial


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
    objective: str | Callable[[Evaluation], float] = ACCURACY,
    on_batch: OnBatch | None = None,
    on_trial: OnTrial | None = None,
    progress: bool | None = None,
) -> SearchResult:
    """Searches `space` for the architecture that `evaluator` rewards most.

    A callback that raises `nk.StopSearch` ends the search cleanly: the batch is completed, stored and told first. D is
    then the beginning of what it would have become, and the same call continues the search. Raised by a strategy in
    `ask` or `tell`, or by an evaluator in `evaluate`, it ends the search at once. A target, and patience:

        def on_trial(dataset, trial):
            if trial.reward >= 0.99:
                raise nk.StopSearch

        def on_batch(dataset, batch):
            if dataset.best and batch[-1].trial - dataset.best.trial >= 100:
                raise nk.StopSearch

    Args:
        space: the space to search.
        evaluator: gives each architecture its reward.
        strategy: one of `nk.strategies.NAMES` ("ppo", "reinforce", "random", "evolution", "progressive",
            "ppo_predictor"), or a new `Strategy`, whose own seed replaces `seed`.
        strategy_config: settings of a strategy given by name, such as `{"learning_rate": 0.01}`.
        max_evaluations: limit on the distinct keys that this run sends to the evaluator, failures included; it is never
            exceeded. A key that the evaluator refuses before any work (`nk.Evaluation.refusal`) does not count.
        max_trials: limit on the trials told, cache hits included. The default is 20 times `max_evaluations`; the search
            then also ends when every key of the space is known, or when the latest 10,000 trials brought no new key,
            which means that the policy has collapsed.
        max_seconds: limit on the wall time of this call's search in seconds; None for no limit. What is finished by
            then counts. With `lag=0` the evaluation that is running is waited for, otherwise it is dropped; when the
            same call continues the search, with a limit of its own, it is made anew.
        batch_size: number of proposals asked for at once.
        lag: number of batches that may be open beyond the first; by default the evaluator's `lag`, or 0.
        seed: seed of the strategy and, together with each key, of the children; 0 to 2**31 - 1.
        workdir: the run's folder; a run that is there already is continued. None keeps the run in memory only.
        warm_start_from: folder of another run or of a table, of the same recipe, and of the same space or one with
            other choices of the same decisions. Its rewards are reused, as cache hits. A run copies them, and later
            starts use that copy.
        objective: what the search maximizes, which becomes the reward: "accuracy"; a formula that trades it for a cost,
            such as "accuracy*(params/20000)^-0.07" with params, flops or latency (in milliseconds); or a function of an
            `nk.Evaluation` that returns a number. It is fixed for the lifetime of a run. For another one, start a new
            run with `warm_start_from`: its rewards are computed anew from the recorded accuracies and costs.
        on_batch: `on_batch(dataset, batch)` is called with D and each new batch, after the strategy was told.
        on_trial: `on_trial(dataset, trial)` is called with D and each new trial that is not a cache hit, as soon as its
            evaluation has finished: before it is in D, and in whatever order children finish.
        progress: whether a live line on stderr shows what is done, running and failed, the best so far, and the time
            left; None: if stderr is a terminal, or in a notebook. `True` elsewhere: a plain line every half minute.

    Returns:
        The trials, the best of them, and why the search ended.

    Raises:
        InvalidValueError: if a value cannot be used or the folder's run has other settings; nothing has been written.
        DataError: if the run's files are corrupt.
    """
    settings = check_settings(
        space,
        strategy=strategy,
        strategy_config=strategy_config,
        max_evaluations=max_evaluations,
        max_trials=max_trials,
        max_seconds=max_seconds,
        batch_size=batch_size,
        lag=lag,
        seed=seed,
        workdir=workdir,
        warm_start_from=warm_start_from,
        objective=objective,
    )
    return run_search(evaluator, settings, on_batch=on_batch, on_trial=on_trial, progress=progress)


def run_search(
    evaluator: Evaluates,
    settings: Settings,
    *,
    on_batch: OnBatch | None = None,
    on_trial: OnTrial | None = None,
    reserve: Reserve | None = None,
    progress: bool | None = None,
) -> SearchResult:
    """Runs a search whose settings have been checked; see `search`.

    Args:
        evaluator: see `search`.
        settings: the settings.
        on_batch: see `search`.
        on_trial: see `search`.
        reserve: called with the best trial so far; gives how many of `settings.max_seconds` what follows the search
            needs, so that the search ends as much earlier.
        progress: see `search`.
    """
    _check_callbacks(on_batch=on_batch, on_trial=on_trial)
    if progress is not None:
        check_flag("progress", progress)
    with refusing_stop("The evaluator's check"):
        description = _check_evaluator(evaluator, settings.space, settings.objective)
    settings = _settle_lag(settings, description)
    with refusing_stop("The space or the strategy"):
        run = Run(settings, description)
        strategy = settings.make_strategy()
    with refusing_stop("The evaluator, the space or the strategy"), run.open(evaluator, strategy) as dataset:
        stopping = Stopping(settings.max_seconds, on_batch, on_trial, reserve)
        observers = Observers(settings, evaluator, progress=progress)
        loop = Loop(evaluator, strategy, dataset, settings, stopping, observers)
        try:
            stopped = loop.run()
            observers.end(_review(evaluator, [*dataset.trials, *loop.pending]))
        finally:
            observers.close()
    return _report(settings, dataset, loop, stopped)


def _review(evaluator: Any, trials: list[Trial]) -> str | None:
    if not isinstance(evaluator, Evaluator):
        return None
    with refusing_stop("The evaluator's review, after the search has ended,"):
        return evaluator.review(trials)


def _check_callbacks(**callbacks: Any) -> None:
    for name, callback in callbacks.items():
        if callback is not None and not callable(callback):
            raise InvalidValueError(f"{name}={shown(callback)} is not allowed: it must be a function, or None.")


def _check_evaluator(evaluator: Any, space: SearchSpace, objective: Objective) -> Description:
    """Returns the description of an evaluator that can evaluate the architectures of `space` by `objective`."""
    check_evaluator(evaluator)
    if hasattr(evaluator, "check"):
        evaluator.check(space)  # before the description: it may add the code of the space's operations to the recipe
    description = describe_evaluator(evaluator)
    recipes.fingerprint(description.recipe)  # raises InvalidValueError if the recipe has none
    lacking = [cost for cost in objective.costs if description.costs is not None and cost not in description.costs]
    if lacking:
        existing = ", ".join(sorted(description.costs or ())) or "no cost"
        raise InvalidValueError(
            f"objective={objective.text!r} needs {' and '.join(lacking)}, which {type(evaluator).__name__} does not "
            f"have here; it has {existing}. Use another objective, or an "
            "evaluator that measures it, such as nk.TrainingEvaluator(..., measure_latency=True) for a latency."
        )
    return description


def _settle_lag(settings: Settings, description: Description) -> Settings:
    """Returns the settings with the evaluator's lag unless the user gave one."""
    if settings.lag is not None:
        return settings
    check_lag("evaluator.lag", description.lag)
    return dataclasses.replace(settings, lag=int(description.lag))


def _report(settings: Settings, dataset: Dataset, loop: Loop, stopped: str) -> SearchResult:
    best = top_trials([trial for trial in (dataset.best, *loop.pending) if trial], 1)
    return SearchResult(
        best=best[0] if best else None,
        trials=dataset.trials,
        num_evaluations=dataset.num_evaluations + sum(not trial.evaluation.refused for trial in loop.pending),
        stopped=stopped,
        workdir=str(settings.workspace.root) if settings.workspace else None,
        pending=loop.pending,
        num_resumed=dataset.num_resumed,
    )
