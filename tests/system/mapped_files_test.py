"""Tests of nas_keras/system/mapped_files.py."""

import os

import numpy as np
import pytest

from nas_keras.system.mapped_files import is_mapped, map_array, release_pages


@pytest.fixture(name="path")
def _path(tmp_path):
    path = tmp_path / "values"
    path.write_bytes(bytes(range(256)) * 4096)  # 1 MiB
    return path


def test_a_part_of_a_file_is_mapped(path):
    array = map_array(path, (5, 3), 100)
    assert array.dtype == np.uint8 and array.tolist() == np.arange(100, 115).reshape(5, 3).tolist()
    assert is_mapped(array) and not is_mapped(array[1:]) and not is_mapped(np.zeros(3))
    for settings in ({"mode": "c"}, {"mode": "r", "order": "F"}):
        assert not is_mapped(np.memmap(path, np.uint8, shape=(5, 3), **settings))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="needs Linux")
def test_released_pages_leave_the_process_and_can_be_read_again(path):
    array = map_array(path, (1024, 1024), 0)
    total = int(array.sum())
    assert resident(path) == 1024
    release_pages(array)
    assert resident(path) == 0
    assert int(array.sum()) == total
    release_pages(np.zeros(3))  # nothing to do


def resident(path):
    """KiB of a mapped file that this process holds."""
    with open("/proc/self/smaps") as file:
        text = file.read().partition(str(path))[2]
    return int(text.partition("Rss:")[2].split()[0])
