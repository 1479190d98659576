"""Measures the time PPO takes to ask and tell, and to search a table, in a process that has imported everything."""

import time

import numpy as np

from nas_keras.comparison.problems import Source, open_problem
from nas_keras.runner.search import search
from nas_keras.strategies import make_strategy
from nas_keras.trial import Evaluation, Trial

_TABLE = Source("synthetic", "pairwise-8x3-0")  # T = 8
_BATCH = 8
_TRACED = 3  # batches until every graph is traced: a design, the policy, and the policy with mutations


def measure_proposing(*, batches: int = 25, seeds: int = 3) -> dict[str, float]:
    """Measures PPO on a table of encodings of 8 decisions, in batches of 8.

    Args:
        batches: number of batches of each search; more than three, since the first three trace the graphs.
        seeds: number of searches.

    Returns:
        `search`: seconds of the first search, tracing included; `ask` and `tell`: milliseconds per batch after tracing,
        means over all searches.
    """
    problem = open_problem(_TABLE)
    make_strategy("ppo", problem.space)  # imports TensorFlow and TF-Agents
    start = time.perf_counter()
    search(problem.space, problem.evaluator, strategy="ppo", max_evaluations=_BATCH * batches, batch_size=_BATCH)
    seconds = time.perf_counter() - start
    asks, tells = [], []
    for seed in range(seeds):
        strategy = make_strategy("ppo", problem.space, seed=seed)
        for batch in range(batches):
            times = [time.perf_counter()]
            proposals = strategy.ask(_BATCH)
            times.append(time.perf_counter())
            assert proposals.log_probs is not None, "PPO gives log-probs"
            trials = [
                Trial(i, batch, batch, 0, tuple(actions), tuple(row), "", False, _reward(problem, tuple(actions)))
                for i, (actions, row) in enumerate(
                    zip(proposals.actions.tolist(), proposals.log_probs.tolist(), strict=True)
                )
            ]
            times.append(time.perf_counter())
            strategy.tell(trials)
            times.append(time.perf_counter())
            if batch >= _TRACED:
                asks.append(times[1] - times[0])
                tells.append(times[3] - times[2])
    return {"search": seconds, "ask": 1e3 * float(np.mean(asks)), "tell": 1e3 * float(np.mean(tells))}


def _reward(problem, actions) -> Evaluation:
    return Evaluation(float(problem.evaluator.rewards[actions]))
