"""Tests of nas_keras/runner/result.py."""

import pytest

import nas_keras as nk


def _trial(number, key, reward):
    return nk.Trial(number, 0, 0, 0, (number,), (), key, False, nk.Evaluation(reward))


_TRIALS = [
    _trial(0, "a", 0.5),
    _trial(1, "b", 0.75),
    _trial(2, "c", float("nan")),
    _trial(3, "b", 0.75),
    _trial(4, "d", 0.75),
]


@pytest.mark.parametrize(("count", "numbers"), [(0, []), (1, [1]), (2, [1, 4]), (9, [1, 4, 0])])
def test_the_top_has_each_key_once_the_earlier_of_equal_ones_first_and_no_failure(count, numbers):
    assert [trial.trial for trial in nk.top_trials(_TRIALS, count)] == numbers


def test_pending_trials_are_in_the_top():
    result = nk.SearchResult(_TRIALS[0], _TRIALS[:1], 2, "callback", None, pending=_TRIALS[1:2])
    assert result.top(2) == [_TRIALS[1], _TRIALS[0]]


@pytest.mark.parametrize("trials", [3, [1], {"a": 1}])
def test_what_is_not_a_list_of_trials_is_refused(trials):
    with pytest.raises(nk.InvalidValueError, match="it must be a list of nk.Trial"):
        nk.top_trials(trials, 1)
