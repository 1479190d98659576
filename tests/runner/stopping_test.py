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
