"""Tests of runs that were killed in their first batch: what is finished is in pending/ only, and counts everywhere."""

import contextlib
import os
import subprocess
import sys
import time

import pytest
from helpers import ROOT, TINY_CHILD, python_path, run_launch, store_dots, tiny_images, wait_until

import nas_keras as nk
from nas_keras._tensorflow import load_tensorflow
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.training import make_recipe
from nas_keras.reports.search_page.page import write_run_report
from nas_keras.results import export
from nas_keras.results.runs import read_runs
from nas_keras.storage.sources import open_run
from nas_keras.storage.taking import take
from nas_keras.storage.warm_start import read_known

SPACE = nk.spaces.small()

# Three of eight children finish, the second one fails, and the fourth takes for ever.
_SEARCH = """
import sys, time
from promises.first_batch_test import SPACE, recipe
import nas_keras as nk

def evaluate(cell):
    count.append(cell)
    if len(count) == 4:
        time.sleep(600)
    if len(count) == 2:
        return nk.Evaluation.failure("no", seconds=1.0)
    return nk.Evaluation(0.5 + len(count) / 10, seconds=1.0, epochs=1, num_params=9)

count = []
nk.search(SPACE, nk.FunctionEvaluator(evaluate, recipe=recipe()), strategy="random", workdir=sys.argv[1])
"""


def recipe():
    return make_recipe(tiny_images(), TINY_CHILD, nk.TrainConfig(), "none")


def _num_pending(run):
    return len(list((run / "pending").glob("*.tfrecord")))


@contextlib.contextmanager
def _killed(command, run, count):
    """Yields once `count` children of the first batch are finished, and kills the search at the end of the block."""
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT, ROOT / "tests")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert wait_until(lambda: _num_pending(run) >= count or process.poll() is not None, seconds=180)
        assert process.poll() is None, process.stderr.read().decode()
        yield
    finally:
        process.kill()
        process.communicate()
    assert not list((run / "dataset").glob("*"))


def _files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module", name="killed")
def _killed_run(tmp_path_factory):
    """The folder, and what was read of it while the search went on, which no reading may disturb."""
    load_tensorflow()  # the process of the search needs it: without, `make test-fast` skips these tests
    run = tmp_path_factory.mktemp("first_batch") / "run"
    with _killed([sys.executable, "-c", _SEARCH, str(run)], run, 3):
        before = _files(run)
        (read,) = read_runs([run])
        with pytest.raises(InvalidValueError, match="Another process is running in workdir="):
            nk.export_best(run, images=tiny_images())
        assert _files(run) == before
    return run, read


def test_a_run_in_its_first_batch_can_be_read_whether_it_goes_on_or_was_killed(killed):
    run, meanwhile = killed
    (read,) = read_runs([run])
    assert (read.batches, read.pending) == (meanwhile.batches, meanwhile.pending)
    assert read.batches == [] and [trial.evaluation.status for trial in read.evaluated] == ["ok", "failed: no", "ok"]
    assert [trial.reward for trial in read.top(5)] == [0.8, 0.6]
    assert open_run("run", run).read_dataset().finished == read.pending


def test_it_has_a_page(killed, tmp_path):
    pytest.importorskip("matplotlib")
    made = write_run_report([killed[0]], tmp_path / "page")
    assert made.headlines[0].startswith("random search: 3 of 200 cells evaluated in 0 proposals")
    best = SPACE.decode(killed[1].top(1)[0].actions)
    assert made.headlines[0].endswith(f"{best}.") or killed[1].top(1)[0].key in made.headlines[0]


def test_its_rewards_can_be_taken_and_known_from_the_start(killed):
    rewards = [0.6, 0.8]
    taken = take([killed[0]], space=SPACE, recipe=recipe(), seeds=1)
    assert [trial.reward for trial in taken.trials] == rewards
    assert [trial.reward for trial in read_known(killed[0], space=SPACE, recipe=recipe())] == rewards


def test_its_best_children_can_be_exported(killed, monkeypatch):
    trained = []

    def spy(run, final, jobs, trials, exported, *others):
        for rank in jobs:
            trained.append(trials[rank].reward)
            exported[rank] = rank

    monkeypatch.setattr(export, "_train_and_export", spy)
    assert nk.export_best(killed[0], top=5, images=tiny_images()) == [1, 2]
    assert trained == [0.8, 0.6]


@pytest.mark.slow  # children are trained, then one of them for the export
def test_the_scripts_export_and_report_a_search_that_was_killed(tmp_path):
    store_dots(tmp_path / "data")
    run, page = tmp_path / "run", tmp_path / "page"
    flags = [f"--workdir={run}", "--dataset=dots", f"--data_dir={tmp_path / 'data'}", "--batch_size=16"]
    flags += ["--filters=4", "--workers=1", "--epochs=1", "--train_batch_size=128"]
    with _killed([sys.executable, str(ROOT / "launch" / "search.py"), *flags], run, 2):
        pass
    time.sleep(1)  # the workers end with the process
    done = run_launch("export_best.py", f"--workdir={run}", "--epochs=1", "--workers=1")
    assert done.returncode == 0 and done.stdout.startswith("1. "), done.stderr
    assert (run / "best" / "saved_model" / "saved_model.pb").is_file()
    done = run_launch("report.py", f"--runs={run}", f"--output={page}")
    assert done.returncode == 0 and f"The page: {page}/README.md" in done.stdout, done.stderr
