"""Tests of launch/to_optuna.py: the study as Optuna and the server of its dashboard read it."""

import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest
from helpers import ROOT, python_path, run_launch, wait_until

import nas_keras as nk

optuna = pytest.importorskip("optuna")


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("to_optuna")
    table = nk.TableEvaluator(ROOT / "testdata" / "rewards" / "mnist_small")
    nk.search(nk.spaces.small(), table, strategy="random", max_evaluations=10, workdir=folder / "run")
    return folder


@pytest.fixture(scope="module", name="storage")
def _storage(folder):
    storage = f"sqlite:///{folder / 'x.db'}"
    done = run_launch("to_optuna.py", f"--workdir={folder / 'run'}", f"--storage={storage}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "10 trials added to the study 'run', which holds 10.",
        f"To look at them: optuna-dashboard {storage}",
    ]
    return storage


def test_optuna_finds_the_best_cell(folder, storage):
    study, run = optuna.load_study(study_name="run", storage=storage), nk.load_run(folder / "run")
    assert study.best_value == run.best.reward and study.best_trial.user_attrs["trial"] == run.best.trial
    assert ",".join(study.best_params.values()) == study.best_trial.user_attrs["key"]


def test_a_second_start_adds_nothing(folder, storage):
    done = run_launch("to_optuna.py", f"--workdir={folder / 'run'}", f"--storage={storage}", "--study=run")
    assert done.stdout.startswith("0 trials added to the study 'run', which holds 10.\n"), done.stderr
    done = run_launch("to_optuna.py", f"--workdir={ROOT / 'testdata/rewards/mnist_small'}", f"--storage={storage}",
                      "--study=run")  # fmt: skip
    assert done.returncode == 2 and "'run' holds 10 trials of something else than this run" in done.stderr


def test_the_server_of_the_dashboard_shows_the_trials(storage):
    pytest.importorskip("optuna_dashboard")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = "import sys; from optuna_dashboard._cli import main; sys.exit(main())"
    server = subprocess.Popen(
        [sys.executable, "-c", serve, storage, "--host=127.0.0.1", f"--port={port}"],
        env={**os.environ, "PYTHONPATH": python_path(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}", timeout=30) as answer:
            return json.load(answer)

    def is_up():
        try:
            return bool(ask("studies"))
        except OSError:
            return False

    try:
        assert wait_until(is_up, seconds=60)
        (study,) = ask("studies")["study_summaries"]
        trials = ask(f"studies/{study['study_id']}?after=0")["trials"]
    finally:
        server.terminate()
        server.wait()
    assert study["study_name"] == "run" and study["directions"] == ["maximize"]
    assert len(trials) == 10 and {trial["state"] for trial in trials} == {"Complete"}
    assert {param["name"] for param in trials[0]["params"]} == {"op_1", "op_2"}
