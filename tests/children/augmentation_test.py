"""Tests of nas_keras/children/augmentation.py."""

import numpy as np
import pytest

from nas_keras import _tensorflow
from nas_keras.children import augmentation
from nas_keras.children.train_config import TrainConfig
from nas_keras.errors import InvalidValueError


@pytest.fixture(scope="module", name="tf")
def _tf():
    return _tensorflow.load_tensorflow()


def _augment(tf, image, **drawn):
    """The image, [H][W], as each of the draws makes it: [K][H][W]."""
    count = len(next(iter(drawn.values())))
    images = tf.constant(np.repeat(np.array(image, np.uint8)[None, :, :, None], count, axis=0))
    result = augmentation.augment(images, {name: tf.constant(value) for name, value in drawn.items()}).numpy()
    assert result.dtype == np.uint8 and result.shape == images.shape
    return result[..., 0].tolist()


def test_shift_moves_images_and_lets_zeros_come_in(tf):
    shifts = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -2], [1, -1], [2, 0]], np.int32)
    assert _augment(tf, [[1, 2, 3], [4, 5, 6]], shift=shifts) == [
        [[1, 2, 3], [4, 5, 6]],
        [[0, 0, 0], [1, 2, 3]],
        [[4, 5, 6], [0, 0, 0]],
        [[0, 1, 2], [0, 4, 5]],
        [[3, 0, 0], [6, 0, 0]],
        [[0, 0, 0], [2, 3, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]


def test_flip_mirrors_left_and_right(tf):
    assert _augment(tf, [[1, 2, 3], [4, 5, 6]], flip=np.array([False, True])) == [
        [[1, 2, 3], [4, 5, 6]],
        [[3, 2, 1], [6, 5, 4]],
    ]


def test_rotation_is_about_the_centre_and_counter_clockwise(tf):
    angles = np.array([0, 0.5, -0.5, 1], np.float32) * np.float32(np.pi)
    assert _augment(tf, [[1, 2, 3], [4, 5, 6], [7, 8, 255]], angle=angles) == [
        [[1, 2, 3], [4, 5, 6], [7, 8, 255]],
        [[3, 6, 255], [2, 5, 8], [1, 4, 7]],
        [[7, 4, 1], [8, 5, 2], [255, 6, 3]],
        [[255, 8, 7], [6, 5, 4], [3, 2, 1]],
    ]


def test_rotation_interpolates_and_fills_the_corners_with_zeros(tf):
    (turned,) = np.array(_augment(tf, np.full((9, 9), 200), angle=np.array([np.pi / 4], np.float32)))
    assert turned[0, 0] == turned[0, -1] == turned[-1, 0] == turned[-1, -1] == 0
    assert (turned[2:7, 2:7] == 200).all() and 0 < turned[0, 2] < 200


@pytest.mark.parametrize("shape", [(6, 9, 3), (5, 5, 1), (1, 4, 2)])
def test_rotation_agrees_with_numpy(tf, shape):
    """Each pixel is the bilinear mean of the four around the place that it comes from; outside all is 0."""
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    angle = 0.3
    turned = augmentation.augment(tf.constant(image[None]), {"angle": tf.constant([angle], tf.float32)}).numpy()[0]
    height, width, _ = shape
    padded = np.pad(image.astype(np.float64), [(1, 2), (1, 2), (0, 0)])
    for row in range(height):
        for column in range(width):
            right, up = column - (width - 1) / 2, (height - 1) / 2 - row
            # A counter-clockwise rotation takes the pixel from where a clockwise one puts it.
            x = np.cos(angle) * right + np.sin(angle) * up + (width - 1) / 2
            y = (height - 1) / 2 - (np.cos(angle) * up - np.sin(angle) * right)
            if not (-1 < x < width and -1 < y < height):
                expected = np.zeros(shape[2])
            else:
                i, j = int(np.floor(y)) + 1, int(np.floor(x)) + 1
                b, a = y - np.floor(y), x - np.floor(x)
                expected = (1 - b) * ((1 - a) * padded[i, j] + a * padded[i, j + 1])
                expected += b * ((1 - a) * padded[i + 1, j] + a * padded[i + 1, j + 1])
            np.testing.assert_allclose(turned[row, column], expected, atol=0.51)


def test_an_image_is_flipped_before_it_is_rotated_and_shifted(tf):
    drawn = {"flip": np.array([True]), "angle": np.array([np.pi / 2], np.float32)}
    drawn["shift"] = np.array([[1, 0]], np.int32)
    assert _augment(tf, [[1, 2], [3, 4]], **drawn) == [[[0, 0], [1, 3]]]  # [[2, 1], [4, 3]], then [[1, 3], [2, 4]]


def test_the_draws_are_those_of_the_seed():
    config = TrainConfig(shift=2, flip=True, rotate=30)
    drawn = augmentation.draw(config, 2_000, 7)
    assert {name: (array.shape, array.dtype.name) for name, array in drawn.items()} == {
        "flip": ((2_000,), "bool"),
        "angle": ((2_000,), "float32"),
        "shift": ((2_000, 2), "int32"),
    }
    assert all(set(column) == {-2, -1, 0, 1, 2} for column in drawn["shift"].T.tolist())
    assert 0.45 < drawn["flip"].mean() < 0.55
    degrees = np.degrees(drawn["angle"])
    assert -30 <= degrees.min() < -29 and 29 < degrees.max() <= 30.001
    again, other = (augmentation.draw(config, 2_000, seed) for seed in (7, 8))
    assert all(np.array_equal(drawn[name], again[name]) for name in drawn)
    assert not any(np.array_equal(drawn[name], other[name]) for name in drawn)
    assert augmentation.draw(TrainConfig(), 2_000, 7) == {}


def test_the_shifts_of_a_seed_are_those_of_the_first_version():
    """Tables and runs hold rewards of shifted images."""
    assert augmentation.draw(TrainConfig(shift=2), 4, 7)["shift"].tolist() == [[0, -2], [2, 1], [-1, 0], [2, 0]]


def test_a_shift_is_less_than_the_shorter_side_of_an_image():
    augmentation.check_shift(TrainConfig(shift=5), (6, 9, 1))
    for shift in (6, 1_000):
        with pytest.raises(
            InvalidValueError, match=rf"shift={shift} \(--shift\) is not allowed for images of 9x6 .* than 6"
        ):
            augmentation.check_shift(TrainConfig(shift=shift), (9, 6, 1))
