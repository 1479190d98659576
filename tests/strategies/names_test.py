"""Tests of nas_keras/strategies/__init__.py."""

import pytest
from helpers import grid, run_python

import nas_keras as nk
from nas_keras import strategies
from nas_keras.errors import InvalidValueError


def test_the_table_of_names():
    assert strategies.NAMES == ("ppo", "random", "reinforce", "evolution", "progressive", "ppo_predictor")
    assert strategies.config_of("ppo", {}) == nk.PPOConfig()
    assert strategies.config_of("random", {}) == strategies.RandomConfig()
    assert strategies.config_of("reinforce", {}) == strategies.ReinforceConfig()
    assert strategies.config_of("evolution", {"population": "20"}) == strategies.EvolutionConfig(population=20)
    assert strategies.config_of("progressive", {}) == strategies.ProgressiveConfig()


def test_a_text_is_converted_to_the_type_of_its_setting():
    config = strategies.config_of("ppo", {"learning_rate": "0.01", "steps": "3", "distribute": "none", "clip": 0.25})
    assert config == nk.PPOConfig(learning_rate=0.01, steps=3, clip=0.25)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("pp", {}, "strategy='pp' is unknown. Allowed: ppo, random, reinforce, evolution, progressive, "),
        ("random", {"x": 1}, "Strategy 'random' has no setting 'x'. It has: none."),
        ("ppo", {"lr": "1"}, "Strategy 'ppo' has no setting 'lr'. It has: learning_rate, clip, steps, "),
        ("ppo", {"steps": "many"}, "steps='many' is not allowed: it must be of type int."),
        ("ppo", {"steps": "1.5"}, "steps='1.5' is not allowed: it must be of type int."),
        ("ppo", {"clip": "a"}, "clip='a' is not allowed: it must be of type float."),
        ("ppo", {"clip": "nan"}, "clip=nan is not allowed: it must be a number of at least 0."),
        ("ppo", {"steps": "0"}, "steps=0 is not allowed: it must be an integer of at least 1."),
    ],
)
def test_settings_that_cannot_be_used(name, options, says):
    with pytest.raises(InvalidValueError) as error:
        strategies.config_of(name, options)
    assert str(error.value).startswith(says)


def test_make_strategy_gives_the_named_one_with_its_seed():
    space = grid(2, 3)
    strategy = strategies.make_strategy("random", space, seed=5)
    assert isinstance(strategy, strategies.RandomSearch)
    assert strategy.space is space and strategy.seed == 5
    with pytest.raises(InvalidValueError, match="strategy='evolve' is unknown"):
        strategies.make_strategy("evolve", space)
    with pytest.raises(InvalidValueError, match="seed=-1"):
        strategies.make_strategy("random", space, seed=-1)


def test_classes_by_name_and_no_others():
    assert strategies.PPOConfig is nk.PPOConfig
    for name in ("PPO", "RandomSearch", "Reinforce", "RegularizedEvolution", "Progressive"):
        assert getattr(strategies, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'nas_keras.strategies' has no attribute 'Search'"):
        _ = strategies.Search


def test_names_and_settings_import_no_tensorflow():
    code = """
import sys
import nas_keras as nk
nk.strategies.config_of("ppo", {"steps": "2"})
nk.strategies.config_of("reinforce", {"decay": "0.9"})
for name in ("random", "evolution", "progressive"):
    nk.strategies.make_strategy(name, nk.spaces.large(2)).ask(3)
assert "tensorflow" not in sys.modules
"""
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
