"""Tests of nas_keras/evaluators/objective.py."""

import functools
import math

import pytest

import nas_keras as nk
from nas_keras.evaluators.objective import Objective

_CHILD = nk.Evaluation(0.9, valid_accuracy=0.9, num_params=40_000, flops=3e6, latency_ms=2.0)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("accuracy", 0.9),
        ("accuracy*(params/20000)^-0.07", 0.9 * 2**-0.07),
        (" accuracy * ( params / 2e4 ) ^ -0.07 ", 0.9 * 2**-0.07),
        ("accuracy*(flops/1.5e6)^1", 1.8),
        ("accuracy*(latency/4)^-.5", 0.9 * math.sqrt(2)),
        ("accuracy*(params/20000)^-1*(latency/1)^2", 0.9 / 2 * 4),
        ("accuracy*(params/20000)^0", 0.9),
    ],
)
def test_a_formula_is_the_reward_and_the_accuracy_stays(formula, value):
    judged = Objective(formula).judge("k", _CHILD)
    assert judged.reward == pytest.approx(value, rel=1e-12)
    assert judged.valid_accuracy == 0.9
    assert judged.num_params == 40_000


def test_twice_the_cost_is_worth_five_percent_as_in_mnasnet():
    # Tan et al. 2019, section 3: "doubling the latency usually brings about 5% relative accuracy gain".
    small, large = (
        nk.Evaluation(accuracy, valid_accuracy=accuracy, latency_ms=ms) for accuracy, ms in ((0.7, 80), (0.735, 160))
    )
    objective = Objective("accuracy*(latency/80)^-0.07")
    assert objective.judge("k", small).reward == pytest.approx(objective.judge("k", large).reward, rel=0.001)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("accuracy", None),
        ("accuracy*(params/20000)^-0.07", "accuracy*(params/20000)^-0.07"),
        (" accuracy*( params/2.0e4 )^-0.070", "accuracy*(params/20000)^-0.07"),
        ("accuracy*(flops/1234567)^-0.1", "accuracy*(flops/1234567)^-0.1"),
    ],
)
def test_formulas_that_are_written_differently_are_one_objective(one, same):
    assert Objective(one).to_json() == same


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "objective='' is not allowed. Write accuracy, or"),
        ("loss", "objective='loss' is not allowed. Write accuracy, or"),
        ("accuracy*(params/20000)", "'*(params/20000)' is unclear"),
        ("accuracy*(size/20000)^-0.07", "'*(size/20000)^-0.07' is unclear"),
        ("accuracy*(params/20000)^-0.07+1", "'+1' is unclear"),
        ("accuracy^2", "'^2' is unclear"),
        ("accuracyaccuracy", "'accuracy' is unclear"),
        ("accuracy*(params/0)^-0.07", "see '*(params/0)^-0.07'"),
        ("accuracy*(params/1e999)^-0.07", "see '*(params/1e999)^-0.07'"),
        ("accuracy*(params/20000)^-11", "see '*(params/20000)^-11'"),
        ("accuracy*(params/-20000)^-0.07", "is unclear"),
        ("accuracy*(params/20000)**-0.07", "is unclear"),
        ("accuracy*(params/20000)^__import__('os')", "is unclear"),
        ("accuracy" + "*(params/20000)^-0.07" * 20, "Write accuracy, or"),
        ("accuracy*(params/\u0662)^-0.07", "is unclear"),  # a digit of another alphabet
        (3, "objective=3 is not allowed"),
        (None, "objective=None is not allowed"),
        (dict, "objective=<class 'dict'> is not allowed"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text, problem):
    with pytest.raises(nk.InvalidValueError) as caught:
        Objective(text)
    assert problem in str(caught.value)
    assert "Write accuracy, or accuracy*(params/20000)^-0.07 with params, flops or latency" in str(caught.value)


def test_a_function_of_an_evaluation_is_an_objective_and_its_code_is_its_identity():
    def goal(evaluation):
        return evaluation.valid_accuracy - 1e-6 * evaluation.num_params

    objective = Objective(goal)
    judged = objective.judge("k", _CHILD)
    assert (judged.reward, judged.valid_accuracy) == (0.9 - 0.04, 0.9)
    assert "goal (code " in objective.to_json()
    assert objective.to_json() == Objective(goal).to_json()
    others = [functools.partial(_price, each=each) for each in (1e-6, 2e-6)]
    assert len({objective.to_json(), *(Objective(other).to_json() for other in others)}) == 3


def _price(evaluation, *, each):
    return evaluation.valid_accuracy - each * evaluation.num_params


@pytest.mark.parametrize("value", [None, "0.5", 1j, [1, 2]])
def test_a_function_that_gives_no_number_ends_the_search(value):
    with pytest.raises(nk.InvalidValueError, match="must give a number"):
        Objective(lambda evaluation: value).judge("k", _CHILD)


@pytest.mark.parametrize("objective", ["accuracy*(params/1e-300)^10", lambda evaluation: math.nan])
def test_a_value_that_is_not_finite_is_a_failure(objective):
    judged = Objective(objective).judge("k", _CHILD)
    assert judged.status == "failed: the reward is not a finite number"
    assert judged.valid_accuracy == 0.9


def test_a_failure_and_a_refusal_stay_as_they_are():
    for failed in (nk.Evaluation.failure("died"), nk.Evaluation.refusal("large", num_params=7)):
        assert Objective("accuracy*(params/20000)^-0.07").judge("k", failed) is failed


@pytest.mark.parametrize("cost", ["params", "flops", "latency"])
def test_a_cost_that_the_evaluation_lacks_ends_the_search(cost):
    with pytest.raises(nk.InvalidValueError, match="The objective needs .* but the evaluation of k has"):
        Objective(f"accuracy*({cost}/1)^-1").judge("k", nk.Evaluation(0.5, valid_accuracy=0.5))


def test_a_reward_that_is_not_the_accuracy_has_no_objective():
    with pytest.raises(nk.InvalidValueError, match="k has the reward 0.5 and valid_accuracy=nan"):
        Objective("accuracy*(params/20000)^-0.07").judge("k", nk.Evaluation(0.5, num_params=3))
    assert Objective("accuracy").judge("k", nk.Evaluation(0.5)) == nk.Evaluation(0.5)
