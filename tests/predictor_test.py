"""Tests of nas_keras/strategies/predictor.py: kernels and ridge regressions against the features written out."""

import numpy as np
import pytest

from nas_keras.strategies.predictor import RidgeEnsemble, choose_penalty, count_equal, quadratic_kernel, rank_scores

NAN = float("nan")
_NUM_CHOICES = (3, 2, 4)


def _strings(count, seed=0):
    return np.random.default_rng(seed).integers(_NUM_CHOICES, size=(count, 3))


def _features(strings, scale):
    """A constant, one-hot decisions and all products of two of those: [N, 1 + 9 + 81]."""
    one_hot = np.concatenate([np.eye(n)[strings[:, t]] for t, n in enumerate(_NUM_CHOICES)], axis=1) / scale**0.5
    products = one_hot[:, :, None] * one_hot[:, None, :]
    return np.concatenate([np.ones((len(strings), 1)), one_hot, products.reshape(len(strings), -1)], axis=1)


def _kernel(strings, others):
    return quadratic_kernel(count_equal(strings, others), 3)


def test_equal_decisions_are_counted():
    counts = count_equal(np.array([[0, 1, 2], [7, 7, 7]]), np.array([[0, 1, 2], [0, 7, 2], [1, 0, 1]]))
    assert counts.tolist() == [[3, 2, 0], [0, 1, 0]]


def test_the_kernel_is_that_of_all_features_and_their_products():
    strings, others = _strings(7), _strings(5, seed=1)
    expected = _features(strings, 3) @ _features(others, 3).T
    np.testing.assert_allclose(_kernel(strings, others), expected, atol=1e-12)


def test_one_member_is_ridge_regression_as_least_squares_solves_it():
    """Ridge is least squares with a row of sqrt(penalty) for each feature: numpy.linalg.lstsq on 91 features."""
    fitted, new = _strings(12), _strings(5, seed=1)
    targets = np.random.default_rng(2).normal(size=12)
    kernel = _kernel(fitted, fitted)
    ensemble = RidgeEnsemble(kernel, targets, members=1, rng=np.random.default_rng(0))
    features = _features(fitted, 3)
    rows = np.concatenate([features, ensemble.penalty**0.5 * np.eye(91)])
    weights, *_ = np.linalg.lstsq(rows, np.concatenate([targets - targets.mean(), np.zeros(91)]), rcond=None)
    expected = _features(new, 3) @ weights + targets.mean()
    np.testing.assert_allclose(ensemble.predict(_kernel(new, fitted))[:, 0], expected, atol=1e-9)


def test_each_member_leaves_out_another_share():
    fitted, targets = _strings(11), np.random.default_rng(2).normal(size=11)
    kernel = _kernel(fitted, fitted)
    ensemble = RidgeEnsemble(kernel, targets, members=5, rng=np.random.default_rng(0))
    left_out = [np.flatnonzero(column == 0) for column in ensemble._weights.T]
    assert sorted(map(len, left_out)) == [2, 2, 2, 2, 3]
    assert sorted(np.concatenate(left_out)) == list(range(11))
    # Each is the ridge regression of what it has seen: a change of what it left out changes nothing but the mean.
    changed = targets.copy()
    changed[left_out[0]] += [5.0, -5.0, 0.0][: len(left_out[0])]
    seen = np.setdiff1d(np.arange(11), left_out[0])
    weights = np.linalg.inv(kernel[np.ix_(seen, seen)] + ensemble.penalty * np.eye(len(seen)))
    expected = targets.mean() + kernel[:, seen] @ weights @ (targets - targets.mean())[seen]
    np.testing.assert_allclose(ensemble.predict(kernel)[:, 0], expected, atol=1e-9)


def test_the_penalty_is_the_best_of_leaving_each_out_in_turn():
    fitted = _strings(15)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        targets = rng.normal(size=3)[fitted[:, 0]] + 0.5 * seed * rng.normal(size=15)
        targets -= targets.mean()
        kernel = _kernel(fitted, fitted)
        errors = {}
        for relative in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
            penalty = relative * 3  # k(x, x) = 1 + 1 + 1
            error = 0
            for i in range(15):
                rest = np.delete(np.arange(15), i)
                weights = np.linalg.solve(kernel[np.ix_(rest, rest)] + penalty * np.eye(14), targets[rest])
                error += (targets[i] - kernel[i, rest] @ weights) ** 2
            errors[penalty] = error
        assert choose_penalty(kernel, targets) == pytest.approx(min(errors, key=errors.get))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_strings_are_enough(count):
    fitted = _strings(count)
    ensemble = RidgeEnsemble(_kernel(fitted, fitted), np.arange(float(count)), members=5, rng=np.random.default_rng(0))
    predictions = ensemble.predict(_kernel(_strings(4, seed=1), fitted))
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
