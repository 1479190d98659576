"""Tests of nas_keras/storage/records/shard_folder.py."""

import os

import pytest

from nas_keras.errors import DataError
from nas_keras.storage.records import shard_folder
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shard_folder import ShardFolder, list_shards, shard_name
from nas_keras.storage.records.shards import write_shard
from nas_keras.trial import Evaluation, Trial

_ORIGIN = Origin(space="5" * 16, recipe="7" * 16)


def _trial(number):
    return Trial(number, 0, 0, 0, (number,), (), str(number), False, Evaluation(0.5))


def _open(path):
    return ShardFolder(path / "shards", path / "pending", _ORIGIN, lambda trial: trial.key)


def test_a_record_waits_in_pending_until_its_shard_is_written(tmp_path):
    folder = _open(tmp_path)
    for number in range(3):
        folder.add_pending(_trial(number))
    folder.add_shard(0, [_trial(0), _trial(1)])
    assert list(folder.pending) == ["2"] and len(os.listdir(tmp_path / "pending")) == 1
    again = _open(tmp_path)
    assert repr(again.read(tidy=True)) == repr([(tmp_path / "shards" / shard_name(0), [_trial(0), _trial(1)])])
    assert repr(again.pending) == repr({"2": _trial(2)})


@pytest.mark.parametrize("tidy", [False, True])
def test_a_pending_record_that_is_in_a_shard_is_removed_only_by_a_writer(tmp_path, tidy):
    folder = _open(tmp_path)
    folder.add_pending(_trial(0))
    write_shard(tmp_path / "shards" / shard_name(0), [_trial(0)], _ORIGIN)
    again = _open(tmp_path)
    assert len(again.read(tidy=tidy)) == 1 and again.pending == {}
    assert len(os.listdir(tmp_path / "pending")) == (0 if tidy else 1)
    again.remove_empty_pending()
    assert (tmp_path / "pending").exists() is not tidy


def test_shards_are_listed_by_number_and_other_files_left_out(tmp_path):
    for name in ("trials-1000000.tfrecord", "trials-999999.tfrecord", "trials-000002.tfrecord"):
        (tmp_path / name).touch()
    for name in (".trials-000003.tfrecord.tmp", "trials-x.tfrecord", "trials-01.tfrecord", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in list_shards(tmp_path)] == [
        "trials-000002.tfrecord",
        "trials-999999.tfrecord",
        "trials-1000000.tfrecord",
    ]
    assert list_shards(tmp_path / "none") == []
    assert shard_name(7) == "trials-000007.tfrecord"


def test_a_file_that_disappears_from_pending_is_left_out_and_a_damaged_one_is_not(tmp_path, monkeypatch):
    assert shard_folder.read_pending(tmp_path / "none", _ORIGIN) == {}
    for name in ("a", "b"):
        write_shard(tmp_path / f"{name}.tfrecord", [_trial(0)], _ORIGIN)
    (tmp_path / ".b.tfrecord.tmp").touch()
    listed = shard_folder.list_pending(tmp_path)
    (tmp_path / "a.tfrecord").unlink()
    monkeypatch.setattr(shard_folder, "list_pending", lambda folder: listed)
    assert list(shard_folder.read_pending(tmp_path, _ORIGIN)) == [tmp_path / "b.tfrecord"]
    (tmp_path / "b.tfrecord").write_bytes(b"what")
    with pytest.raises(DataError, match="b.tfrecord is corrupt at record 0"):
        shard_folder.read_pending(tmp_path, _ORIGIN)
