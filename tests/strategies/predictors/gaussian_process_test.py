"""Tests of nas_keras/strategies/predictors/gaussian_process.py, against scikit-learn and NumPy."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor, kernels

from nas_keras.strategies.predictors import ridge
from nas_keras.strategies.predictors.features import count_equal
from nas_keras.strategies.predictors.gaussian_process import GaussianProcess
from nas_keras.strategies.predictors.ridge import exponential, quadratic

_NUM_CHOICES = (3, 2, 4, 3)


def _encodings(count, seed=0):
    return np.random.default_rng(seed).integers(_NUM_CHOICES, size=(count, 4))


def _shared(encodings, others):
    return count_equal(encodings, others) / 4


def _one_hot(encodings):
    """Features [N, F] with inner products of `_shared`."""
    return np.concatenate([np.eye(n)[column] for n, column in zip(_NUM_CHOICES, encodings.T, strict=True)], 1) / 2


def _fit(count=12):
    fitted = _encodings(count)
    targets = np.random.default_rng(2).normal(size=count) + fitted[:, 0]
    return fitted, targets, GaussianProcess(_shared(fitted, fitted), targets)


def _given(process, fitted, targets, encodings):
    """Mean and covariance of `encodings`: Rasmussen & Williams 2006, equations 2.23 and 2.24, with dense inverses."""
    inverse = np.linalg.inv(process.kernel(_shared(fitted, fitted)) + process.penalty * np.eye(len(fitted)))
    cross = process.kernel(_shared(encodings, fitted))
    mean = cross @ inverse @ targets
    return mean, process.variance * (process.kernel(_shared(encodings, encodings)) - cross @ inverse @ cross.T)


def test_the_variance_makes_the_errors_of_leaving_out_as_large_as_expected():
    fitted, targets, process = _fit()
    centred = targets - targets.mean()
    ratios = []
    for i in range(len(fitted)):
        rest = np.delete(np.arange(len(fitted)), i)
        mean, covariance = _given(process, fitted[rest], centred[rest], fitted[[i]])
        expected = covariance[0, 0] + process.variance * process.penalty  # of a target, not of what it is drawn of
        ratios.append((centred[i] - mean[0]) ** 2 / expected)
    assert np.mean(ratios) == pytest.approx(1)


@pytest.mark.parametrize("kernel", [quadratic, exponential])
def test_mean_and_deviation_are_those_of_scikit_learn(kernel, monkeypatch):
    """Of one-hot encodings x of T decisions: s = x . y / T, and |x - y|^2 = 2 T (1 - s)."""
    monkeypatch.setattr(ridge, "_KERNELS", (kernel,))
    fitted, targets, process = _fit(count=40)
    others = _encodings(60, seed=1)
    means, deviations = process.predict(_shared(others, fitted))
    if kernel is quadratic:  # 1 + s + s^2 = (s + 1/2)^2 + 3/4
        same = kernels.Exponentiation(kernels.DotProduct(0.5**0.5), 2) + kernels.ConstantKernel(0.75)
    else:  # exp(4 s) = e^4 exp(-|x - y|^2 / (2 l^2)) with l^2 = T / 4, and x here is divided by the root of T
        same = kernels.ConstantKernel(np.exp(4)) * kernels.RBF(0.5)
    reference = GaussianProcessRegressor(same, alpha=process.penalty, optimizer=None)
    reference.fit(_one_hot(fitted), targets - targets.mean())
    expected, expected_deviations = reference.predict(_one_hot(others), return_std=True)
    np.testing.assert_allclose(means, targets.mean() + expected, atol=1e-6)
    np.testing.assert_allclose(deviations, np.sqrt(process.variance) * expected_deviations, atol=1e-6)


@pytest.mark.parametrize("optimism", [0.0, 1.0, 3.0])
def test_a_batch_is_chosen_one_by_one_as_if_each_had_brought_its_mean(optimism):
    fitted, targets, process = _fit()
    encodings = np.unique(_encodings(40, seed=1), axis=0)
    all_encodings, brought, expected = fitted, targets - targets.mean(), []
    for _ in range(6):
        mean, covariance = _given(process, all_encodings, brought, encodings)
        bounds = mean + optimism * np.sqrt(np.diag(covariance))
        bounds[expected] = -np.inf
        expected.append(int(np.argmax(bounds)))
        all_encodings = np.concatenate([all_encodings, encodings[expected[-1:]]])
        brought = np.append(brought, mean[expected[-1]])
    shared = _shared(encodings, encodings)
    chosen = process.select(6, _shared(encodings, fitted), shared.__getitem__, optimism=optimism)
    assert chosen == expected


def test_optimism_prefers_what_little_is_known_of():
    """Four equal encodings with 0 in the first decision were fitted: one with another choice is less known."""
    fitted = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]])
    process = GaussianProcess(_shared(fitted, fitted), np.array([1.0, 1.1, 1.0, 0.9]))
    encodings = np.array([[0, 1, 2, 0], [2, 1, 2, 2], [0, 0, 2, 0]])
    shared = _shared(encodings, encodings)
    (first,) = process.select(1, _shared(encodings, fitted), shared.__getitem__, optimism=5.0)
    assert first == 1


def test_no_more_are_chosen_than_there_are_and_none_twice():
    fitted, _, process = _fit()
    encodings = _encodings(3, seed=5)
    shared = _shared(encodings, encodings)
    chosen = process.select(8, _shared(encodings, fitted), shared.__getitem__, optimism=1.0)
    assert sorted(chosen) == [0, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_and_equal_rewards_are_enough(count):
    fitted = _encodings(count)
    process = GaussianProcess(_shared(fitted, fitted), np.zeros(count))
    encodings = _encodings(5, seed=1)
    chosen = process.select(2, _shared(encodings, fitted), _shared(encodings, encodings).__getitem__, optimism=1.0)
    assert len(set(chosen)) == 2
