"""Tests of nas_keras/runner/stopping.py; searches that end early are in callbacks_test.py."""

import pytest

import nas_keras as nk
from nas_keras.runner import stopping
from nas_keras.runner.stopping import EndOfSearch, Stopping


def _trial(iteration):
    return nk.Trial(0, iteration, 0, 0, (0,), (), "a", False, nk.Evaluation(1.0))


def _stop(dataset, what):
    raise nk.StopSearch


def test_the_time_is_up_max_seconds_after_the_start(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(stopping.time, "monotonic", lambda: now[0])
    limited, unlimited = Stopping(5.0, None, None), Stopping(None, None, None)
    now[0] = 200.0
    for one in (limited, unlimited):
        one.start()
        one.check_time()
    now[0] = 205.0
    unlimited.check_time()
    with pytest.raises(EndOfSearch) as end:
        limited.check_time()
    assert end.value.reason == "max_seconds"


def test_the_earliest_batch_that_a_callback_names_is_the_last():
    calls = Stopping(None, _stop, _stop)
    assert not calls.is_requested
    assert calls.call_on_trial(None, _trial(3)) and calls.is_requested
    calls.call_on_batch(None, [_trial(1)])
    assert calls.call_on_trial(None, _trial(2))
    calls.check_batch(0)
    with pytest.raises(EndOfSearch) as end:
        calls.check_batch(1)
    assert end.value.reason == "callback"


def test_without_callbacks_nothing_is_called():
    calls = Stopping(None, None, None)
    calls.call_on_batch(None, [_trial(0)])
    assert not calls.call_on_trial(None, _trial(0)) and not calls.is_requested
    calls.check_batch(9)


def test_time_is_reserved_for_the_best_trial_so_far(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stopping.time, "monotonic", lambda: now[0])

    def trial(reward, seconds):
        evaluation = nk.Evaluation(reward, seconds=seconds)
        return nk.Trial(0, 0, 0, 0, (0,), (), "a", False, evaluation)

    calls = Stopping(60.0, None, None, lambda best: 10 * best.evaluation.seconds)
    calls.start()
    assert calls.seconds_left == 60
    for reward, seconds, left in [(float("nan"), 6, 60), (0.5, 1, 50), (0.4, 4, 50), (0.6, 3, 30), (0.9, 2, 40)]:
        assert not calls.call_on_trial(None, trial(reward, seconds))
        assert calls.seconds_left == left
    now[0] = 39.9
    calls.check_time()
    now[0] = 40.0
    with pytest.raises(EndOfSearch):
        calls.check_time()
    calls.start(best=trial(1.0, 5.0))  # of a run that is continued
    assert calls.seconds_left == 10
    assert Stopping(None, None, None).seconds_left is None
