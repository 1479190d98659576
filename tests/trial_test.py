"""Tests of nas_keras/trial.py."""

import dataclasses
import math
import pickle

import numpy as np
import pytest

from nas_keras.trial import Evaluation, Proposals, Trial, training_seed

_FLOATS = ("reward", "valid_accuracy", "loss", "seconds", "test_accuracy")


def test_an_evaluation_by_reward_alone_is_ok_and_knows_nothing_else():
    evaluation = Evaluation(0.5)
    assert evaluation.status == "ok"
    assert not evaluation.failed
    assert (evaluation.num_params, evaluation.epochs, evaluation.seconds) == (0, 0, 0.0)
    assert (
        math.isnan(evaluation.valid_accuracy) and math.isnan(evaluation.loss) and math.isnan(evaluation.test_accuracy)
    )


@pytest.mark.parametrize("name", _FLOATS)
def test_numbers_are_kept_in_single_precision_as_python_floats(name):
    value = getattr(Evaluation(**{"reward": 1.0, name: 0.1}), name)
    assert value == 0.100000001490116119384765625  # the float32 nearest to 0.1
    assert type(value) is float


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_no_finite_number_is_a_failure(reward):
    evaluation = Evaluation(reward)
    assert evaluation.failed
    assert evaluation.status == "failed: the reward is not a finite number"
    assert math.isnan(evaluation.reward)


def test_a_failure_has_its_reason_and_no_reward():
    evaluation = Evaluation.failure("out of memory", seconds=1.5)
    assert evaluation.failed
    assert evaluation.status == "failed: out of memory"
    assert math.isnan(evaluation.reward)
    assert evaluation.seconds == 1.5


def test_a_failed_evaluation_has_no_reward_whatever_was_given():
    evaluation = Evaluation(reward=0.9, status="failed: diverged")
    assert evaluation.status == "failed: diverged"
    assert math.isnan(evaluation.reward)


@pytest.mark.parametrize("value", [Evaluation(0.5), Proposals(np.zeros([1, 2], np.int32))])
def test_nothing_that_travels_can_be_changed(value):
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
        value.reward = value.actions = 1.0


def test_a_trial_has_its_evaluations_reward_and_travels_by_pickle():
    trial = Trial(3, 1, 0, 7, (1, 2), (-0.5, -0.25), "1,2", False, Evaluation(0.75, valid_accuracy=0.75, loss=0.5))
    assert trial.reward == 0.75
    again = pickle.loads(pickle.dumps(trial))
    assert (again.key, again.log_probs, again.reward) == ("1,2", (-0.5, -0.25), 0.75)


@pytest.mark.parametrize(
    ("run_seed", "key", "expected"),
    [  # printf %s "0/1,7" | sha256sum, the first 8 hex digits, without their last bit
        pytest.param(0, "1,7", 0x87EF7B42 >> 1, id="small"),
        pytest.param(12, "add(conv_3x3[conv_3x3],identity)", 0xFC4269E1 >> 1, id="large"),
    ],
)
def test_a_training_seed_is_31_bits_of_sha256(run_seed, key, expected):
    assert training_seed(run_seed, key) == expected


def test_training_seeds_are_31_bits_and_differ_between_keys_and_between_runs():
    seeds = [training_seed(run, f"{i},{j}") for run in range(3) for i in range(8) for j in range(8)]
    assert len(set(seeds)) == 192
    assert min(seeds) >= 0
    assert 2**30 <= max(seeds) < 2**31
