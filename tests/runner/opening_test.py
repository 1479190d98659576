"""Tests of nas_keras/runner/opening.py; more of it is in search_test.py and storage/warm_start_test.py."""

import json

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.evaluators.base import describe_evaluator
from nas_keras.runner.opening import Run
from nas_keras.runner.settings import check_settings

_SPACE = grid(4)


def _open(workdir, *, seed=0, warm_start_from=None, recipe="r"):
    """Returns the keys that D knows and the evaluator."""
    evaluator = nk.FunctionEvaluator(sum, recipe={"recipe": recipe})
    settings = check_settings(
        _SPACE,
        strategy="random",
        strategy_config=None,
        max_evaluations=4,
        max_trials=None,
        max_seconds=None,
        batch_size=2,
        lag=0,
        seed=seed,
        workdir=workdir,
        warm_start_from=warm_start_from,
    )
    run = Run(settings, describe_evaluator(evaluator))
    assert workdir is None or (workdir / "config.json").exists() or not workdir.exists()
    with run.open(evaluator, settings.make_strategy()) as dataset:
        return [key for key in "0123" if dataset.lookup(key)]


def test_a_new_run_is_written_when_it_is_opened_and_can_be_opened_again(tmp_path):
    for _ in range(2):
        assert _open(tmp_path / "run") == []
        assert json.loads((tmp_path / "run" / "config.json").read_text())["fixed"]["seed"] == 0
    with pytest.raises(nk.InvalidValueError, match="seed: 0 before, 1 now"):
        _open(tmp_path / "run", seed=1)


def test_a_run_in_memory_has_no_folder():
    assert _open(None) == []


def test_a_run_keeps_what_its_warm_start_knew(tmp_path):
    evaluator = nk.FunctionEvaluator(sum, recipe={"recipe": "r"})
    for count in (2, 3):
        nk.search(_SPACE, evaluator, strategy="random", max_evaluations=count, workdir=tmp_path / "source")
        assert len(_open(tmp_path / "run", warm_start_from=tmp_path / "source")) == 2
    with pytest.raises(nk.InvalidValueError, match="warm_start: .* before, null now"):
        _open(tmp_path / "run")


def test_a_warm_start_that_cannot_be_used_leaves_no_folder(tmp_path):
    _open(tmp_path / "source")
    with pytest.raises(nk.InvalidValueError, match="source has another recipe than this search"):
        _open(tmp_path / "run", warm_start_from=tmp_path / "source", recipe="other")
    assert not (tmp_path / "run").exists()
