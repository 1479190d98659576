"""Tests of nas_keras/strategies/mutation.py."""

import numpy as np

from nas_keras.strategies.mutation import mutate


def test_one_decision_becomes_another_choice_each_as_often():
    """Of 2, 1 and 3 choices: half of the time the first, never the second, and both others of the third as often."""
    encodings = np.tile([1, 0, 2], (4_000, 1))
    mutated = mutate(encodings, (2, 1, 3), np.random.default_rng(0))
    assert ((mutated != encodings).sum(axis=1) == 1).all()
    counts = {tuple(row): 0 for row in [(0, 0, 2), (1, 0, 0), (1, 0, 1)]}
    for row in mutated.tolist():
        counts[tuple(row)] += 1
    np.testing.assert_allclose([count / 4_000 for count in counts.values()], [1 / 2, 1 / 4, 1 / 4], atol=0.03)
    assert (encodings == [1, 0, 2]).all()


def test_where_nothing_can_be_changed():
    rng = np.random.default_rng(0)
    assert mutate(np.zeros((3, 2), int), (1, 1), rng).tolist() == [[0, 0]] * 3
    assert mutate(np.zeros((0, 2), int), (3, 4), rng).shape == (0, 2)
