"""Tests of nas_keras/children/batches.py."""

import mmap
import os

import numpy as np
import pytest

from nas_keras import _tensorflow
from nas_keras.children import batches
from nas_keras.children.batches import Split, draw_shifts, make_batches


@pytest.fixture(scope="module", name="tf")
def _tf():
    return _tensorflow.load_tensorflow()


@pytest.fixture(name="split")
def _split(tmp_path):
    """Twenty images in a mapped file."""
    images = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
    images.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape)
    return Split(mapped, np.arange(20, dtype=np.int32) % 3)


@pytest.mark.parametrize("largest", [0, 3])
@pytest.mark.parametrize("drop_remainder", [False, True])
def test_images_that_are_read_batch_by_batch_are_those_that_are_copied(tf, split, largest, drop_remainder, monkeypatch):
    order = np.random.default_rng(1).permutation(20)
    settings = {"drop_remainder": drop_remainder, "shifts": draw_shifts(largest, 20, 5)}
    copied = list(make_batches(split, order, 6, **settings).as_numpy_iterator())
    monkeypatch.setattr(batches, "_MOST_COPIED", split.images.nbytes - 1)
    monkeypatch.setattr(batches.tf, "constant", _not_of(split.images, tf.constant))
    dataset = make_batches(split, order, 6, **settings)
    assert dataset.element_spec[0].shape.as_list() == [6 if drop_remainder else None, 64, 64, 3]
    read = list(dataset.as_numpy_iterator())
    assert [len(labels) for _, labels in read] == [6, 6, 6] + [2] * (not drop_remainder)
    for (images, labels), (expected, same) in zip(read, copied, strict=True):
        assert images.dtype == np.uint8
        assert np.array_equal(images, expected) and np.array_equal(labels, same)
    if not largest:
        assert np.array_equal(
            np.concatenate([images for images, _ in read]), split.images[order[: 18 + 2 * len(read[3:])]]
        )


def _not_of(images, constant):
    def make(value, *args, **kwargs):
        assert value is not images
        return constant(value, *args, **kwargs)

    return make


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="needs Linux")
def test_pages_that_were_read_do_not_stay_in_the_process(split):
    assert np.array_equal(batches._read_rows(split.images, np.arange(20)), split.images)
    assert isinstance(split.images.base, mmap.mmap)
    assert _resident(split.images) > 0
    batches._read_rows(split.images, np.arange(20))
    assert _resident(split.images) == 0


def _resident(images):
    """Bytes of a mapped file that this process holds."""
    with open("/proc/self/smaps") as file:
        text = file.read().partition(str(images.filename))[2]
    return int(text.partition("Rss:")[2].split()[0])


def test_shift_moves_images_and_lets_zeros_come_in(tf):
    image = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[:, :, None]
    shifts = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -2], [1, -1], [2, 0]], np.int32)
    moved = batches._shift(tf.constant(np.stack([image] * len(shifts))), tf.constant(shifts)).numpy()
    assert moved.dtype == np.uint8
    assert moved[..., 0].tolist() == [
        [[1, 2, 3], [4, 5, 6]],
        [[0, 0, 0], [1, 2, 3]],
        [[4, 5, 6], [0, 0, 0]],
        [[0, 1, 2], [0, 4, 5]],
        [[3, 0, 0], [6, 0, 0]],
        [[0, 0, 0], [2, 3, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]


def test_shifts_are_drawn_from_the_seed_in_both_directions():
    shifts = draw_shifts(2, 1_000, 7)
    assert shifts.shape == (1_000, 2) and shifts.dtype == np.int32
    assert all(set(column) == {-2, -1, 0, 1, 2} for column in shifts.T.tolist())
    assert np.array_equal(shifts, draw_shifts(2, 1_000, 7))
    assert not np.array_equal(shifts, draw_shifts(2, 1_000, 8))
    assert draw_shifts(0, 1_000, 7) is None
