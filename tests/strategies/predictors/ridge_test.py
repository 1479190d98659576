"""Tests of nas_keras/strategies/predictors/ridge.py: kernels and ridge regressions against the features written out."""

import numpy as np
import pytest

from nas_keras.comparison.synthetic import make_synthetic
from nas_keras.strategies.predictors.features import count_equal
from nas_keras.strategies.predictors.ridge import BaggedRidge, exponential, quadratic, select_kernel
from nas_keras.strategies.ranks import rank_scores

_NUM_CHOICES = (3, 2, 4)


def _encodings(count, seed=0):
    return np.random.default_rng(seed).integers(_NUM_CHOICES, size=(count, 3))


def _features(encodings, scale):
    """A constant, one-hot decisions and all products of two of those: [N, 1 + 9 + 81]."""
    one_hot = np.concatenate([np.eye(n)[encodings[:, t]] for t, n in enumerate(_NUM_CHOICES)], axis=1) / scale**0.5
    products = one_hot[:, :, None] * one_hot[:, None, :]
    return np.concatenate([np.ones((len(encodings), 1)), one_hot, products.reshape(len(encodings), -1)], axis=1)


def _similarities(encodings, others):
    return count_equal(encodings, others) / 3


def test_the_kernel_is_that_of_all_features_and_their_products():
    encodings, others = _encodings(7), _encodings(5, seed=1)
    expected = _features(encodings, 3) @ _features(others, 3).T
    np.testing.assert_allclose(quadratic(_similarities(encodings, others)), expected, atol=1e-12)


def test_one_member_is_ridge_regression_as_least_squares_solves_it():
    """Ridge is least squares with a row of sqrt(penalty) for each feature: numpy.linalg.lstsq on 91 features."""
    fitted, new = _encodings(12), _encodings(5, seed=1)
    targets = np.random.default_rng(2).normal(size=12)
    targets += np.eye(3)[fitted[:, 0]] @ [9, 0, -9]  # so plain an effect that the features are chosen
    model = BaggedRidge(_similarities(fitted, fitted), targets, members=1, rng=np.random.default_rng(0))
    assert model.kernel is quadratic
    features = _features(fitted, 3)
    rows = np.concatenate([features, model.penalty**0.5 * np.eye(91)])
    weights, *_ = np.linalg.lstsq(rows, np.concatenate([targets - targets.mean(), np.zeros(91)]), rcond=None)
    expected = _features(new, 3) @ weights + targets.mean()
    np.testing.assert_allclose(model.predict(_similarities(new, fitted)), expected, atol=1e-9)


def test_the_prediction_is_the_mean_of_members_that_each_leave_out_another_part():
    fitted, targets = _encodings(11), np.random.default_rng(2).normal(size=11)
    similarities = _similarities(fitted, fitted)
    model = BaggedRidge(similarities, targets, members=5, rng=np.random.default_rng(0))
    left_out = [np.flatnonzero(column == 0) for column in model._weights.T]
    assert sorted(map(len, left_out)) == [2, 2, 2, 2, 3]
    assert sorted(np.concatenate(left_out)) == list(range(11))
    kernel, centred = model.kernel(similarities), targets - targets.mean()
    predictions = []
    for part in left_out:
        kept = np.setdiff1d(np.arange(11), part)
        weights = np.linalg.inv(kernel[np.ix_(kept, kept)] + model.penalty * np.eye(len(kept))) @ centred[kept]
        predictions.append(targets.mean() + kernel[:, kept] @ weights)
    np.testing.assert_allclose(model.predict(similarities), np.mean(predictions, axis=0), atol=1e-9)


def test_kernel_and_penalty_are_the_best_of_leaving_each_out_in_turn():
    fitted = _encodings(15)
    chosen = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        targets = rng.normal(size=3)[fitted[:, 0]] + 0.5 * seed * rng.normal(size=15)
        targets -= targets.mean()
        errors = {}
        for kernel, diagonal in ((quadratic, 3), (exponential, np.exp(4))):
            gram = kernel(_similarities(fitted, fitted))
            for relative in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
                penalty = relative * diagonal
                error = 0
                for i in range(15):
                    rest = np.delete(np.arange(15), i)
                    weights = np.linalg.solve(gram[np.ix_(rest, rest)] + penalty * np.eye(14), targets[rest])
                    error += (targets[i] - gram[i, rest] @ weights) ** 2
                errors[kernel, penalty] = error
        found = select_kernel(_similarities(fitted, fitted), targets)
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
    model = BaggedRidge(shared[:192], targets[:192], members=1, rng=np.random.default_rng(0))
    assert model.kernel is kernel
    assert np.corrcoef(model.predict(shared[192:]), targets[192:])[0, 1] > least


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_encodings_are_enough(count):
    fitted = _encodings(count)
    model = BaggedRidge(_similarities(fitted, fitted), np.arange(float(count)), members=5, rng=np.random.default_rng(0))
    predictions = model.predict(_similarities(_encodings(4, seed=1), fitted))
    assert predictions.shape == (4,) and np.isfinite(predictions).all()
    if count == 1:
        assert (predictions == 0).all()  # the mean of one target
