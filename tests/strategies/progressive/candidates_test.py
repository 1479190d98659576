"""Tests of nas_keras/strategies/progressive/candidates.py."""

import numpy as np
import pytest

from nas_keras.strategies.progressive.candidates import Candidates, take_best


def test_the_best_come_first_and_equal_ones_in_an_order_that_does_not_depend_on_how_many_are_taken():
    predictions = np.array([0.0, 2.0, 1.0, 1.0, 1.0, -1.0])
    order = take_best(6, predictions, np.random.default_rng(1))
    assert order[0] == 1 and set(order[1:4]) == {2, 3, 4} and order[4:] == [0, 5]
    assert [take_best(n, predictions, np.random.default_rng(1)) for n in (2, 3)] == [order[:2], order[:3]]
    assert len({tuple(take_best(6, predictions, np.random.default_rng(seed))) for seed in range(50)}) == 6


class _Numbers(Candidates):
    def features(self, actions):
        return np.array(actions)

    def inner_products(self, features, others):
        return features @ others.T

    def propose(self, n, observed, known, predict, rng):
        return []


def test_candidates_that_remember_nothing_have_no_state_and_no_metrics():
    candidates = _Numbers()
    candidates.restore(candidates.state())
    assert candidates.state() == {} and candidates.metrics == {}


def test_an_incomplete_implementation_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (Candidates,), {"features": _Numbers.features})()
