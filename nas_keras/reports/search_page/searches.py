"""Searches on a table, as in the paper's figure: PPO beside uniform sampling and beside random search without repeats.

Uniform sampling draws encodings with repeats, so its mean reward is the table's mean over encodings, whatever it has
drawn before. Random search draws each key once: it is what PPO has to beat in the number of keys it must have
evaluated.

Legend: `n` searches, each with a seed of its own; `I` iterations (batches), `m` samples in each; `N` encodings, `K`
    keys.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from nas_keras.errors import check_at_least
from nas_keras.evaluators.table import TableEvaluator
from nas_keras.runner.search import search
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies import Strategy, make_strategy
from nas_keras.trial import Job, Proposals, Trial

NUM_BEST = 5
_DRAW = 20  # purpose of the generator
_CHUNK = 8_192  # encodings whose probabilities are computed at once


@dataclasses.dataclass(frozen=True)
class Searches:
    """What n searches by each strategy gave.

    Attributes:
        curves: "PPO", "uniform sampling" -> mean reward of each batch's samples, fractions [n, I].
        probabilities: that PPO's final policy gives to the five best keys together, [n]; a uniform policy would give
            `uniform_probability`.
        best_probabilities: to the best key alone, [n].
        until_best: "PPO", "random search" -> distinct keys evaluated until the best one was, itself included; inf
            where a search ended without it, [n].
        until_good: the same until the first of the five best.
        num_evaluated: distinct keys that PPO evaluated, [n].
        batch_size: m.
        best: reward of the best key.
        mean: reward averaged over encodings.
        config: PPO's settings.
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
    """Uniform encodings, repeats and all: the policy of a controller that never learns."""

    def _ask(self, n: int, iteration: int) -> Proposals:
        rng = np.random.default_rng([self.seed, _DRAW, iteration])
        return Proposals(rng.integers(self.space.num_choices, size=(n, len(self.space.decisions)), dtype=np.int32))

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        del trials, iteration  # it learns nothing


def run_searches(
    table: pathlib.Path,
    space: SearchSpace,
    *,
    searches: int,
    batches: int = 60,
    batch_size: int = 8,
    on_search: Callable[[int], None] | None = None,
) -> Searches:
    """Searches a table with run seeds 0 to `searches` - 1.

    Args:
        table: its folder; it must hold every key of `space`.
        space: of the table.
        searches: n.
        batches: I, of PPO and of uniform sampling; random search goes on until it has seen every key.
        batch_size: m.
        on_search: called with the number of seeds done.

    Raises:
        InvalidValueError: for a number that is too small, or another space than the table's.
        DataError: if a key is not in the table.
    """
    for name, value in (("searches", searches), ("batches", batches), ("batch_size", batch_size)):
        check_at_least(name, value, 1)
    evaluator = TableEvaluator(table)
    evaluator.check(space)
    rewards, encodings = _rewards(evaluator, space)
    best = sorted(rewards, key=lambda key: -rewards[key])[:NUM_BEST]
    keys_at_top = [key for key in rewards if rewards[key] == rewards[best[0]]]
    best_encodings = [actions for key in best for actions in encodings[key]]

    curves = {"PPO": [], "uniform sampling": []}
    until_best, until_good = ({"PPO": [], "random search": []} for _ in range(2))
    probabilities, best_probabilities, num_evaluated, config = [], [], [], {}
    for seed in range(searches):
        by_name = {
            "PPO": make_strategy("ppo", space, seed=seed),
            "uniform sampling": UniformSampling(space, seed=seed),
            "random search": make_strategy("random", space, seed=seed),
        }
        for name, strategy in by_name.items():
            result = search(
                space,
                evaluator,
                strategy=strategy,
                batch_size=batch_size,
                max_evaluations=len(encodings) + 1,  # no bound: PPO goes on when every key is known
                max_trials=max(batches * batch_size, len(encodings) if name == "random search" else 0),
            )
            if name in curves:
                curves[name].append(_batch_means(result.trials))
            if name in until_best:
                evaluated = [trial.key for trial in result.trials if not trial.cached]
                until_best[name].append(_first(evaluated, keys_at_top))
                until_good[name].append(_first(evaluated, best))
            if name == "PPO":
                config = dataclasses.asdict(strategy.config)
                num_evaluated.append(result.num_evaluations)
                probabilities.append(_probability(strategy.controller, best_encodings))
                best_probabilities.append(_probability(strategy.controller, encodings[best[0]]))
        if on_search:
            on_search(seed + 1)
    weights = np.array([len(encodings[key]) for key in rewards])
    return Searches(
        curves={name: np.array(rows) for name, rows in curves.items()},
        probabilities=np.array(probabilities),
        best_probabilities=np.array(best_probabilities),
        uniform_probability=len(best_encodings) / space.size,
        until_best={name: np.array(values) for name, values in until_best.items()},
        until_good={name: np.array(values) for name, values in until_good.items()},
        num_evaluated=np.array(num_evaluated),
        batch_size=batch_size,
        best=rewards[best[0]],
        mean=float(np.average(list(rewards.values()), weights=weights)),
        config=config,
    )


def quartiles(values: np.ndarray) -> list[float]:
    """Lower quartile, median and upper quartile of [n] numbers, of which some may be inf."""
    ordered = np.sort(values)
    quarters = []
    for share in (0.25, 0.5, 0.75):
        place = share * (len(ordered) - 1)
        low, weight = int(place), place - int(place)
        # NumPy's own interpolation makes NaN of inf.
        quarters.append(float((1 - weight) * ordered[low] + weight * ordered[low + 1] if weight else ordered[low]))
    return quarters


def _rewards(evaluator: TableEvaluator, space: SearchSpace) -> tuple[dict[str, float], dict[str, list]]:
    """Key -> reward, for the keys that have one; key -> its encodings, for all."""
    encodings: dict[str, list] = {}
    for actions in space.enumerate():
        encodings.setdefault(space.key(actions), []).append(actions)
    jobs = [Job(key, found[0], space.decode(found[0]), 0) for key, found in encodings.items()]
    answers = {job.key: evaluation for job, evaluation in evaluator.evaluate(jobs)}
    return {key: answer.reward for key, answer in answers.items() if not answer.failed}, encodings


def _batch_means(trials: Sequence[Trial]) -> list[float]:
    """Mean reward of each batch, over those that succeeded; NaN where none did."""
    batches: dict[int, list[float]] = {}
    for trial in trials:
        batches.setdefault(trial.iteration, []).append(trial.reward)
    return [float(np.mean(good)) if (good := [r for r in b if r == r]) else np.nan for b in batches.values()]


def _first(evaluated: Sequence[str], wanted: Sequence[str]) -> float:
    """How many keys were evaluated until the first of those wanted, itself included; inf if none was."""
    wanted = set(wanted)
    return next((float(i) for i, key in enumerate(evaluated, start=1) if key in wanted), np.inf)


def _probability(controller, encodings: Sequence) -> float:
    """The probability [0, 1] that the policy gives to all of `encodings` together."""
    parts = [np.array(encodings[i : i + _CHUNK], np.int32) for i in range(0, len(encodings), _CHUNK)]
    return float(sum(np.exp(controller.log_probs(part).numpy().sum(axis=1)).sum() for part in parts))
