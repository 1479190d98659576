"""Tests of nas_keras/storage/records/trial_values.py."""

import dataclasses
import math

import numpy as np
import pytest

from nas_keras.errors import InvalidValueError
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.schema import FEATURES
from nas_keras.storage.records.trial_values import trial_of, values_of
from nas_keras.trial import Evaluation, Trial

_ORIGIN = Origin("space", "recipe", variants=("half",))
_EVALUATION = Evaluation(0.1, valid_accuracy=0.1, loss=2.5, num_params=7, epochs=3, seconds=0.3, flops=2**24 + 1)
_TRIAL = Trial(5, 2, 1, 9, (0, 7), (-0.5, -1.5), "0,7", True, _EVALUATION)


def test_there_is_a_value_for_each_feature():
    values = values_of(_TRIAL, _ORIGIN, 8)
    assert set(values) == set(FEATURES)
    assert (values["shard_trials"], values["trial"], values["policy"], values["cached"]) == (8, 5, 1, 1)
    assert values["reward"] == float(np.float32(0.1)) and values["flops"] == (2.0**24,)  # in single precision
    assert (values["space"], values["recipe"], values["test_accuracy"]) == ("space", "recipe", ())


def test_the_trial_comes_back_in_double_precision():
    assert repr(trial_of(values_of(_TRIAL, _ORIGIN, 8), _ORIGIN)) == repr(_TRIAL)


def test_without_doubles_the_numbers_are_those_in_single_precision():
    values = {**values_of(_TRIAL, _ORIGIN, 8), "doubles": (), "flops": ()}
    evaluation = trial_of(values, _ORIGIN).evaluation
    assert evaluation.reward == float(np.float32(0.1)) and math.isnan(evaluation.flops)


def test_only_another_recipe_than_that_of_the_run_is_named():
    half = dataclasses.replace(_TRIAL, evaluation=dataclasses.replace(_EVALUATION, recipe="half"))
    values = values_of(half, _ORIGIN, 8)
    assert values["recipe"] == "half" and trial_of(values, _ORIGIN).evaluation.recipe == "half"
    assert trial_of(values_of(_TRIAL, _ORIGIN, 8), _ORIGIN).evaluation.recipe == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"actions": (-1, 0)}, "it has actions"),
        ({"log_probs": (-0.5,)}, "it has log_probs"),
        ({"key": "a\nb"}, "it has key"),
        ({"evaluation": dataclasses.replace(_EVALUATION, recipe="other")}, "is of recipe other, but this run has"),
    ],
)
def test_what_the_reader_would_refuse_has_no_values(changed, says):
    with pytest.raises(InvalidValueError, match=f"cannot be stored: {says}"):
        values_of(dataclasses.replace(_TRIAL, **changed), _ORIGIN, 8)
