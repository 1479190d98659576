"""Tests of nas_keras/reports/searches_table.py."""

import math

import numpy as np

from nas_keras.comparison.table_searches import PAPER, TableSearches
from nas_keras.reports.searches_table import quartiles, searches_table, spread


def test_quartiles_take_searches_that_never_found():
    assert quartiles(np.array([4.0, 1, 3, 2, 5])) == [2, 3, 4]
    assert quartiles(np.array([1.0, 2, 3, math.inf])) == [1.75, 2.5, math.inf]
    values = np.random.default_rng(0).normal(size=10)
    np.testing.assert_allclose(quartiles(values), np.quantile(values, [0.25, 0.5, 0.75]))
    assert spread(np.array([1.0, 2, 3, math.inf])) == "2.5 (1.75 to never)"


def test_the_results_of_searches_as_a_table():
    found = {"PPO": np.array([7.0, 9]), PAPER: np.array([math.inf, 5])}
    share = np.array([0.75, 0.25])
    searched = TableSearches({PAPER: np.zeros([2, 3])}, share, share, 0.05, found, found, share, 8, 0.9, 0.5, {})
    text, table = searches_table(searched, 64)
    assert "Evaluating all 64 cells at random finds the best after 32.5" in text and "puts 50 % of its" in text
    assert table.rows[0] == ["PPO", "8 (7.5 to 8.5)", "2 of 2"] * 1 + ["8 (7.5 to 8.5)", "2 of 2"]
    assert table.rows[1][1:3] == ["never (never to never)", "1 of 2"] or table.rows[1][2] == "1 of 2"
