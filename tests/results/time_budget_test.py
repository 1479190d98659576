"""Tests of nas_keras/results/time_budget.py, with a clock that goes only when it is told to."""

import pytest

import nas_keras as nk
from nas_keras.results import time_budget
from nas_keras.results.time_budget import TimeBudget, show_seconds


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: now[0])
    return now


def _trial(seconds, epochs, *, failed=False):
    evaluation = nk.Evaluation(0.5, seconds=seconds, epochs=epochs)
    if failed:
        evaluation = nk.Evaluation.failure("no", seconds=seconds)
    return nk.Trial(0, 0, 0, 0, (0,), (), "a", False, evaluation)


def test_the_estimate_is_of_the_best_childs_seconds_per_epoch(clock):
    budget = TimeBudget(180, search_epochs=2, final_epochs=10)
    assert budget.estimate(_trial(12.0, 2), 10) == 15 + 10 * 6
    assert budget.reserve(_trial(12.0, 2)) == 75 + 5
    assert budget.estimate(_trial(12.0, 2), 3) == 15 + 3 * 6


def test_a_best_child_of_unknown_time_is_taken_for_as_slow_as_the_slowest(clock):
    budget, known = TimeBudget(180, search_epochs=1, final_epochs=10), _trial(0.0, 1)
    assert (budget.estimate(known, 10), budget.reserve(known), budget.epochs_that_fit(known)) == (None, 0.0, 10)
    for trial in (_trial(4.0, 1), _trial(9.0, 1), _trial(7.0, 1), _trial(99.0, 0, failed=True)):
        budget.observe(trial)
    assert budget.estimate(known, 10) == 15 + 10 * 9
    assert budget.estimate(_trial(7.0, 1), 10) == 15 + 10 * 7


def test_on_a_slow_machine_what_is_around_the_epochs_takes_longer(clock):
    budget, best = TimeBudget(900, search_epochs=1, final_epochs=2), _trial(50.0, 1)
    clock[0] += 100
    assert budget.begin_search() == 800
    budget.observe(_trial(60.0, 1))  # trained by an earlier start of the run
    assert budget.estimate(best, 2) == 15 + 100
    clock[0] += 80
    budget.observe(best)  # the first one here, after 30 seconds until the worker was there
    clock[0] += 300
    budget.observe(_trial(50.0, 1))
    assert budget.estimate(best, 2) == 60 + 100 and budget.reserve(best) == 165
    quick = TimeBudget(900, search_epochs=1, final_epochs=2)
    quick.begin_search()
    clock[0] += 54
    quick.observe(best)
    assert quick.estimate(best, 2) == 15 + 100


def test_without_a_final_training_nothing_is_reserved(clock):
    budget = TimeBudget(180, search_epochs=1, final_epochs=0)
    assert budget.reserve(_trial(9.0, 1)) == 0
    assert budget.describe() == "The search ends after 3 min 0 s at the latest."


@pytest.mark.parametrize(
    ("passed", "epochs", "says"),
    [
        (0, 10, "takes about 1 min 15 s; 3 min 0 s of the time limit are left."),
        (105, 10, "takes about 1 min 15 s; 1 min 15 s of the time limit are left."),
        (106, 9, "left. So it has 9 epochs instead."),
        (153, 2, "27 s of the time limit are left. So it has 2 epochs instead."),
        (154, 0, "left. So there is none: not even 2 epochs, as in the search, would fit."),
        (999, 0, "; 0 s of the time limit are left. So there is none"),
    ],
)
def test_the_final_training_has_the_epochs_that_fit(clock, passed, epochs, says):
    budget, best = TimeBudget(180, search_epochs=2, final_epochs=10), _trial(12.0, 2)
    clock[0] += passed
    assert budget.epochs_that_fit(best) == epochs
    text = budget.describe_final(best)
    assert text.startswith("The final training of 10 epochs takes about 1 min 15 s; ") and says in text
    assert budget.seconds_left == max(0, 180 - passed)


def test_a_final_training_that_is_shorter_than_the_search_may_be_as_short_as_the_user_says(clock):
    budget = TimeBudget(20, search_epochs=3, final_epochs=1)
    assert budget.epochs_that_fit(_trial(15.0, 3)) == 1
    clock[0] += 1
    assert budget.epochs_that_fit(_trial(15.0, 3)) == 0


def test_the_division_of_the_time_is_told(clock):
    assert TimeBudget(180, search_epochs=1, final_epochs=10).describe() == (
        "3 min 0 s for the search and the final training: the search ends early enough for 10 epochs, each as long as "
        "one of the best child in the search, and 15 s or more around them."
    )
    assert TimeBudget(60, search_epochs=1, final_epochs=10).describe_final(_trial(0.0, 3)) == (
        "1 min 0 s of the time limit are left. The time of the final training is not known, since no child was trained "
        "here."
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3725.0, "62 min 5 s")]
)
def test_a_time_as_text(seconds, text):
    assert show_seconds(seconds) == text
