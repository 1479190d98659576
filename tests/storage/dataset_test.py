"""Tests of nas_keras/storage/dataset.py."""

import dataclasses
import os
import pathlib

import pytest

from nas_keras.errors import DataError
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shard_folder import shard_name
from nas_keras.storage.records.shards import read_shard, write_shard
from nas_keras.storage.run_folder import Workspace
from nas_keras.trial import Evaluation, Trial

_ORIGIN = Origin(space="5" * 16, recipe="7" * 16)


def _trial(number, *, key=None, reward=None, cached=False, iteration=0):
    reward = number / 8 if reward is None else reward
    actions = (number % 8,)
    return Trial(
        number, iteration, 0, number, actions, (-0.5,), key or f"{number}", cached, Evaluation(reward, seconds=2.0)
    )


@pytest.fixture(name="run")
def _run(tmp_path):
    return Workspace(tmp_path / "run")


def _names(folder):
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_a_new_dataset_is_empty_and_writes_nothing(run):
    dataset = Dataset(_ORIGIN, run)
    assert (dataset.trials, dataset.batches, dataset.num_evaluations) == ([], [], 0)
    assert dataset.lookup("0") is None
    assert dataset.lookup_pending("0") is None
    assert not run.root.exists()


def test_trials_are_kept_in_the_order_told():
    dataset = Dataset(_ORIGIN)
    dataset.append([_trial(0), _trial(1)])
    dataset.append([_trial(2)])
    assert [trial.trial for trial in dataset.trials] == [0, 1, 2]
    assert [[trial.trial for trial in batch] for batch in dataset.batches] == [[0, 1], [2]]


def test_lookup_gives_the_first_evaluation_of_a_key():
    dataset = Dataset(_ORIGIN)
    dataset.append([_trial(0, key="a", reward=0.25), _trial(1, key="b"), _trial(2, key="a", reward=0.75, cached=True)])
    dataset.append([_trial(3, key="b", cached=True)])
    assert dataset.lookup("a") == dataset.batches[0][0].evaluation
    assert dataset.lookup("a").reward == 0.25
    assert dataset.lookup("c") is None


def test_evaluations_are_distinct_keys_failures_included():
    dataset = Dataset(_ORIGIN)
    failed = dataclasses.replace(_trial(1, key="b"), evaluation=Evaluation.failure("diverged"))
    dataset.append([_trial(0, key="a"), failed, _trial(2, key="a", cached=True)])
    assert dataset.num_evaluations == 2
    assert dataset.lookup("b").failed


def test_a_batch_is_one_shard(run):
    dataset = Dataset(_ORIGIN, run)
    dataset.append([_trial(0), _trial(1)])
    dataset.append([_trial(2, iteration=1)])
    assert _names(run.dataset) == ["trials-000000.tfrecord", "trials-000001.tfrecord"]
    assert repr(read_shard(run.dataset / "trials-000000.tfrecord", _ORIGIN)) == repr([_trial(0), _trial(1)])


def test_reopened_it_is_equal(run):
    dataset = Dataset(_ORIGIN, run)
    batches = [[_trial(0), _trial(1, key="k[x],y")], [_trial(2)], [_trial(3, key="k[x],y", cached=True), _trial(4)]]
    for batch in batches:
        dataset.append(batch)
    again = Dataset(_ORIGIN, run)
    assert repr(again.batches) == repr(dataset.batches) == repr(batches)
    assert again.num_evaluations == dataset.num_evaluations == 4
    assert repr(again.lookup("k[x],y")) == repr(dataset.lookup("k[x],y"))
    again.append([_trial(5)])
    assert _names(run.dataset)[-1] == "trials-000003.tfrecord"


def test_in_memory_nothing_is_pending():
    dataset = Dataset(_ORIGIN)
    dataset.add_pending(_trial(0))
    assert dataset.lookup_pending("0") is None


def test_a_pending_child_is_found_after_a_crash_and_gone_after_its_batch(run):
    Dataset(_ORIGIN, run).add_pending(_trial(0, key="a,b/c"))
    (name,) = _names(run.pending)
    assert name.endswith(".tfrecord") and "/" not in name
    dataset = Dataset(_ORIGIN, run)  # the process after the crash
    assert repr(dataset.lookup_pending("a,b/c")) == repr(_trial(0).evaluation)
    assert dataset.lookup("a,b/c") is None
    assert dataset.num_evaluations == 0  # it is not told yet
    dataset.append([_trial(0, key="a,b/c"), _trial(1)])
    assert _names(run.pending) == []
    assert dataset.lookup_pending("a,b/c") is None
    assert dataset.lookup("a,b/c") is not None


def test_a_batch_leaves_pending_children_of_other_batches(run):
    dataset = Dataset(_ORIGIN, run)
    dataset.add_pending(_trial(0))
    dataset.add_pending(_trial(1))
    assert len(_names(run.pending)) == 2
    dataset.append([_trial(0)])
    assert len(_names(run.pending)) == 1
    assert dataset.lookup_pending("0") is None
    assert dataset.lookup_pending("1") is not None
    assert Dataset(_ORIGIN, run).lookup_pending("1") is not None


def test_a_pending_child_written_twice_is_one(run):
    dataset = Dataset(_ORIGIN, run)
    dataset.add_pending(_trial(0, reward=0.25))
    dataset.add_pending(_trial(0, reward=0.25))
    assert len(_names(run.pending)) == 1


def test_a_crash_between_the_shard_and_the_removal_of_its_pending_children(run, monkeypatch):
    dataset = Dataset(_ORIGIN, run)
    dataset.add_pending(_trial(0))
    dataset.add_pending(_trial(1))
    dataset.add_pending(_trial(2))

    class CrashError(Exception):
        pass

    def crash_before_removal(path, missing_ok=False):
        raise CrashError

    with monkeypatch.context() as patch, pytest.raises(CrashError):
        patch.setattr(pathlib.Path, "unlink", crash_before_removal)
        dataset.append([_trial(0), _trial(1)])
    assert _names(run.dataset) == ["trials-000000.tfrecord"]
    assert len(_names(run.pending)) == 3

    again = Dataset(_ORIGIN, run)
    assert [trial.key for trial in again.trials] == ["0", "1"]
    assert again.lookup_pending("0") is None
    assert again.lookup_pending("2") is not None
    assert len(_names(run.pending)) == 1


def test_a_crash_while_a_shard_is_written_leaves_the_batch_open(run, monkeypatch):
    dataset = Dataset(_ORIGIN, run)
    dataset.append([_trial(0)])
    dataset.add_pending(_trial(1))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(os, "replace", _fail)
        dataset.append([_trial(1), _trial(2)])
    again = Dataset(_ORIGIN, run)
    assert [trial.key for trial in again.trials] == ["0"]
    assert again.lookup_pending("1") is not None
    again.append([_trial(1), _trial(2)])
    assert _names(run.dataset) == ["trials-000000.tfrecord", "trials-000001.tfrecord"]
    assert _names(run.pending) == []


def _fail(*_):
    raise OSError("disk full")


def test_a_crash_while_a_pending_child_is_written_leaves_nothing_to_read(run, monkeypatch):
    dataset = Dataset(_ORIGIN, run)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(os, "replace", _fail)
        dataset.add_pending(_trial(0))
    assert len(_names(run.pending)) == 1  # the temporary file
    again = Dataset(_ORIGIN, run)
    assert again.lookup_pending("0") is None
    again.add_pending(_trial(0))
    assert Dataset(_ORIGIN, run).lookup_pending("0") is not None


@pytest.mark.parametrize(("missing", "following"), [(0, 1), (1, 2)])
def test_a_shard_missing_in_the_row_is_refused(run, missing, following):
    dataset = Dataset(_ORIGIN, run)
    for number in range(4):
        dataset.append([_trial(number)])
    (run.dataset / shard_name(missing)).unlink()
    with pytest.raises(DataError) as caught:
        Dataset(_ORIGIN, run)
    assert str(caught.value) == (
        f"Batch {missing} is missing from {run.dataset}: {shard_name(following)} comes next. Restore the file from "
        "a copy, or run launch/repair.py to save the rest."
    )


def test_a_cut_shard_is_refused_by_name(run):
    dataset = Dataset(_ORIGIN, run)
    dataset.append([_trial(0)])
    dataset.append([_trial(1)])
    path = run.dataset / shard_name(1)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match="trials-000001.tfrecord is corrupt at record 0"):
        Dataset(_ORIGIN, run)


@pytest.mark.parametrize("folder", ["dataset", "pending"])
def test_files_of_another_recipe_are_refused_by_name(run, folder):
    write_shard(getattr(run, folder) / shard_name(0), [_trial(0)], Origin(_ORIGIN.space, "8" * 16))
    with pytest.raises(DataError, match=f"Record 0 of .*{folder}/trials-000000.tfrecord is of recipe 8888888888888888"):
        Dataset(_ORIGIN, run)


def test_the_best_is_the_first_of_those_with_the_highest_reward(run):
    dataset = Dataset(_ORIGIN, run)
    assert dataset.best is None
    failed = dataclasses.replace(_trial(0), evaluation=Evaluation.failure("it was too large"))
    dataset.append([failed])
    assert dataset.best is None
    dataset.append([_trial(1, reward=0.25), _trial(2, reward=0.75), _trial(3, reward=0.75)])
    dataset.append([_trial(4, reward=0.5)])
    assert dataset.best.trial == 2
    assert Dataset(_ORIGIN, run).best.trial == 2
