"""Tests of nas_keras/data/checks.py, through `Images.from_arrays`: each finding, with its figures."""

import dataclasses

import numpy as np
import pytest

from nas_keras.data.images import Images
from nas_keras.errors import InvalidValueError


def _pair(count, classes, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(2, 256, size=(count, 4, 4, 1), dtype=np.uint8), np.resize(classes, count)


def _warnings(caplog, *args, **settings):
    caplog.clear()
    Images.from_arrays(*args, **settings)
    return [record.getMessage() for record in caplog.records]


def test_good_splits_give_no_warning(caplog):
    assert _warnings(caplog, _pair(9, [0, 1, 2]), _pair(6, [0, 1, 2], 1), test=_pair(3, [0, 1, 2], 2)) == []


def test_classes_that_a_split_lacks(caplog):
    train, valid, test = _pair(8, [0, 1]), _pair(9, [0, 1, 2], 1), _pair(4, [1], 2)
    assert _warnings(caplog, train, valid, test=test, num_classes=4, name="pets") == [
        "pets: no split has an image of 1 of the 4 classes: 3.",
        "pets: the training split has no image of 1 of the 4 classes: 2. No child can learn them, but 3 of 9 "
        "validation images have them.",
        "pets: the test split has no image of 2 of the 4 classes: 0, 2.",
        "pets: 4 of the 4 test images are of the class 1 (100.0 %). A child that always guesses it has that accuracy. "
        "Add images of the others, or leave some of these out.",
    ]
    many = _warnings(caplog, train, _pair(4, [0, 1], 1), num_classes=1_000)
    assert many == [
        "arrays: no split has an image of 998 of the 1,000 classes: " + ", ".join(map(str, range(2, 22))) + ", ...."
    ]
    assert _warnings(caplog, train, _pair(6, [1], 1))[0] == (
        "arrays: the validation split has no image of 1 of the 2 classes: 0."
    )


def test_images_in_two_splits(caplog):
    train, valid, test = _pair(8, [0, 1]), _pair(6, [0, 1], 1), _pair(4, [0, 1], 2)
    valid[0][:2], test[0][3], test[0][2] = train[0][5:7], train[0][0], valid[0][4]
    assert _warnings(caplog, train, valid, test=test) == [
        "arrays: 2 of the 6 validation images are in the training split too, so that accuracy on them says nothing "
        "about new images. Remove them from one of the splits.",
        "arrays: 1 of the 4 test images are in the training split too, so that accuracy on them says nothing about "
        "new images. Remove them from one of the splits.",
        "arrays: 1 of the 4 test images are in the validation split too, so that accuracy on them says nothing about "
        "new images. Remove them from one of the splits.",
    ]
    # The same where `Images` is built directly.
    built = Images.from_arrays(train, _pair(6, [0, 1], 1))
    caplog.clear()
    dataclasses.replace(built, valid_images=valid[0])
    assert len(caplog.records) == 1 and "2 of the 6 validation images are in the training split" in caplog.text
    # A training image twice in the training split is not the user's slip.
    assert _warnings(caplog, [np.concatenate([a, a]) for a in train], _pair(6, [0, 1], 1)) == []


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_validation_split_that_is_the_training_split(order):
    images, labels = _pair(8, [0, 1])
    with pytest.raises(InvalidValueError, match=r"of arrays has the same images as its training split \(8 and 8\)"):
        Images.from_arrays((images, labels), (images[order], labels[order]))


def test_images_that_are_almost_black(caplog):
    (images, labels), (others, valid_labels) = _pair(8, [0, 1]), _pair(6, [0, 1], 1)
    found = _warnings(caplog, (images // 128, labels), (others // 128, valid_labels))
    assert (
        len([text for text in found if "the largest pixel of its training images is 1, but white is 255" in text]) == 1
    )
    assert not any("pixel" in text for text in _warnings(caplog, (images, labels), (others // 128, valid_labels)))


def test_one_class_that_is_almost_everything(caplog):
    at_95 = _warnings(caplog, _pair(100, [0] * 95 + [1] * 5), _pair(20, [0] * 19 + [1], 1))
    assert at_95 == []
    train, valid = _pair(100, [0] * 96 + [1] * 4), _pair(20, [0] * 19 + [1], 1)
    assert _warnings(caplog, train, valid, class_names=["ok", "broken"]) == [
        "arrays: 96 of the 100 training images are of the class ok (96.0 %). A child that always guesses it has that "
        "accuracy. Add images of the others, or leave some of these out."
    ]


def test_splits_of_a_set_that_is_sorted_by_class(caplog):
    images, labels = _pair(400, np.repeat(range(4), 100))
    sorted_by_class = _warnings(caplog, (images[:340], labels[:340]), (images[340:], labels[340:]))
    assert sorted_by_class[0] == "arrays: the validation split has no image of 3 of the 4 classes: 0, 1, 2."
    assert sorted_by_class[-1] == (
        "arrays: the classes have other shares in the validation split than in the training split, as if the images "
        "were sorted by class before they were split: 3 is 100.0 % of the one and 11.8 % of the other. Shuffle the "
        "images before they are split, or let a fraction be drawn."
    )
    order = np.random.default_rng(0).permutation(400)
    images, labels = images[order], labels[order]
    assert _warnings(caplog, (images[:340], labels[:340]), (images[340:], labels[340:])) == []
    assert _warnings(caplog, (images, np.sort(labels)), 0.15) == []  # drawn by class


def test_classes_are_called_by_their_names(caplog):
    train, valid = _pair(8, ["cat", "dog"]), _pair(6, ["cat"], 1)
    assert _warnings(caplog, train, valid)[0] == (
        "arrays: the validation split has no image of 1 of the 2 classes: dog."
    )
