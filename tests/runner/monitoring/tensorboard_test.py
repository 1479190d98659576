"""Tests of nas_keras/runner/monitoring/tensorboard.py: what TensorBoard reads of a run."""

import dataclasses
import json
import math

import pytest
from helpers import grid, read_scalars
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import nas_keras as nk
from nas_keras.runner.monitoring.tensorboard import Monitor, _has_numbers, failure_kind
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_folder import Workspace

SPACE = grid(4)


def _trial(key, reward, *, cached=False, iteration=0):
    return nk.Trial(0, iteration, 0, 0, (0,), (), key, cached, nk.Evaluation(reward))


@pytest.fixture(name="monitor")
def _monitor(tmp_path):
    """Appends batches to D and writes them."""
    dataset = Dataset(Origin("s", "r"))
    monitor = Monitor(Workspace(tmp_path), SPACE)

    def write(*trials, metrics=None):
        batch = [dataclasses.replace(trial, iteration=len(dataset.batches)) for trial in trials]
        dataset.append(batch)
        monitor.write(dataset, batch, metrics or {})

    return write


def test_one_point_for_each_batch(monitor, tmp_path):
    monitor(_trial("a", 0.25), _trial("b", 0.75), metrics={"entropy": 1.5, "kl": 0.25})
    monitor(_trial("c", 0.5), _trial("a", 0.25, cached=True), _trial("d", math.nan), _trial("e", 0.75))
    scalars = read_scalars(tmp_path / "tensorboard")
    assert [step for step, _ in scalars.pop("search/children_per_hour")] == [0, 1]
    assert scalars == {
        "reward/mean": [(0, 0.5), (1, 0.5)],
        "reward/best": [(0, 0.75), (1, 0.75)],
        "search/evaluations": [(0, 2), (1, 5)],
        "search/cache_hit_rate": [(0, 0), (1, 0.25)],
        "search/failure_rate": [(0, 0), (1, 0.25)],
        "policy/entropy": [(0, 1.5)],
        "policy/kl": [(0, 0.25)],
        "failures/the reward is not a finite number": [(1, 1)],
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
    dataset.append([_trial("b", 0.4, iteration=1)])
    Monitor(Workspace(tmp_path), SPACE).write(dataset, dataset.batches[1], {})
    scalars = read_scalars(tmp_path / "tensorboard")
    assert scalars["reward/best"] == [(1, pytest.approx(0.9))]
    assert scalars["reward/mean"] == [(1, pytest.approx(0.4))]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = Dataset(Origin("s", "r"))
    monitor = Monitor(None, SPACE)
    monitor.start(dataset)
    monitor.write(dataset, [_trial("a", 0.5)], {})
    monitor.end()
    monitor.close()
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


def test_the_entropy_of_each_decision_is_estimated_from_the_samples(tmp_path):
    space = nk.spaces.large(1)
    nk.search(space, nk.FunctionEvaluator(lambda cell: 0.5), strategy="reinforce", max_evaluations=4, batch_size=4,
              workdir=tmp_path / "run")  # fmt: skip
    run, scalars = nk.load_run(tmp_path / "run"), read_scalars(tmp_path / "run" / "tensorboard")
    for place, name in enumerate(("op_1", "combine")):
        mean = -sum(trial.log_probs[place] for trial in run.batches[0]) / 4
        assert scalars[f"entropy/{name}"][0] == (0, pytest.approx(mean))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (
            "failed: refused: num_params 9,000 is over the limit of 5,000.5",
            "refused: num_params N is over the limit of N",
        ),
        ("failed: the worker died (signal 9)", "the worker died"),
        ("failed: ", "other"),
        ("failed: " + "x" * 500, "x" * 60),
    ],
)
def test_failures_that_differ_in_numbers_are_of_one_kind(status, kind):
    assert failure_kind(status) == kind


def test_failures_are_counted_by_kind_and_the_kinds_are_bounded(tmp_path):
    outcomes = iter([*(f"{chr(97 + n)} failed" for n in range(15)), "a failed", "a failed"])
    evaluator = nk.FunctionEvaluator(lambda _: nk.Evaluation.failure(next(outcomes)))
    nk.search(grid(20), evaluator, strategy="random", max_evaluations=17, batch_size=17, workdir=tmp_path / "run")
    scalars = read_scalars(tmp_path / "run" / "tensorboard")
    counts = {tag: points[-1][1] for tag, points in scalars.items() if tag.startswith("failures/")}
    assert counts["failures/a failed"] == 3 and counts["failures/other"] == 5 and len(counts) == 11


def test_late_batches_have_fewer_numbers():
    steps = [step for step in range(100_000) if _has_numbers(step)]
    assert steps[:4096] == list(range(4096)) and steps[4096:4098] == [4096, 4098] and steps[-1] == 99_968
    assert len(steps) < 14_000


def test_a_run_that_is_continued_writes_nothing_twice(tmp_path):
    def search(max_evaluations):
        nk.search(nk.spaces.large(1), nk.FunctionEvaluator(lambda cell: len(cell.key)), strategy="random",
                  max_evaluations=max_evaluations, batch_size=2, workdir=tmp_path / "run")  # fmt: skip

    folder = tmp_path / "run" / "tensorboard"
    search(4)
    rows = {path: path.stat().st_mtime_ns for path in (folder / "children").rglob("events*")}
    assert len(rows) == 4
    search(8)
    search(8)
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    for tag in accumulator.Tags()["tensors"]:
        steps = [event.step for event in accumulator.Tensors(tag)]
        assert len(steps) == len(set(steps)), tag
    assert {"run/settings", "run/commands", "run/versions"} <= set(accumulator.Tags()["tensors"])
    later = {path: path.stat().st_mtime_ns for path in (folder / "children").rglob("events*")}
    assert len(later) == 8 and rows.items() <= later.items()


def test_an_alarm_is_a_text(tmp_path):
    evaluator = nk.FunctionEvaluator(lambda _: nk.Evaluation.failure("no"))
    nk.search(grid(20), evaluator, strategy="random", max_evaluations=16, batch_size=8, workdir=tmp_path / "run")
    accumulator = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    (event,) = accumulator.Tensors("alarms/most children fail")  # once
    assert event.step == 0 and b"8 of 8 children have failed" in event.tensor_proto.string_val[0]


def test_that_the_best_may_be_chance_is_a_text_at_the_end(tmp_path, caplog):
    evaluator = nk.FunctionEvaluator(lambda _: 0.5)
    evaluator.review = lambda trials: f"the best of {len(trials)} is within noise of guessing"
    nk.search(grid(6), evaluator, strategy="random", max_evaluations=6, batch_size=2, workdir=tmp_path / "run")
    accumulator = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    (event,) = accumulator.Tensors("alarms/within noise")
    assert event.step == 2 and b"the best of 6 is within noise of guessing" in event.tensor_proto.string_val[0]
    assert caplog.messages == ["Alarm, within noise: the best of 6 is within noise of guessing"]
