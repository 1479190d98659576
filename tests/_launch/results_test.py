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
        "Over the limits and not trained: 1 networks.",
        "Best networks by validation accuracy:",
        "  90.00%      1,000 parameters  d0=1",
        "  50.00%         10 parameters  d0=0",
        "  40.00%         99 parameters  d0=2",
        "Pareto front of accuracy against parameters: 2 of all networks evaluated, with 10 to 1,000 parameters.",
    ]


def test_without_sizes_or_results_there_is_no_front():
    assert results.describe_best(_SPACE, _result(nk.Evaluation(0.5)), "accuracy")[1:] == ["  50.00%  d0=0"]
    assert results.describe_best(_SPACE, _result(), "accuracy") == ["No child has a reward."]


def test_without_a_reward_a_search_says_why():
    refused = [nk.Evaluation.refusal(f"{size} parameters, limit 5", num_params=size) for size in (30, 10, 20)]
    assert results.describe_best(_SPACE, _result(*refused), "accuracy") == [
        "Over the limits and not trained: 3 networks.",
        "No child has a reward. The smallest that was refused: d0=1, failed: refused: 10 parameters, limit 5.",
    ]
    failed = nk.Evaluation.failure("the loss is infinite")
    assert results.describe_best(_SPACE, _result(*refused, failed), "accuracy")[1:] == [
        "No child has a reward. The first that failed: d0=3, failed: the loss is infinite."
    ]


def test_the_end_of_a_search_says_what_it_did_and_why_it_ended():
    result = _result(nk.Evaluation(0.5))
    result.num_evaluations, result.stopped = 1, "max_evaluations"
    lines = results.describe_end(_SPACE, result, "accuracy", None, max_minutes=None)
    assert lines[0] == (
        "1 of 9 networks evaluated; 0 of 1 proposals were repeats, at no cost. Stopped by: max_evaluations."
    )
    assert lines[1:] == results.describe_best(_SPACE, result, "accuracy")


def test_a_search_without_a_child_in_time_says_so():
    result = _result()
    result.num_evaluations, result.stopped = 0, "max_seconds"
    assert results.describe_end(_SPACE, result, "accuracy", None, max_minutes=0.5)[1:] == [
        "No child was finished within --max_minutes=0.5. Give it more, or smaller children."
    ]


def test_the_places_of_the_results():
    run, curves = results.describe_places("runs/a", is_exported=False)
    assert run.startswith("The run:       runs/a (") and curves.endswith("tensorboard --logdir=runs/a/tensorboard")
    assert results.describe_places("runs/a", is_exported=True) == [
        run,
        "The network:   runs/a/best/saved_model",
        curves,
    ]
