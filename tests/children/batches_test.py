"""Tests of nas_keras/children/batches.py."""

import mmap
import os

import numpy as np
import pytest

from nas_keras import _tensorflow
from nas_keras.children import batches
from nas_keras.children.augmentation import draw
from nas_keras.children.batches import Split, make_batches
from nas_keras.children.train_config import TrainConfig


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


@pytest.mark.parametrize("augmentation", [{}, {"shift": 3}, {"flip": True, "rotate": 9, "shift": 1}], ids=str)
@pytest.mark.parametrize("drop_remainder", [False, True])
def test_images_that_are_read_are_those_that_are_copied(tf, split, augmentation, drop_remainder, monkeypatch):
    order = np.random.default_rng(1).permutation(20)
    settings = {"drop_remainder": drop_remainder, "drawn": draw(TrainConfig(**augmentation), 20, 5)}
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
    if not augmentation:
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
