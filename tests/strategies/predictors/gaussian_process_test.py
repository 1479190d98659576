"""Tests of nas_keras/strategies/predictors/gaussian_process.py, against the definitions written out with NumPy."""

import numpy as np
import pytest

from nas_keras.strategies.predictors.features import count_equal
from nas_keras.strategies.predictors.gaussian_process import Posterior

_NUM_CHOICES = (3, 2, 4, 3)


def _encodings(count, seed=0):
    return np.random.default_rng(seed).integers(_NUM_CHOICES, size=(count, 4))


def _shared(encodings, others):
    return count_equal(encodings, others) / 4


def _fit(count=12):
    fitted = _encodings(count)
    targets = np.random.default_rng(2).normal(size=count) + fitted[:, 0]
    return fitted, targets, Posterior(_shared(fitted, fitted), targets)


def _given(posterior, fitted, targets, encodings):
    """Mean and covariance of `encodings`: Rasmussen & Williams 2006, equations 2.23 and 2.24, with dense inverses."""
    inverse = np.linalg.inv(posterior.kernel(_shared(fitted, fitted)) + posterior.penalty * np.eye(len(fitted)))
    cross = posterior.kernel(_shared(encodings, fitted))
    mean = cross @ inverse @ targets
    return mean, posterior.variance * (posterior.kernel(_shared(encodings, encodings)) - cross @ inverse @ cross.T)


def test_the_variance_makes_the_errors_of_leaving_out_as_large_as_expected():
    fitted, targets, posterior = _fit()
    centred = targets - targets.mean()
    ratios = []
    for i in range(len(fitted)):
        rest = np.delete(np.arange(len(fitted)), i)
        mean, covariance = _given(posterior, fitted[rest], centred[rest], fitted[[i]])
        expected = covariance[0, 0] + posterior.variance * posterior.penalty  # of a target, not of what it is drawn of
        ratios.append((centred[i] - mean[0]) ** 2 / expected)
    assert np.mean(ratios) == pytest.approx(1)


@pytest.mark.parametrize("optimism", [0.0, 1.0, 3.0])
def test_a_batch_is_chosen_one_by_one_as_if_each_had_brought_its_mean(optimism):
    fitted, targets, posterior = _fit()
    encodings = np.unique(_encodings(40, seed=1), axis=0)
    all_encodings, brought, expected = fitted, targets - targets.mean(), []
    for _ in range(6):
        mean, covariance = _given(posterior, all_encodings, brought, encodings)
        bounds = mean + optimism * np.sqrt(np.diag(covariance))
        bounds[expected] = -np.inf
        expected.append(int(np.argmax(bounds)))
        all_encodings = np.concatenate([all_encodings, encodings[expected[-1:]]])
        brought = np.append(brought, mean[expected[-1]])
    shared, own = _shared(encodings, encodings), np.ones(len(encodings))
    chosen = posterior.select(6, _shared(encodings, fitted), own, shared.__getitem__, optimism=optimism)
    assert chosen == expected


def test_optimism_prefers_what_little_is_known_of():
    """Four equal encodings with 0 in the first decision were fitted: one with another choice is less known."""
    fitted = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]])
    posterior = Posterior(_shared(fitted, fitted), np.array([1.0, 1.1, 1.0, 0.9]))
    encodings = np.array([[0, 1, 2, 0], [2, 1, 2, 2], [0, 0, 2, 0]])
    shared = _shared(encodings, encodings)
    (first,) = posterior.select(1, _shared(encodings, fitted), np.ones(3), shared.__getitem__, optimism=5.0)
    assert first == 1


def test_no_more_are_chosen_than_there_are_and_none_twice():
    fitted, _, posterior = _fit()
    encodings = _encodings(3, seed=5)
    shared = _shared(encodings, encodings)
    chosen = posterior.select(8, _shared(encodings, fitted), np.ones(3), shared.__getitem__, optimism=1.0)
    assert sorted(chosen) == [0, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_and_equal_rewards_are_enough(count):
    fitted = _encodings(count)
    posterior = Posterior(_shared(fitted, fitted), np.zeros(count))
    encodings = _encodings(5, seed=1)
    chosen = posterior.select(
        2, _shared(encodings, fitted), np.ones(5), _shared(encodings, encodings).__getitem__, optimism=1.0
    )
    assert len(set(chosen)) == 2
