"""Tests of nas_keras/benchmarks/memory.py, with made-up memory: launch/benchmark_test.py measures some."""

import functools
import types

import pytest
from helpers import tiny_images

import nas_keras as nk
from nas_keras.benchmarks import memory


class Instant(nk.FunctionEvaluator):
    """In the place of the TrainingEvaluator: it trains nothing, and has two workers, one of which is replaced."""

    def __init__(self, images, **settings):
        super().__init__(lambda cell: 0.5)
        Instant.num_images, self.pids = len(images.train_labels), [[1, 2], [1, 2], [1, 3], [1, 3], [1, 9]]

    def worker_pids(self):
        return self.pids.pop(0) if len(self.pids) > 1 else [1, 3]

    def __enter__(self):
        return self

    def __exit__(self, *exception_info):
        pass


def test_growth_is_the_slope_of_a_line(monkeypatch):
    calls = types.SimpleNamespace(main=0)

    def resident_bytes(pid=None):
        if pid == 9:
            raise ProcessLookupError
        calls.main += pid is None
        return (100 + 3 * calls.main if pid is None else 10 * pid) * 2**20  # 3 MiB for each batch of four

    monkeypatch.setattr(memory, "TrainingEvaluator", Instant)
    monkeypatch.setattr(memory, "resident_bytes", resident_bytes)
    monkeypatch.setattr(memory, "search", functools.partial(nk.search, strategy="random"))
    found = memory.measure_memory(tiny_images(count=600), children=16)
    assert Instant.num_images == 512 and found["children"] == 16
    assert (found["main_start"], found["main_end"]) == (106, 112)  # from the eighth child on
    assert found["main_growth_per_child"] == pytest.approx(0.75)
    assert (found["worker_processes"], found["worker_first"]) == (3, [10, 20, 30])
    assert found["worker_growth_per_child"] == pytest.approx(0, abs=1e-9)
