"""Measures the cost of a search besides its children, and its growth with the number of trials in D."""

import tempfile
import time
from typing import Any

import numpy as np

from nas_keras import spaces
from nas_keras.benchmarks.resident import resident_bytes
from nas_keras.evaluators.function import FunctionEvaluator
from nas_keras.runner.search import search

_BATCH = 8
_WINDOW = 500  # trials over which a time is measured


def measure_overhead(*, trials: int = 10_000) -> dict[str, Any]:
    """Searches the space of 4 nodes with PPO, batches of 8 and D on disk; the reward is a function that costs nothing.

    Args:
        trials: total number of trials, repeats included.

    Returns:
        `points`: for some numbers of trials in D, `milliseconds_per_trial` (ask, look-up, store, tell; median over the
        batches of the last 500 trials) and `bytes_per_trial` of resident memory since the first point; `evaluations`,
        the number of trials that were not repeats; and `milliseconds_per_child`, the total time per evaluation.
    """
    marks = sorted({mark for mark in (1_000, 3_000, 10_000, 30_000, 100_000) if mark < trials} | {trials})
    times, points = [], []

    def reward(cell) -> float:
        return sum(cell.key.encode()) % 1000 / 1000

    def watch(dataset, batch):
        now, told = time.perf_counter(), batch[-1].trial + 1
        times.append(now)
        if marks and told >= marks[0]:
            marks.pop(0)
            batches = np.diff(times[-(_WINDOW // _BATCH) :])
            points.append(
                {
                    "trials": told,
                    "evaluations": dataset.num_evaluations,
                    "milliseconds_per_trial": float(np.median(batches)) / _BATCH * 1e3,
                    "resident_bytes": resident_bytes(),
                }
            )

    with tempfile.TemporaryDirectory() as folder:
        result = search(
            spaces.large(4),
            FunctionEvaluator(reward),
            max_evaluations=trials,
            max_trials=trials,
            batch_size=_BATCH,
            workdir=f"{folder}/run",
            on_batch=watch,
        )
    first = points[0]
    for point in points:
        more = point["trials"] - first["trials"]
        point["bytes_per_trial"] = (point["resident_bytes"] - first["resident_bytes"]) / more if more else 0.0
    # The first batch traces the graphs.
    seconds = times[-1] - times[0]
    return {
        "points": points,
        "evaluations": result.num_evaluations,
        "milliseconds_per_child": 1e3 * seconds / max(1, result.num_evaluations - _BATCH),
    }
