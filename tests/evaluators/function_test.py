"""Tests of nas_keras/evaluators/function.py."""

import time
from fractions import Fraction

import numpy as np
import pytest
from helpers import is_nan, job

import nas_keras as nk
from nas_keras.errors import InvalidValueError, shown

JOBS = [job("a", ("x", 1)), job("b", ("y", 2))]


def test_the_function_gets_the_architecture_and_its_float_is_the_reward():
    seen = []

    def function(architecture):
        seen.append(architecture)
        return architecture[1] / 4

    answers = list(nk.FunctionEvaluator(function).evaluate(JOBS))
    assert seen == [("x", 1), ("y", 2)]
    assert [(job, e.reward, e.status) for job, e in answers] == [(JOBS[0], 0.25, "ok"), (JOBS[1], 0.5, "ok")]


def test_jobs_are_evaluated_one_after_the_other_as_they_are_asked_for():
    seen = []
    answers = nk.FunctionEvaluator(lambda a: seen.append(a) or 1.0).evaluate(JOBS)
    next(answers)
    assert seen == [("x", 1)]


@pytest.mark.parametrize("value", [1, True, np.float32(1), np.array(1.0), "1"])
def test_what_float_takes_is_a_reward(value):
    ((_, evaluation),) = nk.FunctionEvaluator(lambda _: value).evaluate(JOBS[:1])
    assert evaluation.reward == 1.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_finite_number_is_a_failure(value):
    ((_, evaluation),) = nk.FunctionEvaluator(lambda _: value).evaluate(JOBS[:1])
    assert is_nan(evaluation.reward) and evaluation.failed
    assert evaluation.status == "failed: the reward is not a finite number"


def test_an_evaluation_is_passed_on_as_it_is():
    told = nk.Evaluation(0.5, valid_accuracy=0.75, num_params=12, seconds=3.0)
    ((_, evaluation),) = nk.FunctionEvaluator(lambda _: told).evaluate(JOBS[:1])
    assert evaluation is told
    failed = nk.Evaluation.failure("no luck")
    ((_, evaluation),) = nk.FunctionEvaluator(lambda _: failed).evaluate(JOBS[:1])
    assert evaluation.status == "failed: no luck"


def test_an_exception_ends_the_search():
    def function(architecture):
        raise ZeroDivisionError(f"no {architecture[0]}")

    with pytest.raises(ZeroDivisionError, match="no x"):
        list(nk.FunctionEvaluator(function).evaluate(JOBS))


@pytest.mark.parametrize("value", [None, "high", (1.0,), {}, 1j, np.complex64(1), 10**400, Fraction(10**400, 7)])
def test_what_is_no_number_ends_the_search_with_what_it_was(value):
    with pytest.raises(nk.InvalidValueError) as caught:
        list(nk.FunctionEvaluator(lambda _: value).evaluate(JOBS))
    assert str(caught.value) == f"The function gave {shown(value)} for a: it must give a number, or an nk.Evaluation."


def test_seconds_are_the_wall_time_of_the_function(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    ((_, evaluation),) = nk.FunctionEvaluator(lambda _: 1.0).evaluate(JOBS[:1])
    assert evaluation.seconds == 2.5


def test_the_recipe_is_the_functions_name_or_what_the_user_says():
    class Scores:
        def __call__(self, architecture):
            return 1.0

    recipe = nk.FunctionEvaluator(is_nan).recipe
    assert recipe["function"] == "is_nan" and set(recipe["function_code"]) >= {"is_nan", "math in is_nan"}
    assert nk.FunctionEvaluator(sum).recipe == {"function": "sum"}
    assert nk.FunctionEvaluator(is_nan, version="2").recipe == {
        "function": "is_nan",
        "function_code": {"given version": "2"},
    }
    assert nk.FunctionEvaluator(is_nan, recipe={"noise": 0.1}, version="2").recipe == {
        "noise": 0.1,
        "function_code": {"given version": "2"},
    }
    assert nk.FunctionEvaluator(Scores()).recipe["function"].endswith("Scores")
    assert nk.FunctionEvaluator(is_nan, recipe={"noise": 0.1}).recipe == {"noise": 0.1}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"version": 2}, "version must be a non-empty string of printable characters, not 2."),
        ({"version": ""}, "version must be a non-empty string of printable characters, not ''."),
        ({"version": "1", "recipe": ["a"]}, "recipe=['a'] is not allowed: it must be a JSON object, or None."),
    ],
)
def test_a_version_that_cannot_be_used(settings, says):
    with pytest.raises(InvalidValueError) as caught:
        nk.FunctionEvaluator(is_nan, **settings)
    assert str(caught.value) == says
