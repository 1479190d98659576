"""Tests of nas_keras/evaluators/workers/shared_arrays.py."""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from helpers import ROOT

from nas_keras.evaluators.workers.shared_arrays import SharedArrays, attach
from nas_keras.system.atomic_files import WriteError


def test_arrays_come_back_with_type_shape_and_content():
    arrays = {
        "images": np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4, 1),
        "labels": np.array([-5, 7], np.int32),
        "strided": np.arange(20, dtype=np.float64).reshape(4, 5)[::2, ::-1],
        "page": np.full(5000, 9, np.uint8),
        "after": np.array([2**40]),
    }
    shared = SharedArrays(arrays)
    attached = attach(shared.fd, shared.layout)
    assert list(attached) == list(arrays)
    for name, array in arrays.items():
        assert attached[name].dtype == array.dtype
        np.testing.assert_array_equal(attached[name], array, strict=False)
    assert all(offset % 4096 == 0 for _, _, offset, _ in shared.layout.values())
    shared.close()


def test_attached_arrays_are_read_only_and_outlive_the_file():
    shared = SharedArrays({"a": np.array([1, 2, 3])})
    array = attach(shared.fd, shared.layout)["a"]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 5
    shared.close()
    assert array.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="closed"):
        _ = shared.fd


def test_arrays_that_are_mapped_from_a_file_are_not_copied(tmp_path):
    values = np.arange(20_000).astype(np.uint8)
    values.tofile(tmp_path / "values")
    mapped = [np.memmap(tmp_path / "values", np.uint8, "r", offset=at, shape=(5, 1000)) for at in (0, 5000)]
    gone = np.memmap(tmp_path / "values", np.uint8, "r", shape=(2, 1000))
    shared = SharedArrays({"a": mapped[0], "b": mapped[1], "part": mapped[0][1:], "labels": np.arange(3)})
    assert os.fstat(shared.fd).st_size < 15_000 and len(shared.fds) == 2
    code = (
        "import sys; from nas_keras.evaluators.workers.shared_arrays import attach; "
        f"arrays = attach({shared.fd}, {shared.layout!r}); print([int(array.sum()) for array in arrays.values()])"
    )
    os.unlink(tmp_path / "values")
    output = subprocess.check_output([sys.executable, "-c", code], pass_fds=shared.fds, cwd=ROOT, text=True)
    expected = [values[:5000], values[5000:10_000], values[1000:5000], np.arange(3)]
    assert json.loads(output) == [int(array.sum(dtype=int)) for array in expected]
    shared.close()
    copied = SharedArrays({"a": gone})  # its file has no name any more
    assert attach(copied.fd, copied.layout)["a"].tolist() == values[:2000].reshape(2, 1000).tolist()
    assert copied.fds == [copied.fd]
    copied.close()


def test_the_file_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shared = SharedArrays({"a": np.zeros(10)})
    assert os.listdir(tmp_path) == []
    assert os.fstat(shared.fd).st_nlink == 0
    shared.close()


def test_another_process_reads_them_by_the_inherited_descriptor():
    shared = SharedArrays({"a": np.arange(5), "b": np.array([0.5])})
    code = (
        "import sys; from nas_keras.evaluators.workers.shared_arrays import attach; "
        f"arrays = attach(int(sys.argv[1]), {shared.layout!r}); print(arrays['a'].sum(), arrays['b'][0])"
    )
    output = subprocess.check_output(
        [sys.executable, "-c", code, str(shared.fd)], pass_fds=[shared.fd], cwd=ROOT, text=True
    )
    assert output.split() == ["10", "0.5"]
    shared.close()


def test_where_no_room_is_left_the_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **settings: open("/dev/full", "wb"))
    with pytest.raises(WriteError) as caught:
        SharedArrays({"train_images": np.zeros(100_000, np.uint8)})
    assert str(caught.value).startswith(
        f"The images that workers share, in {tmp_path} (TMPDIR names another folder), cannot be written: No space left "
        "on device. Make room there, "
    )


def test_without_a_temporary_folder_they_are_in_memory(monkeypatch):
    def refuse():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", refuse)
    shared = SharedArrays({"a": np.arange(5)})
    assert attach(shared.fd, shared.layout)["a"].tolist() == [0, 1, 2, 3, 4]
    shared.close()
