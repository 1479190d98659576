"""Tests of nas_keras/strategies/ppo/config.py."""

import dataclasses

import pytest

import nas_keras as nk
from nas_keras.strategies.ppo.config import PPOPredictorConfig

NAN = float("nan")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("minibatch_size", 1.5),
        ("window", -1),
        ("learning_rate", -0.1),
        ("clip", NAN),
        ("units", True),
        ("temperature", -0.5),
        ("sharpness", NAN),
        ("candidates", -1),
    ],
)
def test_impossible_numbers_are_refused(setting, value):
    with pytest.raises(nk.InvalidValueError, match=f"{setting}={value!r} is not allowed: it must be"):
        nk.PPOConfig(**{setting: value})


def test_unknown_words_are_refused():
    with pytest.raises(nk.InvalidValueError, match="advantages='best' is unknown. Allowed: normal, soft."):
        nk.PPOConfig(advantages="best")
    with pytest.raises(nk.InvalidValueError, match="distribute='all' is unknown"):
        nk.PPOConfig(distribute="all")


@pytest.mark.parametrize("kind", [nk.PPOConfig, PPOPredictorConfig])
def test_advantages_that_need_the_importance_ratio_are_refused_for_selected_proposals(kind):
    with pytest.raises(nk.InvalidValueError, match="advantages='normal' with candidates=50 is not allowed"):
        kind(advantages="normal", candidates=50)


def test_soft_advantages_need_entropy():
    with pytest.raises(nk.InvalidValueError, match="temperature=0 is not allowed: soft advantages need at least 0.01"):
        nk.PPOConfig(temperature=0)
    assert nk.PPOConfig(temperature=0, advantages="normal", candidates=0).temperature == 0


@pytest.mark.parametrize("setting", ["candidates", "initial"])
def test_the_predictor_needs_candidates_and_trials(setting):
    with pytest.raises(nk.InvalidValueError, match=f"{setting}=0 is not allowed: it must be an integer of at least 1"):
        PPOPredictorConfig(**{setting: 0})


def test_there_are_at_most_fourteen_settings():
    assert len(dataclasses.fields(nk.PPOConfig)) <= 14


def test_the_paper_s_form():
    paper = nk.PPOConfig.paper()
    assert (paper.candidates, paper.advantages, paper.window, paper.learning_rate) == (0, "normal", 1, 0.005)
