"""Tests of nas_keras/comparison/contenders.py: strategies with settings, as text."""

import dataclasses
import importlib.util
import re

import numpy as np
import pytest

import nas_keras as nk
from nas_keras._tensorflow import TF_AGENTS
from nas_keras.comparison.contenders import parse_contenders
from nas_keras.comparison.problems import Problem
from nas_keras.comparison.synthetic import grid
from nas_keras.errors import DependencyError


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("ppo", ["ppo"]),
        ("ppo, random", ["ppo", "random"]),
        ("evolution:population=50,sample_size=10,ppo:window=3,random", None),
        ("evolution:population=50,evolution", None),
        ("evolution:batch_size=1,evolution:population=50,batch_size=2,ppo:paper,ppo:paper,steps=3", None),
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


def test_a_batch_size_and_the_paper_s_form_are_not_settings_of_a_strategy():
    plain, paper, evolution = parse_contenders("ppo,ppo:paper,steps=3,batch_size=16,evolution:batch_size=1")
    problem = Problem(grid("g", [2]), nk.Evaluator(), np.array([0.0, 0.0, 1.0]))
    assert plain.make(problem, 0).config == nk.PPOConfig() and plain.batch_size is None
    assert paper.make(problem, 0).config == dataclasses.replace(nk.PPOConfig.paper(), steps=3)
    assert (paper.batch_size, evolution.batch_size, evolution.settings) == (16, 1, {})


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
        ("random:paper", "'random:paper' is not allowed: write strategy:setting=value"),
        ("ppo:batch_size=0", "batch_size='0' in 'ppo:batch_size=0' is not allowed: it must be a whole number from 1"),
        ("ppo:batch_size=1.5", "batch_size='1.5' in 'ppo:batch_size=1.5' is not allowed"),
        ("ppo:batch_size=" + "9" * 5_000, "is not allowed: it must be a whole number from 1 to 1,000,000"),
        ("random,ppo,random", "names a strategy twice with the same settings"),
    ],
)
def test_strategies_that_do_not_exist(text, message):
    with pytest.raises(nk.InvalidValueError, match=message):
        parse_contenders(text)


def test_without_tf_agents_the_strategies_that_need_it_are_refused_in_one_sentence(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf_agents" else find(name))
    says = f"PPO needs TF-Agents, but tf_agents cannot be imported: pip install --no-deps {TF_AGENTS}"
    for text in ("random,ppo:paper", "ppo_predictor:batch_size=2"):
        with pytest.raises(DependencyError, match=f"^{re.escape(says)}$"):
            parse_contenders(text)
    assert [contender.label for contender in parse_contenders("evolution,random")] == ["evolution", "random"]
