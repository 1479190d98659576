"""Searches of a table as in the paper's figure: PPO, uniform sampling, and random search without repeats.

The figure is about samples of a policy, with repeats: those of PPO in the paper's form, and uniform ones, whose
expected mean reward is the table's mean over encodings. PPO with its defaults and random search propose each key once;
PPO saves evaluations only if it needs fewer distinct keys than random search.

Legend: `n` searches, each with a seed of its own; `I` iterations (batches), `m` samples in each; `K` keys.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.comparison.many_searches import FinishedSearch, ManySearches
from nas_keras.errors import check_at_least
from nas_keras.evaluators.table import TableEvaluator
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies import Strategy, make_strategy
from nas_keras.strategies.ppo.config import PPOConfig
from nas_keras.trial import Job, Proposals, Trial

PPO, PAPER, UNIFORM, RANDOM = "PPO", "PPO in the paper's form", "uniform sampling", "random search"
NUM_BEST = 5
_STRATEGIES = (PPO, PAPER, UNIFORM, RANDOM)
_DRAW = 20  # separates this random generator from others with the same seed
_CHUNK = 8_192  # encodings whose probabilities are computed at once


@dataclasses.dataclass(frozen=True)
class TableSearches:
    """Results of n searches by each strategy.

    Attributes:
        curves: `PAPER`, `UNIFORM` -> mean reward of each batch's samples, fractions [n, I].
        probabilities: probability of the `NUM_BEST` best keys together under the final policy of `PAPER`, [n].
        best_probabilities: probability of the best key alone under that policy, [n].
        uniform_probability: probability that a uniform policy gives to the `NUM_BEST` best keys together.
        until_best: `PPO`, `PAPER`, `RANDOM` -> distinct keys evaluated up to and including the best one; inf where
            a search ended without it, [n].
        until_good: the same, up to the first of the `NUM_BEST` best.
        num_evaluated: distinct keys that `PAPER` evaluated, [n].
        batch_size: m.
        best: reward of the best key.
        mean: mean reward over encodings.
        config: settings of `PPO`.
    """

    curves: dict[str, np.ndarray]
    probabilities: np.ndarray
    best_probabilities: np.ndarray
    uniform_probability: float
    until_best: dict[str, np.ndarray]
    until_good: dict[str, np.ndarray]
    num_evaluated: np.ndarray
    batch_size: int
    best: float
    mean: float
    config: dict[str, object]


class UniformSampling(Strategy):
    """Uniform encodings with repeats: the policy of a controller that never learns."""

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _DRAW, iteration])
        return Proposals(rng.integers(self.space.num_choices, size=(n, len(self.space.decisions)), dtype=np.int32))

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        del trials, iteration  # never learns


class _Outcome(NamedTuple):
    """Figures of one search; see `TableSearches`. `probabilities` has one for each of the best keys, for PPO only."""

    batch_means: list[float]
    until_best: float
    until_good: float
    num_evaluated: int
    probabilities: Sequence[float]
    config: dict[str, object]


class _TableFigures(NamedTuple):
    """Figures of a table, with which searches on it are compared.

    Attributes:
        num_keys: K, keys without a reward included.
        best: the best keys, at most `NUM_BEST`, best first.
        equal_best: keys whose reward is that of the best.
        best_encodings: encodings of each of `best`.
        best_reward: reward of the best key.
        mean_reward: mean over the encodings that have a reward.
    """

    num_keys: int
    best: list[str]
    equal_best: list[str]
    best_encodings: list[list[Actions]]
    best_reward: float
    mean_reward: float


def run_searches(
    table: pathlib.Path,
    space: SearchSpace,
    *,
    searches: int,
    batches: int = 60,
    batch_size: int = 8,
    on_search: Callable[[int], None] | None = None,
) -> TableSearches:
    """Searches a table with the seeds 0 to `searches` - 1.

    Args:
        table: folder of a table that holds every key of `space`.
        space: search space of the table.
        searches: n.
        batches: I, of PPO and of uniform sampling; random search continues until it has seen every key.
        batch_size: m.
        on_search: called with the number of seeds done.

    Raises:
        InvalidValueError: if a number is too small, or the table is of another space.
        DataError: if a key is not in the table.
    """
    for name, value in (("searches", searches), ("batches", batches), ("batch_size", batch_size)):
        check_at_least(name, value, 1)
    evaluator = TableEvaluator(table)
    evaluator.check(space)
    figures = _table_figures(evaluator, space)
    outcomes: dict[str, list[_Outcome]] = {name: [] for name in _STRATEGIES}
    runs = _start_searches(space, evaluator, figures.num_keys, range(searches), batches, batch_size)
    for seed in range(searches):
        for name, run in runs.items():
            outcomes[name].append(_outcome(next(run), figures))
        if on_search:
            on_search(seed + 1)
    return _collect(outcomes, figures, space, batch_size)


def _start_searches(
    space: SearchSpace, evaluator: TableEvaluator, num_keys: int, seeds: range, batches: int, batch_size: int
) -> dict[str, Iterator[FinishedSearch]]:
    """Returns strategy -> its searches, each of which runs only when its iterator reaches it."""
    many = ManySearches(space, evaluator)
    trials = batches * batch_size
    return {
        name: many.run(
            name,
            functools.partial(_make_strategy, name, space),
            seeds,
            batch_size=batch_size,
            max_evaluations=num_keys + 1,  # never reached: PPO continues when every key is known
            max_trials=max(trials, num_keys) if name == RANDOM else trials,
        )
        for name in _STRATEGIES
    }


def _make_strategy(name: str, space: SearchSpace, seed: int) -> Strategy:
    if name == UNIFORM:
        return UniformSampling(space, seed=seed)
    options = dataclasses.asdict(PPOConfig.paper()) if name == PAPER else {}
    return make_strategy("random" if name == RANDOM else "ppo", space, options=options, seed=seed)


def _outcome(finished: FinishedSearch, figures: _TableFigures) -> _Outcome:
    """Reduces a search to its figures, before its strategy is used again."""
    strategy, result = finished
    evaluated = [trial.key for trial in result.trials if not trial.cached]
    probabilities: Sequence[float] = ()
    config: dict[str, object] = {}
    if hasattr(strategy, "controller"):
        probabilities = [_probability(strategy.controller, encodings) for encodings in figures.best_encodings]
        config = dataclasses.asdict(strategy.config)
    return _Outcome(
        batch_means=_batch_means(result.trials),
        until_best=_evaluations_until(evaluated, figures.equal_best),
        until_good=_evaluations_until(evaluated, figures.best),
        num_evaluated=result.num_evaluations,
        probabilities=probabilities,
        config=config,
    )


def _collect(
    outcomes: Mapping[str, Sequence[_Outcome]], figures: _TableFigures, space: SearchSpace, batch_size: int
) -> TableSearches:
    """Puts the figures of single searches together."""
    paper, evaluations = outcomes[PAPER], (PPO, PAPER, RANDOM)
    num_good_encodings = sum(map(len, figures.best_encodings))
    return TableSearches(
        curves={name: np.array([one.batch_means for one in outcomes[name]]) for name in (PAPER, UNIFORM)},
        probabilities=np.array([sum(one.probabilities) for one in paper]),
        best_probabilities=np.array([one.probabilities[0] for one in paper]),
        uniform_probability=num_good_encodings / space.size,
        until_best={name: np.array([one.until_best for one in outcomes[name]]) for name in evaluations},
        until_good={name: np.array([one.until_good for one in outcomes[name]]) for name in evaluations},
        num_evaluated=np.array([one.num_evaluated for one in paper]),
        batch_size=batch_size,
        best=figures.best_reward,
        mean=figures.mean_reward,
        config=outcomes[PPO][-1].config,
    )


def _table_figures(evaluator: TableEvaluator, space: SearchSpace) -> _TableFigures:
    encodings: dict[str, list[Actions]] = {}
    for actions in space.enumerate():
        encodings.setdefault(space.key(actions), []).append(actions)
    jobs = [Job(key, found[0], space.decode(found[0]), 0) for key, found in encodings.items()]
    answers = {job.key: evaluation for job, evaluation in evaluator.evaluate(jobs)}
    rewards = {key: answer.reward for key, answer in answers.items() if not answer.failed}
    best = sorted(rewards, key=lambda key: -rewards[key])[:NUM_BEST]
    return _TableFigures(
        num_keys=len(encodings),
        best=best,
        equal_best=[key for key in rewards if rewards[key] == rewards[best[0]]],
        best_encodings=[encodings[key] for key in best],
        best_reward=rewards[best[0]],
        mean_reward=float(np.average(list(rewards.values()), weights=[len(encodings[key]) for key in rewards])),
    )


def _batch_means(trials: Sequence[Trial]) -> list[float]:
    """Mean reward of each batch, over those that succeeded; NaN where none did."""
    batches: dict[int, list[float]] = {}
    for trial in trials:
        batches.setdefault(trial.iteration, []).append(trial.reward)
    return [float(np.mean(good)) if (good := [r for r in b if r == r]) else np.nan for b in batches.values()]


def _evaluations_until(evaluated: Sequence[str], wanted: Sequence[str]) -> float:
    """The number of keys evaluated up to and including the first of those wanted; inf if none was evaluated."""
    keys = set(wanted)
    return next((float(i) for i, key in enumerate(evaluated, start=1) if key in keys), np.inf)


def _probability(controller, encodings: Sequence) -> float:
    """The probability [0, 1] that the policy gives to all of `encodings` together."""
    parts = [np.array(encodings[i : i + _CHUNK], np.int32) for i in range(0, len(encodings), _CHUNK)]
    return float(sum(np.exp(controller.log_probs(part).numpy().sum(axis=1)).sum() for part in parts))
