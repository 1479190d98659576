"""Tests of nas_keras/trial.py."""

import dataclasses
import decimal
import fractions
import math
import pickle

import numpy as np
import pytest

from nas_keras.errors import InvalidValueError
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
@pytest.mark.parametrize("value", [0.1, 1e39, -1e300, 1e9 + 1, np.float64(0.1), fractions.Fraction(1, 3)])
def test_numbers_are_kept_in_double_precision_as_python_floats(name, value):
    evaluation = Evaluation(**{"reward": 1.0, name: value})
    assert getattr(evaluation, name) == float(value) and type(getattr(evaluation, name)) is float
    assert not evaluation.failed


@pytest.mark.parametrize("value", [None, "0.5", True, 1j, np.complex64(1), 10**400, fractions.Fraction(10**400), [1.0]])
def test_what_is_no_real_number_is_refused(value):
    for name in _FLOATS:
        with pytest.raises(InvalidValueError, match=f"{name}=.* is not allowed: it must be a number, or NaN if"):
            Evaluation(**{"reward": 1.0, name: value})


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


def test_evaluations_are_equal_if_all_their_fields_are_and_what_was_not_measured_is_equal_too():
    assert Evaluation(0.5) == Evaluation(0.5, loss=float("nan"))
    assert Evaluation.failure("slow") == Evaluation.failure("slow")
    assert len({Evaluation(0.5), Evaluation(0.5, loss=float("nan")), Evaluation(0.5, loss=1.0)}) == 2
    assert Evaluation(0.5) != Evaluation(0.5, loss=1.0)
    assert Evaluation(0.5) != 0.5


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


def test_a_refusal_is_a_failure_that_says_so():
    refusal = Evaluation.refusal("9,000 parameters are more than 5,000")
    assert refusal.failed and refusal.refused and math.isnan(refusal.reward) and refusal.seconds == 0
    assert refusal.status == "failed: refused: 9,000 parameters are more than 5,000"
    assert not Evaluation.failure("diverged").refused and not Evaluation(0.5).refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reward", 1 + 2j),
        ("reward", 0j),
        ("reward", np.complex64(1)),
        ("reward", np.array(1 + 0j)),
        ("reward", 10**400),
        ("reward", -(10**400)),
        ("reward", fractions.Fraction(10**400, 3)),
        ("reward", decimal.Decimal("sNaN")),
        ("reward", [0.5, 0.5]),
        ("reward", {}),
        ("loss", 1j),
        ("seconds", 10**400),
        ("valid_accuracy", "0.9"),
        ("test_accuracy", object()),
        ("num_params", 2**63),
        ("num_params", 10**400),
        ("num_params", True),
        ("epochs", 2**63),
        ("epochs", 1.0),
        ("recipe", 7),
        ("recipe", None),
        ("recipe", b"abc"),
        ("status", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_value_that_cannot_be_is_refused_by_name(name, value):
    with pytest.raises(InvalidValueError, match=f"^{name}=.* is not allowed: it must be "):
        Evaluation(**{"reward": 0.5, name: value})


def test_numbers_of_other_classes_are_numbers():
    for value in (fractions.Fraction(1, 4), decimal.Decimal("0.25"), np.float16(0.25), np.array(0.25)):
        assert Evaluation(value).reward == 0.25
    assert Evaluation(0.5, num_params=2**63 - 1, epochs=np.int64(3)).num_params == 2**63 - 1
