"""Tests of nas_keras/system/atomic_files.py."""

import errno
import os
import pathlib

import pytest

from nas_keras.errors import DataError, NasKerasError
from nas_keras.system import atomic_files


def test_read_json_says_that_a_file_is_missing(tmp_path):
    with pytest.raises(DataError, match="none.json cannot be read as JSON: .*No such file or directory"):
        atomic_files.read_json(tmp_path / "none.json")


def test_write_whole_leaves_the_old_file_if_writing_fails(tmp_path):
    path = tmp_path / "folder" / "file"
    atomic_files.write_whole(path, lambda temporary: temporary.write_text("old"))

    def fail(temporary):
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        atomic_files.write_whole(path, fail)
    assert path.read_text() == "old"
    atomic_files.write_whole(path, lambda temporary: temporary.write_text("new"))
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["file"]


class _TensorFlowsError(Exception):
    """As tf.errors.OpError tells of a file: no number of the operating system, but its words."""

    error_code = 8


@pytest.mark.parametrize(
    ("error", "reason", "way_out"),
    [
        (OSError(errno.ENOSPC, "?"), "No space left on device", "Make room there"),
        (OSError(errno.EDQUOT, "?"), "Disk quota exceeded", "Make room there"),
        (OSError(errno.EFBIG, "?"), "File too large", "Make room there"),
        (PermissionError(errno.EACCES, "?"), "Permission denied", "Allow writing there"),
        (OSError(errno.EROFS, "?"), "Read-only file system", "Allow writing there"),
        (OSError(errno.EIO, "?"), "Input/output error", "Check the disk"),
        (FileNotFoundError(errno.ENOENT, "?"), "No such file or directory", "Put the folder back"),
        (_TensorFlowsError("{{node}} a/b; No space left on device [Op:Save]"), "No space left on device", "Make room"),
    ],
)
def test_a_failure_to_write_is_one_sentence_with_the_way_out(tmp_path, error, reason, way_out):
    def fail(temporary):
        raise error

    with pytest.raises(atomic_files.WriteError) as caught:
        atomic_files.write_whole(tmp_path / "file", fail)
    assert str(caught.value).startswith(f"{tmp_path / 'file'} cannot be written: {reason}. {way_out}")
    assert str(caught.value).endswith(", then start the same command again: what was computed until now is kept.")
    assert isinstance(caught.value, NasKerasError) and isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    "error", [OSError("no number"), OSError(errno.EBADF, "?"), _TensorFlowsError("shapes differ"), ValueError("; File")]
)
def test_what_is_no_failure_to_write_passes(error):
    with pytest.raises(type(error)) as caught, atomic_files.writing("file"):
        raise error
    assert caught.value is error


def test_sync_tree_flushes_every_file_and_folder(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("1", "a/2", "a/b/3"):
        (tmp_path / name).touch()
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    atomic_files.sync_tree(tmp_path)
    names = [pathlib.Path(path).relative_to(tmp_path).as_posix() for path in flushed]
    assert names == ["1", "a/2", "a/b/3", "a/b", "a", "."]


def test_write_whole_flushes_the_content_before_the_name_and_the_name_after(tmp_path, monkeypatch):
    path, events = tmp_path / "file", []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor):
        events.append(("flush", pathlib.Path(os.readlink(f"/proc/self/fd/{descriptor}")).name))
        fsync(descriptor)

    def spy_replace(source, target):
        events.append(("rename", pathlib.Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    atomic_files.write_whole(path, lambda temporary: temporary.write_text("x"))
    assert events == [("flush", ".file.tmp"), ("rename", "file"), ("flush", tmp_path.name)]
