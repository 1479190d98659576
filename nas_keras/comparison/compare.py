"""Comparison of any strategies on one problem: many seeds, parallel processes, equal budgets.

Budgets count distinct evaluations. A search is reduced to its curve: the best reward found so far after each distinct
evaluation. `summary.py` computes regrets and intervals from the curves.

Legend: `S` seeds, `E` distinct evaluations.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.comparison.contenders import Contender
from nas_keras.comparison.many_searches import ManySearches
from nas_keras.comparison.problems import Problem, Source, open_problem
from nas_keras.errors import InvalidValueError, check_at_least, shown
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.system.cgroups import available_cores
from nas_keras.trial import Trial

_MAX_POINTS, _MAX_PROCESSES = 10**8, 1_024
# The processes share the cores, so each computes with one thread.
_SINGLE_THREADS = dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
REFERENCE_TIMES = 3  # a reference strategy gets as many times the evaluations of the others
_SEEDS_PER_TASK = 10  # small enough to keep all processes busy; graphs are traced once per process, not per task


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        problem: the problem that was searched.
        num_seeds: S; seeds 0 to S - 1, the same for every strategy.
        curves: label -> best reward after 1, 2, ... distinct evaluations, float64 [S, E]; [S, 3 E] of the reference. A
            search that ended early, because its `max_trials` was spent or nothing was left to propose, stays at its
            last value.
        reference: label of the strategy that the others are compared with at `REFERENCE_TIMES` their budget, or None.
    """

    problem: Problem
    num_seeds: int
    curves: Mapping[str, np.ndarray]
    reference: str | None = None

    def regret(self, label: str) -> np.ndarray:
        """Normalised regret of a strategy, [S, E]: 0 is the best of the table, 1 its median."""
        return self.problem.regret(self.curves[label])


class _Task(NamedTuple):
    """Searches that one process runs: a contender with some of the seeds."""

    contender: Contender
    seeds: range


def compare(
    source: Source,
    contenders: Sequence[Contender],
    *,
    num_seeds: int,
    max_evaluations: int,
    batch_size: int = 8,
    reference: str | None = None,
    processes: int | None = None,
    on_searches: Callable[[int], None] = lambda count: None,
) -> Comparison:
    """Runs every contender with the seeds 0 to `num_seeds` - 1.

    Args:
        source: source of the rewards.
        contenders: at least one.
        num_seeds: S.
        max_evaluations: E, the number of distinct evaluations in each search.
        batch_size: proposals in a batch of the contenders that do not state their own.
        reference: label of the contender that gets `REFERENCE_TIMES` as many evaluations, or None.
        processes: number of processes that search, by default one per core; with 1, this process searches itself.
        on_searches: called with the number of searches that have just finished.

    Raises:
        InvalidValueError, DataError: before any search, if a value or the source cannot be used.
    """
    _check_sizes(num_seeds, max_evaluations, batch_size)
    longer = {} if reference is None else {reference: REFERENCE_TIMES * max_evaluations}
    processes = available_cores() if processes is None else processes
    check_at_least("processes", processes, 1, at_most=_MAX_PROCESSES)
    if not contenders:
        raise InvalidValueError("There is no strategy to compare. Name at least one.")
    problem = open_problem(source)
    tasks = _split_into_tasks(contenders, num_seeds, processes)
    if processes == 1:
        searcher = _CurveSearcher(problem, max_evaluations, batch_size, longer)
        finished: Generator[tuple[_Task, np.ndarray], None, None] = ((task, searcher.search(*task)) for task in tasks)
    else:
        make_searcher = functools.partial(_open_searcher, source, max_evaluations, batch_size, longer)
        finished = _run_in_processes(make_searcher, tasks, processes)
    parts: dict[_Task, np.ndarray] = {}
    with contextlib.closing(finished):
        for task, part in finished:
            parts[task] = part
            on_searches(len(task.seeds))
    curves = {c.label: np.concatenate([parts[task] for task in tasks if task.contender == c]) for c in contenders}
    return Comparison(problem, num_seeds, curves, reference)


def _check_sizes(num_seeds: int, max_evaluations: int, batch_size: int) -> None:
    for name, value in (("seeds", num_seeds), ("max_evaluations", max_evaluations), ("batch_size", batch_size)):
        check_at_least(name, value, 1, at_most=_MAX_POINTS)
    if num_seeds * REFERENCE_TIMES * max_evaluations > _MAX_POINTS:
        raise InvalidValueError(
            f"seeds={shown(num_seeds)} with budgets up to {shown(max_evaluations)} is not allowed: curves of at most "
            f"{_MAX_POINTS:,} points fit into memory. Use fewer seeds or smaller budgets."
        )


def _split_into_tasks(contenders: Sequence[Contender], num_seeds: int, processes: int) -> list[_Task]:
    """Orders tasks by contender, so that all processes mostly run, and trace, the same contender."""
    per_task = min(_SEEDS_PER_TASK, -(-num_seeds // processes))
    chunks = [range(first, min(first + per_task, num_seeds)) for first in range(0, num_seeds, per_task)]
    return [_Task(contender, chunk) for contender in contenders for chunk in chunks]


def _run_in_processes(
    make_searcher: Callable[[], "_CurveSearcher"], tasks: Sequence[_Task], processes: int
) -> Generator[tuple[_Task, np.ndarray], None, None]:
    """Yields each task with its curves, in the order in which tasks finish."""
    pool = WorkerPool(make_searcher, environments=[_SINGLE_THREADS] * min(processes, len(tasks)), tasks_per_worker=None)
    with contextlib.closing(pool):
        futures = {pool.submit(_CurveSearcher.search, **task._asdict()): task for task in tasks}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result()


class _CurveSearcher:
    """Searches one problem in this process and reduces each search to its curve."""

    def __init__(self, problem: Problem, max_evaluations: int, batch_size: int, longer: Mapping[str, int]):
        self._problem, self._max_evaluations, self._batch_size = problem, max_evaluations, batch_size
        self._longer = longer  # label -> evaluations of a contender that gets more than `max_evaluations`
        self._searches = ManySearches(problem.space, problem.evaluator)

    def search(self, contender: Contender, seeds: Sequence[int]) -> np.ndarray:
        """Curves [S, E], a row for each seed."""
        evaluations = self._longer.get(contender.label, self._max_evaluations)
        finished = self._searches.run(
            contender.label,
            functools.partial(contender.make, self._problem),
            seeds,
            batch_size=contender.batch_size or self._batch_size,
            max_evaluations=evaluations,
        )
        return np.array([self._curve(result.trials, evaluations) for _, result in finished])

    def _curve(self, trials: Sequence[Trial], evaluations: int) -> np.ndarray:
        """Best reward so far [E] after each distinct evaluation; the table's worst until one succeeds."""
        rewards = [trial.reward for trial in trials if not trial.cached]
        missing = evaluations - len(rewards)
        padded = np.pad(np.array(rewards, np.float64), (0, missing), constant_values=np.nan)
        return np.maximum.accumulate(np.where(np.isnan(padded), self._problem.worst, padded))


def _open_searcher(source: Source, max_evaluations: int, batch_size: int, longer: Mapping[str, int]) -> _CurveSearcher:
    """Sets up a worker process."""
    return _CurveSearcher(open_problem(source), max_evaluations, batch_size, longer)
