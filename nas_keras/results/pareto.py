"""The Pareto front of trials: those that no other trial beats in accuracy without costing more."""

import math
import sys
from collections.abc import Sequence

from nas_keras.errors import InvalidValueError, check_choice
from nas_keras.runner.result import top_trials
from nas_keras.trial import Trial

COSTS = ("num_params", "flops", "latency_ms", "seconds")


def pareto(trials: Sequence[Trial], cost: str = "num_params") -> list[Trial]:
    """Returns the trials for which no other one is at least as accurate and costs no more, cheapest first.

    Trials that failed, of which the cost is unknown, or that repeat a key are left out; of equal ones the first counts.
    A cache hit says nothing of its seconds.

    Args:
        trials: trials of one run, such as `result.trials`. They are judged by `valid_accuracy`, and by their reward
            where no accuracy was measured.
        cost: "num_params", "flops", "latency_ms" or "seconds".

    Raises:
        InvalidValueError: if `trials` is not a list of trials, or `cost` is unknown or not measured for any of them.
    """
    check_choice("cost", cost, COSTS)
    good = top_trials(trials, sys.maxsize)  # all, each key once
    priced = [trial for trial in good if getattr(trial.evaluation, cost) > 0]  # a NaN is not
    if cost == "seconds":
        priced = [trial for trial in priced if not trial.cached]
    if good and not priced:
        raise InvalidValueError(
            f"cost={cost!r} was not measured for any of these {len(good):,} trials. Choose another of "
            f"{', '.join(COSTS)}."
        )
    front = pareto_front([getattr(trial.evaluation, cost) for trial in priced], [accuracy_of(t) for t in priced])
    return [priced[i] for i in front]


def pareto_front(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Returns the positions of the points on the front of two lists, cheapest first; of equal points the first."""
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -accuracies[i])):
        if not front or accuracies[i] > accuracies[front[-1]]:
            front.append(i)
    return front


def accuracy_of(trial: Trial) -> float:
    """The validation accuracy of a trial that succeeded, or its reward if no accuracy was measured."""
    evaluation = trial.evaluation
    return evaluation.reward if math.isnan(evaluation.valid_accuracy) else evaluation.valid_accuracy
