"""Tests of nas_keras/runner/lookup.py."""

import dataclasses

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.runner.budget import Budget
from nas_keras.runner.lookup import Lookup
from nas_keras.runner.proposing import Asked
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.trial import training_seed

_SPACE = grid(9)


@pytest.fixture(name="dataset")
def _dataset():
    """D with the key 0, warm-started with the key 1."""
    warm = nk.Trial(0, 0, 0, 0, (1,), (), "1", False, nk.Evaluation(0.1, seconds=9.0))
    dataset = Dataset(Origin("space", "recipe"), warm=[warm])
    dataset.append([nk.Trial(0, 0, 0, 0, (0,), (), "0", False, nk.Evaluation(0.0, seconds=9.0))])
    return dataset


def _open(dataset, *actions, budget=None):
    budget = budget or Budget(99, 99)
    budget.count_batch(dataset.batches[0])
    lookup = Lookup(_SPACE, dataset, budget, 5)
    return lookup, *lookup.open(1, Asked(1, nk.Proposals([[action] for action in actions])))


def test_only_a_new_key_becomes_a_job_once(dataset):
    _, batch, jobs = _open(dataset, 0, 1, 2, 2, 3)
    assert jobs == [nk.Job(f"{i}", (i,), _SPACE.decode((i,)), training_seed(5, f"{i}")) for i in (2, 3)]
    assert batch.keys == ["0", "1", "2", "2", "3"] and batch.sent == {"2", "3"}
    assert (batch.iteration, batch.first, batch.policy_version) == (1, 1, 1)


def test_new_keys_beyond_the_budget_are_dropped_and_cache_hits_are_not(dataset):
    budget = Budget(2, 99)
    _, batch, jobs = _open(dataset, 2, 3, 0, 4, 2, budget=budget)
    assert batch.keys == ["2", "0", "2"] and [job.key for job in jobs] == ["2"]
    assert (budget.num_evaluations, budget.num_trials) == (2, 4)


def test_cache_hits_cost_no_time_and_share_an_evaluation(dataset):
    lookup, batch, _ = _open(dataset, 0, 1, 2, 2, 2)
    assert batch.is_waiting and batch.finished == []
    batch.evaluations["2"] = nk.Evaluation(0.2, seconds=3.0)
    assert not batch.is_waiting and batch.finished == ["2"]
    trials = lookup.trials(batch)
    assert [trial.cached for trial in trials] == [True, True, False, True, True]
    assert [trial.reward for trial in trials] == [0.0, 0.1, 0.2, 0.2, 0.2]
    assert [trial.evaluation.seconds for trial in trials] == [0, 0, 3, 0, 0]
    assert [trial.trial for trial in trials] == [1, 2, 3, 4, 5]
    assert lookup.trial(batch, "2") == trials[2]


def test_a_child_that_an_earlier_start_finished_is_not_a_job(dataset, monkeypatch):
    earlier = nk.Evaluation(0.5)
    monkeypatch.setattr(dataset, "lookup_pending", {"2": earlier}.get)
    _, batch, jobs = _open(dataset, 2, 3)
    assert [job.key for job in jobs] == ["3"] and batch.evaluations == {"2": earlier}


def test_log_probs_are_kept(dataset):
    lookup, batch, _ = _open(dataset)
    assert batch.keys == []
    batch, _ = lookup.open(1, Asked(1, nk.Proposals([[2]], [[-0.5]])))
    batch.evaluations["2"] = nk.Evaluation(0.2)
    (trial,) = lookup.trials(batch)
    assert trial.log_probs == (-0.5,) and dataclasses.replace(trial, log_probs=()).actions == (2,)
