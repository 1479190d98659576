"""Tests of nas_keras/benchmarks/proposing.py, with a strategy and a clock that are made up."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.benchmarks import proposing


def test_batches_that_trace_graphs_do_not_count(monkeypatch):
    now, told = [0.0], []

    class Strategy:
        """Asking takes 2 ms and telling 5 ms; the first three batches, with tracing, a second more."""

        def __init__(self):
            self._batch = 0

        def ask(self, n):
            now[0] += 0.002 + (self._batch < 3)
            return nk.Proposals(np.zeros((n, 8), np.int32), np.zeros((n, 8), np.float32))

        def tell(self, trials):
            now[0] += 0.005 + (self._batch < 3)
            self._batch += 1
            told.append(trials)

    monkeypatch.setattr(proposing.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(proposing, "make_strategy", lambda name, space, seed=0: Strategy())
    searched = []
    monkeypatch.setattr(proposing, "search", lambda space, evaluator, **settings: searched.append(settings))
    found = proposing.measure_proposing(batches=5, seeds=2)
    assert found["ask"] == pytest.approx(2) and found["tell"] == pytest.approx(5)
    assert searched == [{"strategy": "ppo", "max_evaluations": 40, "batch_size": 8}]
    assert len(told) == 2 * 5 and {len(batch) for batch in told} == {8}
    assert {trial.actions for batch in told for trial in batch} == {(0,) * 8}
