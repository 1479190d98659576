"""Tests of nas_keras/benchmarks/overhead.py with a strategy that needs no TensorFlow."""

import functools

import pytest

import nas_keras as nk
from nas_keras.benchmarks import overhead


def test_the_points_are_at_the_marks_and_at_the_end(monkeypatch):
    memory = iter(range(5_000_000, 10_000_000, 800_000))
    monkeypatch.setattr(overhead, "resident_bytes", lambda: next(memory))
    monkeypatch.setattr(overhead, "search", functools.partial(nk.search, strategy="random"))
    found = overhead.measure_overhead(trials=1_200)
    assert found["evaluations"] == 1_200
    assert [point["trials"] for point in found["points"]] == [1_000, 1_200]
    assert [point["bytes_per_trial"] for point in found["points"]] == [0, pytest.approx(4_000)]
    assert all(0 < point["milliseconds_per_trial"] < 1_000 for point in found["points"])
    assert found["milliseconds_per_child"] > 0
