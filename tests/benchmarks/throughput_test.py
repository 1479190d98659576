"""Tests of nas_keras/benchmarks/throughput.py; launch/benchmark_test.py trains children both ways."""

import os

import pytest
from helpers import tiny_images

from nas_keras.benchmarks import throughput


def test_the_plain_way_has_tensorflow_s_own_kernels_and_threads(monkeypatch):
    """Whatever the script, or the user, has set for this process, which gets it back."""
    settings = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_NUM_INTRAOP_THREADS": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    started = {}

    class Pool:
        def __init__(self, images, *, environments, setup):
            self._environment = environments[0]

        def start(self):
            started.update({**os.environ, **self._environment})  # as a worker gets them
            raise InterruptedError

    monkeypatch.setattr(throughput, "TrainingPool", Pool)
    with pytest.raises(InterruptedError):
        throughput.measure_throughput(tiny_images())
    assert started["TF_CPP_MIN_LOG_LEVEL"] == "2" and not settings.keys() & started.keys()
    assert {name: os.environ[name] for name in settings} == settings


def test_the_plain_way_trains_half_of_the_cells_before_ours_and_half_after(monkeypatch):
    now, turns = [0.0], []

    def way(seconds, gain):
        def train(names, seed):
            turns.append((seconds, list(names), seed))
            now[0] += seconds * len(names)
            return {name: gain + float(name) / 10 + seed / 100 for name in names}

        return train

    monkeypatch.setattr(throughput.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(throughput, "CELLS", dict.fromkeys("1234"))
    seconds, accuracies = throughput._train_in_turns(way(5, 0.0), way(1, 0.5), 2)
    assert turns == [
        turn for seed in (0, 1) for turn in ((5, ["1", "3"], seed), (1, list("1234"), seed), (5, ["2", "4"], seed))
    ]
    assert seconds == {"plain": 40, "ours": 8}
    assert accuracies["plain"] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.11, 0.21, 0.31, 0.41])
    gap = throughput._accuracy_gap({"plain": [0.5, 0.5], "ours": [0.6, 0.8]})
    assert gap == pytest.approx({"accuracy_gap": 0.2, "accuracy_gap_error": 0.1})
