"""Tests of nas_keras/runner/open_batch.py."""

from nas_keras.runner.open_batch import OpenBatch
from nas_keras.trial import Evaluation, Trial


def _batch(*keys, sent):
    batch = OpenBatch(iteration=3, policy_version=2, first=24)
    for key in keys:
        batch.add(key, (int(key),), ())
    batch.sent = set(sent)
    return batch


def test_a_batch_waits_for_each_key_that_was_sent():
    batch = _batch("1", "2", "1", "3", sent="13")
    assert batch.is_waiting and batch.finished == []
    batch.evaluations["3"] = Evaluation(0.5)
    assert batch.is_waiting and batch.finished == ["3"]
    batch.evaluations["1"] = Evaluation(0.25)
    assert not batch.is_waiting and batch.finished == ["1", "3"]  # in the order asked, each key once


def test_cache_hits_alone_are_not_waited_for():
    assert not _batch("1", "2", sent="").is_waiting


def test_a_stored_batch_has_only_to_be_told():
    trials = [Trial(24, 3, 2, 0, (1,), (), "1", False, Evaluation(0.5))]
    batch = OpenBatch.of_stored(trials)
    assert (batch.iteration, batch.policy_version, batch.first, batch.stored) == (3, 2, 24, trials)
    assert not batch.is_waiting
