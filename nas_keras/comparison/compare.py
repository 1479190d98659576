"""Runs any strategies on one problem, with many seeds, in parallel processes, at equal budgets.

Every search is the real one (`nk.search`, without a workdir), so repeats, budgets and `max_trials` behave as they do
for a user. Budgets count distinct evaluations. What is kept of a search is its curve: the best reward found so far
after each distinct evaluation. `comparison/summary.py` says what the curves mean.

Legend: `S` seeds, `E` distinct evaluations.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nas_keras.comparison.problems import Problem, Source, open_problem
from nas_keras.errors import InvalidValueError, check_at_least, shown
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.strategies import Strategy, config_of, make_strategy
from nas_keras.system.cgroups import available_cores

_MOST_POINTS, _MOST_PROCESSES = 10**8, 1_024
# The processes share the cores, so each computes with one thread.
_SINGLE_THREADS = dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
_SEEDS_PER_TASK = 10  # a process traces a strategy's graphs once, so this is only how finely work is dealt out


@dataclasses.dataclass(frozen=True)
class Contender:
    """A strategy with settings.

    Attributes:
        strategy: its name.
        options: settings that differ from its defaults, as text.
    """

    strategy: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """As a person writes it: `evolution:population=50,sample_size=10`."""
        settings = ",".join(f"{name}={value}" for name, value in self.options)
        return f"{self.strategy}:{settings}" if settings else self.strategy

    def make(self, problem: Problem, seed: int) -> Strategy:
        """A new strategy."""
        return make_strategy(self.strategy, problem.space, options=dict(self.options), seed=seed)


@dataclasses.dataclass(frozen=True)
class Compared:
    """What a comparison found.

    Attributes:
        problem: what was searched.
        num_seeds: S; seeds 0 to S - 1, the same for every strategy.
        curves: label -> best reward after 1, 2, ... distinct evaluations, float64 [S, E]. A search that ended early,
            its `max_trials` spent or nothing left to propose, stays at its last value.
    """

    problem: Problem
    num_seeds: int
    curves: Mapping[str, np.ndarray]

    def regret(self, label: str) -> np.ndarray:
        """Normalised regret of a strategy, [S, E]: 0 is the best of the table, 1 its median."""
        return self.problem.regret(self.curves[label])


def parse_contenders(text: str) -> list[Contender]:
    """Reads `ppo,evolution:population=50,sample_size=10,random`: names, each perhaps with a colon and settings.

    Raises:
        InvalidValueError: for a strategy or setting that does not exist, or the same one twice.
    """
    contenders = []
    for part in (part.strip() for part in text.split(",")):
        name, colon, setting = part.partition(":")
        if not colon and "=" in part and contenders:  # goes on with the settings of the last one
            name, setting = "", part
        if name:
            contenders.append(Contender(name))
        if setting or colon:
            if colon and not name:
                raise InvalidValueError(f"{part!r} is not allowed: write strategy:setting=value,setting=value.")
            option, equals, value = setting.partition("=")
            if not (option and equals and value):
                raise InvalidValueError(f"{part!r} is not allowed: write strategy:setting=value,setting=value.")
            last = contenders[-1]
            contenders[-1] = dataclasses.replace(last, options=(*last.options, (option, value)))
        if not name and not setting:
            raise InvalidValueError(f"{text!r} names no strategy between two commas. Write ppo,evolution,random.")
    for contender in contenders:
        config_of(contender.strategy, dict(contender.options))
    labels = [contender.label for contender in contenders]
    if len(set(labels)) < len(labels):
        raise InvalidValueError(f"{text!r} names a strategy twice with the same settings. Name each once.")
    return contenders


def compare(
    source: Source,
    contenders: Sequence[Contender],
    *,
    num_seeds: int,
    max_evaluations: int,
    batch_size: int = 8,
    processes: int | None = None,
    on_searches: Callable[[int], None] = lambda count: None,
) -> Compared:
    """Runs every contender with the seeds 0 to `num_seeds` - 1.

    Args:
        source: of the rewards.
        contenders: at least one.
        num_seeds: S.
        max_evaluations: E, distinct evaluations of each search.
        batch_size: proposals asked for at once, the same for all.
        processes: that search; by default one for each core. 1 is this process itself.
        on_searches: called with the number of searches that were just finished.

    Raises:
        InvalidValueError, DataError: before any search, if a value or the source cannot be used.
    """
    for name, value in (("seeds", num_seeds), ("max_evaluations", max_evaluations), ("batch_size", batch_size)):
        check_at_least(name, value, 1, at_most=_MOST_POINTS)
    if num_seeds * max_evaluations > _MOST_POINTS:
        raise InvalidValueError(
            f"seeds={shown(num_seeds)} with budgets up to {shown(max_evaluations)} is not allowed: curves of at most "
            f"{_MOST_POINTS:,} points fit into memory. Use fewer seeds or smaller budgets."
        )
    processes = available_cores() if processes is None else processes
    check_at_least("processes", processes, 1, at_most=_MOST_PROCESSES)
    if not contenders:
        raise InvalidValueError("There is no strategy to compare. Name at least one.")
    problem = open_problem(source)
    per_task = min(_SEEDS_PER_TASK, -(-num_seeds // processes))
    seeds = [range(first, min(first + per_task, num_seeds)) for first in range(0, num_seeds, per_task)]
    # Contender after contender, so that most of the time all processes are at the same one.
    tasks = [(contender, chunk) for contender in contenders for chunk in seeds]
    parts: dict[tuple[str, int], np.ndarray] = {}

    def take(contender: Contender, chunk: range, curves: np.ndarray) -> None:
        parts[contender.label, chunk.start] = curves
        on_searches(len(chunk))

    if processes == 1:
        searcher = _Searcher(problem, max_evaluations, batch_size)
        for contender, chunk in tasks:
            take(contender, chunk, searcher.search(contender, chunk))
    else:
        pool = WorkerPool(
            functools.partial(_make_searcher, source, max_evaluations, batch_size),
            environments=[_SINGLE_THREADS] * min(processes, len(tasks)),
            tasks_per_worker=None,
        )
        with contextlib.closing(pool):
            futures = {
                pool.submit(_Searcher.search, contender=contender, seeds=chunk): (contender, chunk)
                for contender, chunk in tasks
            }
            for future in concurrent.futures.as_completed(futures):
                take(*futures[future], future.result())
    curves = {c.label: np.concatenate([parts[c.label, chunk.start] for chunk in seeds]) for c in contenders}
    return Compared(problem, num_seeds, curves)


def renew(strategy: Strategy, fresh: Strategy) -> None:
    """Turns a used strategy into `fresh`, of the same space and configuration and told nothing yet.

    It then does to the bit what `fresh` would do, without tracing its graphs again: they depend on shapes only, all
    that was learned is in `state()`, and all chance is made of the seed and counters.
    """
    strategy.restore(fresh.state())
    strategy.seed, strategy.metrics = fresh.seed, fresh.metrics


class _Searcher:
    """Searches one problem in this process, and keeps a traced object of every strategy that has graphs."""

    def __init__(self, problem: Problem, max_evaluations: int, batch_size: int):
        self._problem, self._max_evaluations, self._batch_size = problem, max_evaluations, batch_size
        self._traced: dict[str, Strategy] = {}

    def search(self, contender: Contender, seeds: Sequence[int]) -> np.ndarray:
        """Curves [S, E], a row for each seed."""
        return np.array([self._search_once(contender, seed) for seed in seeds])

    def _search_once(self, contender: Contender, seed: int) -> np.ndarray:
        from nas_keras.runner.search import search  # it brings TensorFlow in, after the environment is set

        strategy = contender.make(self._problem, seed)
        if hasattr(strategy, "controller"):
            traced = self._traced.setdefault(contender.label, strategy)
            if traced is not strategy:
                renew(traced, strategy)
            strategy = traced
        result = search(
            self._problem.space,
            self._problem.evaluator,
            strategy=strategy,
            max_evaluations=self._max_evaluations,
            batch_size=self._batch_size,
        )
        rewards = [trial.reward for trial in result.trials if not trial.cached]
        return self._curve(np.array(rewards))

    def _curve(self, rewards: np.ndarray) -> np.ndarray:
        """Best so far [E], from the rewards of distinct evaluations in order; the table's worst until one succeeds."""
        missing = self._max_evaluations - len(rewards)
        rewards = np.pad(rewards.astype(np.float64), (0, missing), constant_values=np.nan)
        return np.maximum.accumulate(np.where(np.isnan(rewards), self._problem.worst, rewards))


def _make_searcher(source: Source, max_evaluations: int, batch_size: int) -> _Searcher:
    """The setup of a worker process."""
    return _Searcher(open_problem(source), max_evaluations, batch_size)
