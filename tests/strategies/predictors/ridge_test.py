"""Tests of nas_keras/strategies/predictors/ridge.py: kernels and ridge regressions against the features written out."""

import numpy as np
import pytest

from nas_keras.comparison.synthetic import make_synthetic
from nas_keras.strategies.predictors.ridge import (
    RidgeEnsemble,
    choose_kernel,
    count_equal,
    exponential,
    quadratic,
    rank_scores,
)

NAN = float("nan")
_NUM_CHOICES = (3, 2, 4)


def _encodings(count, seed=0):
    return np.random.default_rng(seed).integers(_NUM_CHOICES, size=(count, 3))


def _features(encodings, scale):
    """A constant, one-hot decisions and all products of two of those: [N, 1 + 9 + 81]."""
    one_hot = np.concatenate([np.eye(n)[encodings[:, t]] for t, n in enumerate(_NUM_CHOICES)], axis=1) / scale**0.5
    products = one_hot[:, :, None] * one_hot[:, None, :]
    return np.concatenate([np.ones((len(encodings), 1)), one_hot, products.reshape(len(encodings), -1)], axis=1)


def _shared(encodings, others):
    return count_equal(encodings, others) / 3


def test_equal_decisions_are_counted():
    counts = count_equal(np.array([[0, 1, 2], [7, 7, 7]]), np.array([[0, 1, 2], [0, 7, 2], [1, 0, 1]]))
    assert counts.tolist() == [[3, 2, 0], [0, 1, 0]]


def test_the_kernel_is_that_of_all_features_and_their_products():
    encodings, others = _encodings(7), _encodings(5, seed=1)
    expected = _features(encodings, 3) @ _features(others, 3).T
    np.testing.assert_allclose(quadratic(_shared(encodings, others)), expected, atol=1e-12)


def test_one_member_is_ridge_regression_as_least_squares_solves_it():
    """Ridge is least squares with a row of sqrt(penalty) for each feature: numpy.linalg.lstsq on 91 features."""
    fitted, new = _encodings(12), _encodings(5, seed=1)
    targets = np.random.default_rng(2).normal(size=12)
    targets += np.eye(3)[fitted[:, 0]] @ [9, 0, -9]  # so plain an effect that the features are chosen
    ensemble = RidgeEnsemble(_shared(fitted, fitted), targets, members=1, rng=np.random.default_rng(0))
    assert ensemble.kernel is quadratic
    features = _features(fitted, 3)
    rows = np.concatenate([features, ensemble.penalty**0.5 * np.eye(91)])
    weights, *_ = np.linalg.lstsq(rows, np.concatenate([targets - targets.mean(), np.zeros(91)]), rcond=None)
    expected = _features(new, 3) @ weights + targets.mean()
    np.testing.assert_allclose(ensemble.predict(_shared(new, fitted))[:, 0], expected, atol=1e-9)


def test_each_member_leaves_out_another_share():
    fitted, targets = _encodings(11), np.random.default_rng(2).normal(size=11)
    shared = _shared(fitted, fitted)
    ensemble = RidgeEnsemble(shared, targets, members=5, rng=np.random.default_rng(0))
    kernel = ensemble.kernel(shared)
    left_out = [np.flatnonzero(column == 0) for column in ensemble._weights.T]
    assert sorted(map(len, left_out)) == [2, 2, 2, 2, 3]
    assert sorted(np.concatenate(left_out)) == list(range(11))
    # Each is the ridge regression of what it has seen: a change of what it left out changes nothing but the mean.
    changed = targets.copy()
    changed[left_out[0]] += [5.0, -5.0, 0.0][: len(left_out[0])]
    seen = np.setdiff1d(np.arange(11), left_out[0])
    weights = np.linalg.inv(kernel[np.ix_(seen, seen)] + ensemble.penalty * np.eye(len(seen)))
    expected = targets.mean() + kernel[:, seen] @ weights @ (targets - targets.mean())[seen]
    np.testing.assert_allclose(ensemble.predict(shared)[:, 0], expected, atol=1e-9)


def test_kernel_and_penalty_are_the_best_of_leaving_each_out_in_turn():
    fitted = _encodings(15)
    chosen = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        targets = rng.normal(size=3)[fitted[:, 0]] + 0.5 * seed * rng.normal(size=15)
        targets -= targets.mean()
        errors = {}
        for kernel, diagonal in ((quadratic, 3), (exponential, np.exp(4))):
            gram = kernel(_shared(fitted, fitted))
            for relative in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
                penalty = relative * diagonal
                error = 0
                for i in range(15):
                    rest = np.delete(np.arange(15), i)
                    weights = np.linalg.solve(gram[np.ix_(rest, rest)] + penalty * np.eye(14), targets[rest])
                    error += (targets[i] - gram[i, rest] @ weights) ** 2
                errors[kernel, penalty] = error
        found = choose_kernel(_shared(fitted, fitted), targets)
        best, penalty = min(errors, key=errors.get)
        assert found[0] is best and found[1] == pytest.approx(penalty)
        chosen.add(best)
    assert chosen == {quadratic, exponential}


@pytest.mark.parametrize(
    ("table", "kernel", "least"), [("rugged-8x3-1", exponential, 0.66), ("pairwise-6x5-1", quadratic, 0.8)]
)
def test_a_rugged_table_takes_products_of_many_and_another_does_not(table, kernel, least):
    """From 192 encodings to the order of 400 others; the features alone reach 0.63 on the first table."""
    space, rewards = make_synthetic(table)
    encodings = np.random.default_rng(0).integers(space.num_choices, size=(592, len(space.num_choices)))
    shared = count_equal(encodings, encodings[:192]) / len(space.num_choices)
    targets = rank_scores(rewards[tuple(encodings.T)])
    ensemble = RidgeEnsemble(shared[:192], targets[:192], members=1, rng=np.random.default_rng(0))
    assert ensemble.kernel is kernel
    assert np.corrcoef(ensemble.predict(shared[192:])[:, 0], targets[192:])[0, 1] > least


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_encodings_are_enough(count):
    fitted = _encodings(count)
    ensemble = RidgeEnsemble(_shared(fitted, fitted), np.arange(float(count)), members=5, rng=np.random.default_rng(0))
    predictions = ensemble.predict(_shared(_encodings(4, seed=1), fitted))
    assert predictions.shape == (4, 5) and np.isfinite(predictions).all()
    if count == 1:
        assert (predictions == 0).all()  # the mean of one target


@pytest.mark.parametrize(
    ("rewards", "scores"),
    [
        ([7.0], [0]),
        ([1.0, 1.0, 1.0], [0, 0, 0]),
        ([0.2, 900.0], [-0.6745, 0.6745]),  # the quartiles of the normal distribution
        ([0.2, NAN], [0.6745, -0.6745]),
        ([NAN, NAN], [0, 0]),
        ([3.0, 1.0, 2.0], [0.9674, -0.9674, 0]),  # its sixths
        ([3.0, NAN, NAN, 5.0], [0.3186, -0.6745, -0.6745, 1.1503]),  # failures share the lower half's middle
    ],
)
def test_rank_scores(rewards, scores):
    np.testing.assert_allclose(rank_scores(np.array(rewards)), scores, atol=1e-4)
