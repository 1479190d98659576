"""Tests of nas_keras/comparison/contenders.py: strategies with settings, as text."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.comparison.contenders import parse_contenders
from nas_keras.comparison.problems import Problem
from nas_keras.comparison.synthetic import grid


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("ppo", ["ppo"]),
        ("ppo, random", ["ppo", "random"]),
        ("evolution:population=50,sample_size=10,ppo:window=3,random", None),
        ("evolution:population=50,evolution", None),
    ],
)
def test_strategies_are_written_as_they_are_shown(text, labels):
    contenders = parse_contenders(text)
    assert ",".join(contender.label for contender in contenders) == text.replace(" ", "")
    assert labels is None or [contender.label for contender in contenders] == labels


def test_settings_are_the_strategys():
    (contender,) = parse_contenders("evolution:population=50,sample_size=7")
    problem = Problem(grid("g", [2]), nk.Evaluator(), np.array([0.0, 0.0, 1.0]))
    strategy = contender.make(problem, 3)
    assert (strategy.config.population, strategy.config.sample_size, strategy.seed) == (50, 7, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no strategy between two commas"),
        ("ppo,,random", "names no strategy between two commas"),
        ("tabu", "strategy='tabu' is unknown. Allowed: ppo, "),
        ("ppo:", "'ppo:' is not allowed: write strategy:setting=value,setting=value"),
        ("ppo:window", "'ppo:window' is not allowed"),
        ("ppo:window=", "'ppo:window=' is not allowed"),
        ("window=3", "strategy='window=3' is unknown"),
        ("ppo:height=3", "Strategy 'ppo' has no setting 'height'. It has: "),
        ("ppo:window=x", "window='x' is not allowed: it must be of type int"),
        ("ppo:window=-1", "window=-1 is not allowed"),
        ("random,ppo,random", "names a strategy twice with the same settings"),
    ],
)
def test_strategies_that_do_not_exist(text, message):
    with pytest.raises(nk.InvalidValueError, match=message):
        parse_contenders(text)
