"""Tests of nas_keras/runner/monitoring/scalars.py: what TensorBoard reads of a run."""

import json
import math

import pytest
from helpers import grid, read_scalars

import nas_keras as nk
from nas_keras.runner.monitoring.scalars import Monitor
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_folder import Workspace


def _trial(key, reward, *, cached=False, iteration=0):
    return nk.Trial(0, iteration, 0, 0, (0,), (), key, cached, nk.Evaluation(reward))


@pytest.fixture(name="monitor")
def _monitor(tmp_path):
    """Appends batches to D and writes them."""
    dataset = Dataset(Origin("s", "r"))
    monitor = Monitor(Workspace(tmp_path))

    def write(*batch, metrics=None):
        dataset.append(batch)
        monitor.write(len(dataset.batches) - 1, dataset, batch, metrics or {})

    return write


def test_one_point_for_each_batch(monitor, tmp_path):
    monitor(_trial("a", 0.25), _trial("b", 0.75), metrics={"entropy": 1.5, "kl": 0.25})
    monitor(_trial("c", 0.5), _trial("a", 0.25, cached=True), _trial("d", math.nan), _trial("e", 0.75))
    scalars = read_scalars(tmp_path / "tensorboard")
    assert scalars == {
        "reward/mean": [(0, 0.5), (1, 0.5)],
        "reward/best": [(0, 0.75), (1, 0.75)],
        "search/evaluations": [(0, 2), (1, 5)],
        "search/cache_hit_rate": [(0, 0), (1, 0.25)],
        "search/failure_rate": [(0, 0), (1, 0.25)],
        "policy/entropy": [(0, 1.5)],
        "policy/kl": [(0, 0.25)],
    }


def test_a_batch_of_failures_has_no_mean_and_no_best(monitor, tmp_path):
    monitor(_trial("a", math.nan), _trial("b", math.nan))
    monitor(_trial("c", -0.5))
    scalars = read_scalars(tmp_path / "tensorboard")
    assert scalars["reward/mean"] == scalars["reward/best"] == [(1, -0.5)]
    assert scalars["search/failure_rate"] == [(0, 1), (1, 0)]


def test_the_best_of_batches_that_were_there_before_counts(tmp_path):
    dataset = Dataset(Origin("s", "r"))
    dataset.append([_trial("a", 0.9)])
    dataset.append([_trial("b", 0.4)])
    Monitor(Workspace(tmp_path)).write(1, dataset, dataset.batches[1], {})
    scalars = read_scalars(tmp_path / "tensorboard")
    assert scalars["reward/best"] == [(1, pytest.approx(0.9))]
    assert scalars["reward/mean"] == [(1, pytest.approx(0.4))]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = Dataset(Origin("s", "r"))
    Monitor(None).write(0, dataset, [_trial("a", 0.5)], {})
    assert list(tmp_path.iterdir()) == []


def test_a_search_writes_each_batch_once_and_goes_on_where_it_stopped(tmp_path):
    for max_evaluations in (4, 4, 7):
        nk.search(
            grid(3, 3),
            nk.FunctionEvaluator(sum),
            strategy="random",
            max_evaluations=max_evaluations,
            batch_size=2,
            workdir=tmp_path / "run",
        )
    scalars = read_scalars(tmp_path / "run" / "tensorboard")
    # By step: TensorBoard reads files by name, and two writers begun within one second sort by a counter, 10 before 9.
    assert sorted(scalars["search/evaluations"]) == [(0, 2), (1, 4), (2, 6), (3, 7)]
    best = [value for _, value in sorted(scalars["reward/best"])]
    assert best == sorted(best)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["budget"]["max_evaluations"] == 7
