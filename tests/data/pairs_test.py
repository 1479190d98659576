"""Tests of nas_keras/data/pairs.py."""

import pickle

import numpy as np
import pytest

from nas_keras.data.pairs import HeldOutSplit, check_length, check_pair
from nas_keras.errors import InvalidValueError

_IMAGES, _LABELS = np.zeros((2, 3, 4, 1), np.uint8), np.array([0, 1], np.int32)


def test_a_split_of_arrays_gives_them_also_after_it_was_pickled():
    split = HeldOutSplit.of((_IMAGES, _LABELS))
    assert split.labels is _LABELS and split.images is _IMAGES and split() == (_IMAGES, _LABELS)
    images, labels = pickle.loads(pickle.dumps(split))()
    assert images.shape == _IMAGES.shape and labels.tolist() == [0, 1]


def test_a_split_is_not_read_before_it_is_called():
    split = HeldOutSplit(lambda: pytest.fail("was read"), _LABELS)
    assert split.labels is _LABELS and split.images is None


def test_a_right_pair_passes():
    check_pair("test", _IMAGES, _LABELS, 2, (3, 4, 1))
    check_pair("train", _IMAGES, _LABELS, 2, None)  # it determines the shape


@pytest.mark.parametrize(
    ("images", "labels", "shape", "says"),
    [
        (_IMAGES.astype(float), _LABELS, None, r"^valid images are .*Allowed: uint8 \[N, H, W, C\]"),
        (_IMAGES[0], _LABELS, None, "^valid images are "),
        (_IMAGES, _LABELS.astype(np.int64), None, r"^valid labels are .*Allowed: int32 \[N\]"),
        (_IMAGES, _LABELS, (4, 3, 1), r"^valid images are .*Allowed: \[4, 3, 1\] each, as the train images are"),
        (_IMAGES, _LABELS - 1, None, "^valid labels run from -1 to 0.*hidden or unknown .-1. must be left out"),
        (_IMAGES, _LABELS + 1, None, "^valid labels run from 1 to 2. Allowed: 0 to 1, as num_classes=2"),
        (_IMAGES, _LABELS[:1], None, "^valid images are .*, with 1 labels. Allowed: at least one image and one label"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_pair_is_refused(images, labels, shape, says):
    with pytest.raises(InvalidValueError, match=says):
        check_pair("valid", images, labels, 2, shape)


def test_no_image_is_refused():
    with pytest.raises(InvalidValueError, match="with 0 labels"):
        check_length("test", _IMAGES[:0], _LABELS[:0])
