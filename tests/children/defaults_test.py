"""Tests of nas_keras/children/defaults.py."""

import pytest
from helpers import tiny_images

import nas_keras as nk
from nas_keras.children import defaults
from nas_keras.children.caveats import count_steps
from nas_keras.errors import InvalidValueError

_GIB = 2**30


def _suggest(shape, count, *, memory=4 * _GIB, **given):
    child, train, _ = defaults.suggest(shape, count, memory=memory, given=given)
    return child.stem_stride, child.stages, train.batch_size, train.epochs


def test_mnist_has_the_settings_of_the_classes():
    child, train, reasons = defaults.suggest((28, 28, 1), 55_000, memory=_GIB / 8, given={})
    assert (child, train) == (nk.ChildConfig(), nk.TrainConfig())
    assert reasons == {
        "stem_stride": "a stride of 2 quarters the cost of a child",
        "stages": "the last one sees 7 pixels along the shorter side of an image of 28x28",
        "batch_size": "429 steps in an epoch of 55,000 images",
        "epochs": "429 training steps of a child, which needs about 400",
    }


@pytest.mark.parametrize(
    ("shape", "stem_stride", "stages"),
    [
        ((1, 1, 1), 1, 1),
        ((8, 8, 3), 1, 1),  # 8; a second stage would see 4
        ((10, 10, 1), 1, 2),  # 10, 5
        ((12, 12, 1), 1, 2),
        ((18, 18, 1), 1, 2),
        ((19, 19, 1), 2, 2),  # 10, 5
        ((32, 32, 3), 2, 2),  # 16, 8
        ((40, 40, 3), 2, 3),  # 20, 10, 5
        ((64, 64, 3), 2, 3),
        ((128, 128, 3), 2, 4),
        ((64, 128, 3), 2, 3),  # the shorter side counts
        ((224, 224, 3), 2, 5),  # 112, 56, 28, 14, 7
        ((1000, 1000, 3), 2, 5),  # never more
    ],
)
def test_the_size_of_the_images_gives_stem_and_stages(shape, stem_stride, stages):
    assert _suggest(shape, 55_000, memory=1e15)[:2] == (stem_stride, stages)


@pytest.mark.parametrize(
    ("count", "batch_size", "epochs"),
    [
        (1, 32, 400),
        (20, 32, 400),  # one step an epoch
        (100, 32, 134),  # 3 * 134 = 402
        (1_200, 32, 11),  # 37 * 11 = 407
        (12_800, 32, 1),
        (13_000, 32, 1),
        (26_000, 64, 1),  # 406
        (44_799, 64, 1),
        (45_833, 128, 1),  # CIFAR-10: 358 are about 400
        (10**6, 128, 1),
    ],
)
def test_the_number_of_the_images_gives_batches_and_epochs(count, batch_size, epochs):
    assert _suggest((28, 28, 1), count)[2:] == (batch_size, epochs)
    assert count_steps(nk.TrainConfig(batch_size=batch_size, epochs=epochs), count) >= 350


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"epochs": 3}, (2, 2, 32, 3)),
        ({"epochs": 50}, (2, 2, 128, 50)),
        ({"batch_size": 128}, (2, 2, 128, 45)),  # 9 * 45 = 405
        ({"batch_size": 8}, (2, 2, 8, 3)),
        ({"stages": 1}, (2, 1, 32, 11)),
        ({"stem_stride": 1}, (1, 3, 32, 11)),  # 28, 14, 7
        ({"stem_stride": 4, "stages": 1, "batch_size": 2, "epochs": 1}, (4, 1, 2, 1)),
    ],
)
def test_what_is_given_stays_and_the_rest_suits_it(given, expected):
    assert _suggest((28, 28, 1), 1_200, **given) == expected
    _, _, reasons = defaults.suggest((28, 28, 1), 1_200, memory=_GIB, given=given)
    assert set(reasons) == set(defaults.FOLLOWING) - set(given)


def test_other_settings_are_taken_over():
    child, train, _ = defaults.suggest(
        (28, 28, 1), 55_000, memory=_GIB, given={"filters": 8, "rotate": 5.0, "dropout": 0.1}
    )
    assert (child, train) == (nk.ChildConfig(filters=8, dropout=0.1), nk.TrainConfig(rotate=5.0))


def test_filters_that_leave_no_room_for_the_stages():
    assert defaults.suggest((224, 224, 3), 55_000, memory=1e15, given={"filters": 4_096})[0].stages == 3


def test_the_reasons_of_few_small_images():
    _, _, reasons = defaults.suggest((12, 12, 1), 1_200, memory=_GIB, given={})
    assert reasons == {
        "stem_stride": "a stride of 2 is too much for images of 12x12 pixels",
        "stages": "the last one sees 6 pixels along the shorter side of an image of 12x12",
        "batch_size": "batches of 128 would give a child 9 training steps, and it needs about 400",
        "epochs": "407 training steps of a child, which needs about 400",
    }


def test_large_images_get_smaller_batches_and_then_a_larger_stride():
    shape, count = (512, 512, 3), 100_000
    bytes_of_one = defaults.bytes_per_image(nk.ChildConfig(stages=5), shape)
    # 28 values for each of a stage's: 16 * 256^2 * (1 + 1/2 + 1/4 + 1/8 + 1/16), and the image.
    assert bytes_of_one == 4 * (28 * 16 * 256**2 * 1.9375 + 512 * 512 * 3)
    assert _suggest(shape, count, memory=128 * bytes_of_one) == (2, 5, 128, 1)
    assert _suggest(shape, count, memory=127 * bytes_of_one) == (2, 5, 64, 1)
    assert _suggest(shape, count, memory=16 * bytes_of_one) == (2, 5, 16, 1)
    assert _suggest(shape, count, memory=15 * bytes_of_one) == (4, 5, 16, 1)
    reasons = defaults.suggest(shape, count, memory=15 * bytes_of_one, given={}).reasons
    assert reasons["batch_size"].startswith("a larger one may not fit into ")
    assert reasons["stem_stride"].startswith("a smaller one may not fit into ")
    assert _suggest(shape, count, memory=1)[0] == 16  # as small as it gets
    given = {"batch_size": 128, "stem_stride": 2}
    assert _suggest(shape, count, memory=1, **given)[:3] == (2, 5, 128)


def test_the_machine_and_the_images_are_measured(monkeypatch):
    images = tiny_images(count=1_200)
    expected = defaults.suggest((12, 12, 1), 1_200, memory=4 * _GIB, given={"filters": 4})
    assert nk.suggest_configs(images, filters=4) == expected
    monkeypatch.setattr(defaults, "available_memory", lambda: 2**20)
    monkeypatch.setattr(defaults, "available_cores", lambda: 1)
    assert nk.suggest_configs(images).reasons["batch_size"].endswith("into 0 MiB, half of a core's share of the memory")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"filter": 3}, "filter=3 is not a setting. Allowed: filters, stages, cells_per_stage, "),
        ({"epochs": 0}, "epochs=0 is not allowed: it must be an integer of at least 1."),
        ({"stages": 0}, "stages=0 is not allowed: it must be an integer of at least 1."),
    ],
)
def test_a_wrong_setting_is_refused(given, says):
    with pytest.raises(InvalidValueError) as caught:
        nk.suggest_configs(tiny_images(64), **given)
    assert str(caught.value).startswith(says)


def test_images_of_another_type_are_refused():
    with pytest.raises(InvalidValueError, match="images='mnist' is not allowed: it must be nk.Images."):
        nk.suggest_configs("mnist")


# Peak resident memory of the first training of 384 images of random pixels, beyond that of one with two images: on a
# CPU with one thread, `concat(conv_1x3_3x1,conv_1x3_3x1,conv_1x3_3x1)`, the cell that takes most of those measured.
@pytest.mark.parametrize(
    ("shape", "stages", "batch_size", "measured", "estimate"),
    [
        ((28, 28, 1), 2, 128, 70, 4 * (784 + 28 * (14 * 14 * 16 + 7 * 7 * 32))),
        ((64, 64, 3), 3, 128, 349, 4 * (12_288 + 28 * (32 * 32 * 16 + 16 * 16 * 32 + 8 * 8 * 64))),
        ((128, 128, 3), 4, 64, 705, 4 * (49_152 + 28 * (64 * 64 * 16 + 32 * 32 * 32 + 16 * 16 * 64 + 8 * 8 * 128))),
    ],
)
def test_the_estimated_memory_is_near_the_measured_one(shape, stages, batch_size, measured, estimate):
    assert defaults.bytes_per_image(nk.ChildConfig(stages=stages), shape) == estimate
    assert 1 / 1.5 < batch_size * estimate / 2**20 / measured < 1.5
