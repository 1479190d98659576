"""Tests of nas_keras/reports/searches_section.py; its text is tested with the page of a table."""

import math

import numpy as np

from nas_keras.reports.searches_section import evaluations, quartiles


def test_quartiles_take_searches_that_never_found():
    assert quartiles(np.array([4.0, 1, 3, 2, 5])) == [2, 3, 4]
    assert quartiles(np.array([1.0, 2, 3, math.inf])) == [1.75, 2.5, math.inf]
    assert quartiles(np.array([math.inf] * 2)) == [math.inf] * 3
    values = np.random.default_rng(0).normal(size=10)
    np.testing.assert_allclose(quartiles(values), np.quantile(values, [0.25, 0.5, 0.75]))


def test_a_search_that_never_found_says_so():
    assert [evaluations(7.0), evaluations(12.5), evaluations(math.inf)] == ["7", "12.5", "never"]
