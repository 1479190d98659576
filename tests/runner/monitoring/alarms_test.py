"""Tests of nas_keras/runner/monitoring/alarms.py: each alarm is raised once, and a healthy search raises none."""

import math

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.runner.monitoring.alarms import NAMES, AlarmWatch

SPACE = grid(10, 10, 10)


class _Search:
    """Batches of trials, whose keys are numbers."""

    def __init__(self, num_images=None):
        self.watch, self.iteration = AlarmWatch(SPACE, num_images), 0

    def tell(self, keys, evaluation=None, **metrics):
        """Tells a batch; returns the names of the alarms."""
        batch = []
        for key in keys:
            actions = tuple(int(digit) for digit in f"{key:03}")
            found = evaluation or nk.Evaluation(0.5, valid_accuracy=0.5)
            batch.append(nk.Trial(0, self.iteration, 0, 0, actions, (), ",".join(map(str, actions)), False, found))
        self.iteration += 1
        self.raised = self.watch.observe(batch, metrics)
        return [alarm.name for alarm in self.raised]


def test_a_healthy_search_raises_none():
    search = _Search(num_images=1000)
    for number in range(0, 400, 8):
        accuracy = 0.5 + number / 1000
        evaluation = nk.Evaluation(accuracy, valid_accuracy=accuracy)
        assert search.tell(range(number, number + 8), evaluation, entropy=3.0, kl=0.1) == []
    assert search.watch.end(49) == []


def test_one_key_in_more_than_three_quarters_of_a_batch():
    search = _Search()
    assert search.tell([7, 7, 7]) == []  # too small a batch
    assert search.tell([7, 7, 7, 8]) == []  # three quarters are not more
    assert search.tell([7, 7, 7, 7, 8]) == ["policy collapsed"]
    (alarm,) = search.raised
    assert alarm.iteration == 2 and str(alarm) == (
        "Alarm, policy collapsed: 4 of the 5 proposals are d0=0, d1=0, d2=7, so the policy explores hardly anything "
        "else. Use a larger temperature (of soft advantages), a larger entropy or a smaller learning_rate "
        "(strategy_config), or another seed."
    )
    assert search.tell([7, 7, 7, 7, 7]) == []  # once


def test_entropy_below_its_bound_for_five_batches():
    search, bound = _Search(), 0.05 * 3 * math.log(10)
    for number in range(4):
        assert search.tell([number], entropy=0.9 * bound) == []
    assert search.tell([4], entropy=1.1 * bound) == []
    for number in range(5, 9):
        assert search.tell([number], entropy=0.9 * bound) == []
    assert search.tell([9], entropy=0.9 * bound) == ["low entropy"]
    assert "is 0.311 nats, less than 5% of the 6.91 of a uniform policy" in search.raised[0].text


def test_kl_above_its_bound_for_five_batches():
    search = _Search()
    for number in range(4):
        assert search.tell([number], kl=2.5) == []
    assert search.tell([4], kl=2.5) == ["large KL"]
    assert "a KL divergence of 2.5 nats, more than 2 for 5 batches in a row" in search.raised[0].text
    assert search.tell([5], kl=2.5) == []


def test_nothing_new_for_a_long_time():
    search = _Search()
    search.tell(range(8))
    names = [search.tell(range(8)) for _ in range(14)]
    assert names == [[]] * 12 + [["nothing new"], []]  # 8 x 13 = 104 trials
    assert search.tell(range(100, 108)) == []


def test_nothing_is_new_in_a_space_that_is_exhausted():
    watch = AlarmWatch(grid(2))
    trials = [nk.Trial(0, 0, 0, 0, (i,), (), str(i), False, nk.Evaluation(0.5)) for i in (0, 1)]
    assert [watch.observe(trials, {}) for _ in range(100)] == [[]] * 100


def test_more_than_half_of_the_children_fail():
    search, failure = _Search(), nk.Evaluation.failure("the training loss is not a finite number")
    assert search.tell(range(4)) == [] and search.tell(range(10, 14), failure) == []  # half
    assert search.tell([20], failure) == ["most children fail"]
    assert "5 of 9 children have failed, 5 of them: the training loss is not a finite number. " in search.raised[0].text
    few = _Search()
    assert few.tell(range(7), failure) == [] and few.tell([7], failure) == ["most children fail"]
    refused = _Search()
    assert refused.tell(range(20), nk.Evaluation.refusal("too large")) == []  # they cost nothing


def test_the_best_within_noise_of_the_median_at_the_end():
    search = _Search(num_images=100)
    for number in range(10):
        accuracy = 0.5 + number / 1000
        search.tell([number], nk.Evaluation(accuracy, valid_accuracy=accuracy))
    (alarm,) = search.watch.end(9)
    assert alarm.name == "within noise" and "Use more validation images" in alarm.text
    assert search.watch.end(9) == []
    assert _Search().watch.end(0) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_alarm_is_tested_here(name):
    with open(__file__, encoding="utf-8") as file:
        assert f'"{name}"' in file.read()
