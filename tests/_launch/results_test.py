"""Tests of nas_keras/_launch/results.py."""

import types

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras._launch import results

_SPACE = grid(9)


def _trial(number, evaluation):
    return nk.Trial(number, 0, 0, 0, (number,), (), str(number), False, evaluation)


def _result(*evaluations):
    trials = [_trial(number, evaluation) for number, evaluation in enumerate(evaluations)]
    return types.SimpleNamespace(trials=trials, pending=[], top=lambda count: nk.top_trials(trials, count))


@pytest.mark.parametrize(
    ("evaluation", "text"),
    [
        (nk.Evaluation(0.5), "50.00%"),
        (nk.Evaluation(0.5, valid_accuracy=0.5), "50.00%"),
        (nk.Evaluation(0.45678, valid_accuracy=0.5), "50.00% (objective 0.4568)"),
    ],
)
def test_an_objective_is_shown_beside_the_accuracy(evaluation, text):
    assert results.show_value(evaluation) == text


def test_the_best_cells_are_shown_with_their_size_and_the_front():
    small, large, middle = (
        nk.Evaluation(a, valid_accuracy=a, num_params=n) for a, n in ((0.5, 10), (0.9, 1_000), (0.4, 99))
    )
    lines = results.describe_best(_SPACE, _result(small, large, middle, nk.Evaluation.refusal("big")), "accuracy")
    assert lines == [
        "1 networks were over the limits and not trained.",
        "Best networks by validation accuracy:",
        "  90.00%      1,000 parameters  d0=1",
        "  50.00%         10 parameters  d0=0",
        "  40.00%         99 parameters  d0=2",
        "Pareto front of accuracy against parameters: 2 of all networks evaluated, with 10 to 1,000 parameters.",
    ]


def test_without_sizes_or_results_there_is_no_front():
    assert results.describe_best(_SPACE, _result(nk.Evaluation(0.5)), "accuracy")[1:] == ["  50.00%  d0=0"]
    assert results.describe_best(_SPACE, _result(), "accuracy") == ["Best networks by validation accuracy:"]


def test_a_goal_is_told_unless_it_is_the_plain_one():
    assert results.describe_goal("accuracy", nk.Limits()) == []
    assert results.describe_goal("accuracy*(params/2)^1", nk.Limits(max_params=20_000, max_flops=1e6)) == [
        "The reward is accuracy*(params/2)^1.",
        "A cell over the limits (max_params=20,000, max_flops=1,000,000) is not trained, and does not count as an "
        "evaluation.",
    ]
