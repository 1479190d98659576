"""A trial as the values of its record, and back; `schema.py` says what the values are."""

import math
from typing import Any

import numpy as np

from nas_keras.errors import InvalidValueError, shown
from nas_keras.storage.records.origin import Origin, origin_problem
from nas_keras.storage.records.schema import (
    DOUBLE,
    DOUBLES,
    SCHEMA,
    find_problem,
    number_of,
    stored_doubles,
    to_single,
)
from nas_keras.trial import Evaluation, Trial


def values_of(trial: Trial, origin: Origin, shard_trials: int) -> dict[str, Any]:
    """Returns the values of a trial's record, by the names of FEATURES.

    Args:
        trial: the trial.
        origin: origin of the run or table.
        shard_trials: number of records in the shard.

    Raises:
        InvalidValueError: if the reader would refuse it.
    """
    evaluation = trial.evaluation
    doubles = np.array([getattr(evaluation, name) for name in DOUBLES], DOUBLE)
    reward, valid_accuracy, loss, seconds, test_accuracy, flops, latency_ms = to_single(doubles).tolist()
    values: dict[str, Any] = {
        "schema": SCHEMA,
        "shard_trials": shard_trials,
        "trial": trial.trial,
        "iteration": trial.iteration,
        "policy": trial.policy_version,
        "seed": trial.seed,
        "actions": trial.actions,
        "log_probs": trial.log_probs,
        "key": trial.key,
        "reward": reward,
        "status": evaluation.status,
        "cached": int(trial.cached),
        "valid_accuracy": valid_accuracy,
        "loss": loss,
        "num_params": evaluation.num_params,
        "epochs": evaluation.epochs,
        "seconds": seconds,
        "space": origin.space,
        "recipe": evaluation.recipe or origin.recipe,
        "test_accuracy": () if math.isnan(test_accuracy) else (test_accuracy,),
        "flops": (flops,),
        "latency_ms": (latency_ms,),
        "doubles": (doubles.tobytes(),),
    }
    problem = find_problem(values) or origin_problem(values, origin)
    if problem:
        raise InvalidValueError(
            f"The trial of {shown(trial.key)} cannot be stored: {problem}. Check the strategy, the evaluator or the "
            "space's keys that produced it."
        )
    return values


def trial_of(values: dict[str, Any], origin: Origin | None) -> Trial:
    """Returns the trial of a decoded record."""
    numbers = {name: number_of(values, name) for name in DOUBLES}
    doubles = stored_doubles(values) if values["doubles"] else None
    if doubles is not None:
        numbers |= dict(zip(DOUBLES, doubles.tolist(), strict=False))  # older records hold fewer
    evaluation = Evaluation(
        **numbers,
        status=values["status"],
        num_params=values["num_params"],
        epochs=values["epochs"],
        recipe=values["recipe"] if origin and values["recipe"] != origin.recipe else "",
    )
    return Trial(
        trial=values["trial"],
        iteration=values["iteration"],
        policy_version=values["policy"],
        seed=values["seed"],
        actions=values["actions"],
        log_probs=values["log_probs"],
        key=values["key"],
        cached=bool(values["cached"]),
        evaluation=evaluation,
    )
