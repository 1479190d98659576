"""Tests of nas_keras/data/arrays.py: what is converted, what is refused, and that the advice is right."""

import re

import numpy as np
import pytest

from nas_keras.data.arrays import to_pair
from nas_keras.errors import InvalidValueError

_RNG = np.random.default_rng(0)
PICTURES = _RNG.integers(0, 256, size=(6, 4, 4, 3), dtype=np.uint8)
PICTURES[0, 0, 0, :2] = 0, 255  # the whole range
LABELS = np.arange(6) % 3


def _refusal(images):
    with pytest.raises(InvalidValueError) as error:
        to_pair("train", (images, LABELS))
    return str(error.value)


def _advised(images):
    """The refusal, and what its advice makes of the images."""
    message = _refusal(images)
    line = message.partition("with the same line: ")[2]
    with np.errstate(invalid="raise"):
        converted = eval(line, {"images": images, "numpy": np})
    assert converted.dtype == np.uint8
    to_pair("train", (converted, LABELS))
    return message, converted


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.float16, np.float32, np.float64])
def test_whole_numbers_up_to_255_are_taken_as_they_are(dtype):
    images, labels = to_pair("train", (PICTURES.astype(dtype), LABELS))
    assert images.dtype == np.uint8 and labels.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(images, PICTURES)
    np.testing.assert_array_equal(to_pair("train", (list(PICTURES.astype(dtype)), LABELS))[0], PICTURES)


def test_arrays_of_objects_are_taken_if_they_hold_numbers():
    images = np.empty(6, object)
    images[:] = list(PICTURES)
    pair = to_pair("train", (images, LABELS.astype(object)))
    np.testing.assert_array_equal(pair[0], PICTURES)
    np.testing.assert_array_equal(pair[1], LABELS)


_FLOATS = PICTURES.astype(float)


@pytest.mark.parametrize(
    ("given", "measured"),
    [
        (_FLOATS / 255, "float64 [6, 4, 4, 3], from 0 to 1."),
        ((_FLOATS / 255).astype(np.float32), "float32"),
        ((_FLOATS / 255).astype(np.float16), "float16"),
        (_FLOATS / 127.5 - 1, "from -1 to 1."),
        (PICTURES.astype(np.uint16) * 257, "uint16 [6, 4, 4, 3], from 0 to 65535."),
        (PICTURES.astype(np.uint16) * 16 + PICTURES // 16, "from 0 to 4095."),  # 12 bits
        (_FLOATS * 257, "from 0 to 65535."),
        ((PICTURES.astype(int) - 128).astype(np.int8), "int8 [6, 4, 4, 3], from -128 to 127."),
        (PICTURES.astype(int) * 3 - 1000, "int64 [6, 4, 4, 3], from -1000 to -235."),
        ((_FLOATS - 100) / 64, "from -1.5625 to 2.421875."),  # standardized
        ((_FLOATS / 255 - 0.1307) / 0.3081, "from -0.4242129 to 2.821487."),  # as PyTorch's examples do with MNIST
        (_FLOATS + 0.25, "from 0.25 to 255.25."),
        (_FLOATS + 1e9 + 123, "from 1e+09 to 1e+09."),
        (_FLOATS * 1e6, "from 0 to 2.55e+08."),
        (_FLOATS * 1e6 + 1e6, "from 1000000 to 2.56e+08."),
    ],
)
def test_the_advice_gives_the_pictures_back(given, measured):
    message, converted = _advised(given)
    assert measured in message and "uint8 [N, H, W, C], or whole numbers from 0 to 255" in message
    np.testing.assert_array_equal(converted, PICTURES)


def test_the_advice_for_masks_and_overshoot():
    _, converted = _advised(PICTURES > 100)
    np.testing.assert_array_equal(converted, np.where(PICTURES > 100, 255, 0))
    _, converted = _advised((PICTURES > 100).astype(float))  # 0.0 and 1.0: black and white, and not 0 and 1 of 255
    np.testing.assert_array_equal(converted, np.where(PICTURES > 100, 255, 0))
    _, converted = _advised(_FLOATS / 255 * 1.1 - 0.05)  # resized with overshoot
    np.testing.assert_array_equal(converted, np.clip(np.round(_FLOATS * 1.1 - 0.05 * 255), 0, 255))


def test_the_advice_for_equal_pixels_is_a_program():
    for value in (0.5, 300.0, -7.5, 2.0**70):
        _advised(np.full((6, 4, 4, 3), value))


def test_masked_values_are_not_taken_for_pixels():
    message = _refusal(np.ma.masked_array(PICTURES, PICTURES > 250))
    assert f"a masked array of which {int((PICTURES > 250).sum())} values are masked" in message
    np.testing.assert_array_equal(to_pair("train", (np.ma.masked_array(PICTURES), LABELS))[0], PICTURES)


def test_the_advice_never_wraps_around_on_another_split():
    line = _refusal(_FLOATS / 255).partition("with the same line: ")[2]
    assert eval(line, {"images": np.array([-0.2, 1.3])}).tolist() == [0, 255]


def test_nan_and_infinity_are_named_and_left_out_as_advised():
    images = _FLOATS.copy()
    images[2, 0, 0, 0], images[4, 1, :2, 1] = np.nan, (np.inf, -np.inf)
    message = _refusal(images)
    assert (
        "hold 1 values that are NaN and 2 that are infinite, in 2 of the 6 images, the first of which is image 2"
        in message
    )
    scope = {"images": images, "labels": LABELS, "numpy": np}
    exec(message[message.index("keep = ") :], scope)
    taken = to_pair("train", (scope["images"], scope["labels"]))
    np.testing.assert_array_equal(taken[0], PICTURES[[0, 1, 3, 5]])
    assert taken[1].tolist() == LABELS[[0, 1, 3, 5]].tolist()


def test_channels_first_is_seen_and_turned_as_advised():
    images = _RNG.integers(0, 256, size=(6, 3, 32, 20), dtype=np.uint8)
    message = _refusal(images)
    assert "uint8 [6, 3, 32, 20], which looks like 3 channels before a height of 32 and a width of 20" in message
    turned = eval(re.search(r"images\.transpose\(0, 2, 3, 1\)", message)[0])
    assert to_pair("train", (turned, LABELS))[0].shape == (6, 32, 20, 3)
    thin = eval(re.search(r"images\.transpose\(0, 2, 1, 3\)", message)[0])
    assert to_pair("train", (thin, LABELS))[0].shape == (6, 32, 3, 20)


def test_flat_rows_become_images_as_advised():
    message = _refusal(np.zeros((6, 49), np.uint8))
    rows = eval(re.search(r"images\.reshape\(.*?\)", message)[0], {"images": np.zeros((6, 49), np.uint8)})
    assert to_pair("train", (rows, LABELS))[0].shape == (6, 7, 7, 1)
    assert "reshape" not in _refusal(np.zeros((6, 50), np.uint8))


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (
            [np.zeros((4, 4)), np.zeros((5, 4))],
            "they hold ndarrays of shape [4, 4], ndarrays of shape [5, 4]. Allowed: images",
        ),
        ([np.zeros((4, 4)), np.zeros((4, 5))], "ndarrays of shape [4, 5]. Allowed: images of one size"),
        ([None, np.zeros((4, 4))], "None, ndarrays of shape [4, 4]"),
        (["a.png", "b.png"], "train images are <U5 [2]. Allowed: uint8"),
        (np.zeros((2, 4, 4), complex), "train images are complex128 [2, 4, 4]. Allowed: uint8"),
        (7, "train images are int64 []. Allowed: [N, H, W, C]"),
        (object(), "train images are a object, not an array of numbers: NumPy makes an array of objects"),
    ],
)
def test_images_that_are_none(images, says):
    assert says in _refusal(images=images)
