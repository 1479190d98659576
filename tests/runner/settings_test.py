"""Tests of nas_keras/runner/settings.py; values that are refused are in search_test.py and promises/."""

import importlib.util
import re

import numpy as np
import pytest
from helpers import grid, run_python

import nas_keras as nk
from nas_keras._tensorflow import TF_AGENTS
from nas_keras.errors import DependencyError
from nas_keras.runner import budget
from nas_keras.runner.settings import NEED_TF_AGENTS, check_settings
from nas_keras.strategies import RandomConfig, RandomSearch

_SPACE = grid(3, 3)


def _check(**settings):
    defaults = {
        "strategy": "random",
        "strategy_config": None,
        "max_evaluations": 7,
        "max_trials": None,
        "max_seconds": None,
        "batch_size": 4,
        "lag": None,
        "seed": 5,
        "workdir": None,
        "warm_start_from": None,
    }
    return check_settings(_SPACE, **{**defaults, **settings})


def test_the_default_of_max_trials_also_ends_a_search_without_new_keys():
    limits = _check().make_budget()
    assert (limits.max_trials, limits.num_keys, limits.max_idle) == (140, 9, budget.MOST_IDLE)
    limits = _check(max_trials=140).make_budget()
    assert (limits.max_trials, limits.num_keys, limits.max_idle) == (140, None, None)


def test_numpys_integers_become_pythons():
    settings = _check(max_evaluations=np.int8(100), batch_size=np.uint8(4), lag=np.int64(1))
    assert settings.max_trials == 2_000
    assert {type(value) for value in (settings.max_evaluations, settings.batch_size, settings.lag)} == {int}


def test_a_strategy_is_made_of_its_name_or_brings_its_seed():
    settings = _check()
    strategy = settings.make_strategy()
    assert isinstance(strategy, RandomSearch) and strategy.seed == 5 and strategy.space is _SPACE
    assert (settings.strategy_name, settings.strategy_config) == ("random", RandomConfig())
    own = RandomSearch(_SPACE, seed=9)
    settings = _check(strategy=own)
    assert settings.make_strategy() is own and (settings.seed, settings.strategy_name) == (9, "RandomSearch")


@pytest.mark.parametrize("strategy", nk.strategies.NAMES)
def test_a_strategy_that_needs_tf_agents_is_refused_without_it(strategy, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("tf_agents", "gin") else find(name))
    if strategy not in NEED_TF_AGENTS:
        _check(strategy=strategy)
        return
    says = f"PPO needs TF-Agents, but tf_agents and gin cannot be imported: pip install --no-deps {TF_AGENTS}"
    with pytest.raises(DependencyError, match=f"^{re.escape(says)}$"):
        _check(strategy=strategy)


def test_the_strategies_that_need_tf_agents_are_those_that_import_it():
    code = """
import sys
import nas_keras as nk
from nas_keras.strategies import strategy_class
sys.modules["tf_agents"] = None
for name in nk.strategies.NAMES:
    try:
        strategy_class(name)
    except nk.errors.DependencyError:
        print(name)
"""
    done = run_python(code)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, list(NEED_TF_AGENTS), "")


def test_nothing_is_written(tmp_path):
    assert _check(workdir=tmp_path / "run").workspace.root == tmp_path / "run"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"strategy_config": 5}, "strategy_config=5 is not allowed: it must be a dict"),
        ({"workdir": 5}, "workdir=5 is not allowed: it must be the path of a folder, or None"),
        ({"warm_start_from": ""}, "warm_start_from='' is not allowed: it must be the path of a folder, or None"),
        ({"lag": 101}, "lag=101 is not allowed: it must be an integer of at most 100"),
        ({"max_seconds": -1}, "max_seconds=-1 is not allowed"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(settings, says):
    with pytest.raises(nk.InvalidValueError, match=says):
        _check(**settings)
