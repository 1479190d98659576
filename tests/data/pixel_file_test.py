"""Tests of nas_keras/data/pixel_file.py."""

import hashlib
import os

import numpy as np
import pytest

from nas_keras.data.pixel_file import open_pixels
from nas_keras.errors import DataError

_PIXELS = np.arange(24, dtype=np.uint8)


@pytest.fixture(autouse=True)
def _temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def _write(file):
    file.write(_PIXELS.data)
    return {"left_out": 1}


def _never(file):
    pytest.fail("is written again")


def test_pixels_are_written_once_and_read_later():
    path, facts = open_pixels("key", 24, _write)
    assert path.read_bytes() == bytes(range(24)) and facts == {"left_out": 1}
    assert open_pixels("key", 24, _never) == (path, facts)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["key.json", "key.uint8"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() in path.with_suffix(".json").read_text()


@pytest.mark.parametrize("damage", ["pixels", "description", "gone"])
def test_a_damaged_file_is_written_again(damage):
    path, _ = open_pixels("key", 24, _write)
    if damage == "pixels":
        path.write_bytes(b"x" * 24)
    elif damage == "description":
        path.with_suffix(".json").write_text("{")
    else:
        path.unlink()
    again, facts = open_pixels("key", 24, _write)
    assert again.read_bytes() == bytes(range(24)) and facts == {"left_out": 1}


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail(file):
        file.write(b"x")
        raise KeyError

    with pytest.raises(KeyError):
        open_pixels("key", 24, fail)
    assert [list(folder.iterdir()) for folder in tmp_path.iterdir()] == [[]]


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    folder = tmp_path / f"nas_keras-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(DataError, match="is not a folder that only you can write"):
        open_pixels("key", 24, _never)
