"""Tests of nas_keras/reports/main_effects.py: two by two accuracies, worked out by hand."""

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.reports import table_statistics
from nas_keras.reports.main_effects import SMALLEST_ERROR, explained, main_effects

SPACE = grid(2, 2)


def _measured(space, valid):
    valid = np.asarray(valid, float)
    encodings = list(space.enumerate(distinct=True))
    return table_statistics.Accuracies(
        keys=tuple(map(space.key, encodings)),
        actions=tuple(encodings),
        valid=valid,
        test=valid,
        num_params=np.zeros(len(valid), int),
        seconds=0.0,
        num_failed=0,
        num_missing=0,
        num_variants=0,
        num_untested=0,
    )


def test_effects_of_two_by_two():
    accuracies = _measured(SPACE, [[0.9], [0.8], [0.7], [0.4]])  # the grand mean is 0.7
    effects = main_effects(SPACE, accuracies)
    assert [(e.decision, e.choice) for e in effects] == [("d0", "0"), ("d0", "1"), ("d1", "0"), ("d1", "1")]
    np.testing.assert_allclose([e.accuracy for e in effects], [0.15, -0.15, 0.1, -0.1])
    logs = np.log([0.1, 0.2, 0.3, 0.6])
    np.testing.assert_allclose(effects[0].log_error, logs[:2].mean() - logs.mean())
    assert np.isnan([e.accuracy_error for e in effects]).all()  # nothing was repeated


def test_standard_errors_are_those_of_the_contrast():
    values = [[0.88, 0.92], [0.8, 0.8], [0.7, 0.7], [0.4, 0.4]]
    effect = main_effects(SPACE, _measured(SPACE, values))[0]
    # (m00 + m01) / 2 - (m00 + m01 + m10 + m11) / 4 = (m00 + m01 - m10 - m11) / 4, and only m00 has an error: 0.02
    assert effect.accuracy_error == pytest.approx(0.02 / 4)
    assert effect.log_error_error == pytest.approx(0.02 / 0.1 / 4)


def test_the_scatter_of_effects_is_their_standard_error():
    rng = np.random.default_rng(0)
    tables = [_measured(SPACE, 0.5 + 0.01 * rng.normal(size=(4, 3))) for _ in range(500)]
    found = np.array([[(e.accuracy, e.accuracy_error**2) for e in main_effects(SPACE, table)] for table in tables])
    np.testing.assert_allclose(found[..., 0].std(axis=0), found[..., 1].mean(axis=0) ** 0.5, rtol=0.15)


def test_a_key_with_one_training_has_the_noise_of_the_others():
    values = [[0.9, np.nan], [0.79, 0.81], [0.69, 0.71], [0.39, 0.41]]
    effect = main_effects(SPACE, _measured(SPACE, values))[0]
    single = np.std([0.79, 0.81], ddof=1)
    assert effect.accuracy_error == pytest.approx((single**2 * (1 + 3 / 2)) ** 0.5 / 4)


def test_keys_count_as_often_as_they_have_encodings():
    space = nk.SearchSpace("s", [nk.Decision("a", (0, 1)), nk.Decision("b", (0, 1))], key=lambda a: str(a[0] * a[1]))
    effects = main_effects(space, _measured(space, [[0.4], [0.8]]))  # "0" has three encodings, "1" one
    np.testing.assert_allclose([e.accuracy for e in effects], [0.4 - 0.5, 0.6 - 0.5] * 2)


def test_encodings_without_accuracy_are_left_out():
    effects = main_effects(SPACE, _measured(SPACE, [[0.9], [0.6], [np.nan], [np.nan]]))
    assert [(e.decision, e.choice) for e in effects] == [("d0", "0"), ("d1", "0"), ("d1", "1")]
    np.testing.assert_allclose([e.accuracy for e in effects], [0, 0.15, -0.15], atol=1e-12)


def test_an_error_rate_of_0_has_a_logarithm():
    effects = main_effects(SPACE, _measured(SPACE, [[1.0], [1.0], [0.9], [0.9]]))
    assert effects[0].log_error == pytest.approx(np.log(SMALLEST_ERROR / 0.1) / 2)


@pytest.mark.parametrize(
    ("error_rates", "shares"),
    [
        ([0.1, 0.2, 0.3, 0.6], [np.log(3) ** 2, np.log(2) ** 2]),  # a product: no interplay
        ([0.1, 0.1, 0.2, 0.2], [1, 0]),
        ([0.1, 0.2, 0.2, 0.1], [0, 0]),  # nothing but interplay
    ],
)
def test_shares(error_rates, shares):
    accuracies = _measured(SPACE, 1 - np.array(error_rates)[:, None])
    found = explained(SPACE, accuracies, main_effects(SPACE, accuracies))
    np.testing.assert_allclose(list(found.values()), np.array(shares) / max(1, sum(shares)), atol=1e-9)
    assert list(found) == ["d0", "d1"]


@pytest.mark.parametrize("values", [[[0.9], [0.8], [0.7], [np.nan]], [[0.9]] * 4])
def test_shares_of_a_part_or_of_nothing_are_not_given(values):
    accuracies = _measured(SPACE, values)
    assert explained(SPACE, accuracies, main_effects(SPACE, accuracies)) == {}
