"""Tests of nas_keras/results/model_card/accuracy.py: intervals against SciPy's, and answers counted by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest

from nas_keras.results.model_card.accuracy import Answers, wilson_interval


@pytest.mark.parametrize(("right", "count"), [(0, 10), (1, 10), (5, 10), (10, 10), (9_955, 10_000), (10_000, 10_000)])
def test_the_interval_is_that_of_scipy(right, count):
    interval = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right / count, count) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_answers_counted_by_hand():
    probabilities = np.array(
        [[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0.6, 0.4, 0], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]], np.float32
    )
    answers = Answers.of("test", probabilities, np.array([0, 0, 1, 2, 1], np.int32))
    assert answers.confusion.tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 1]]
    assert [(n, label, answer) for n, label, answer, _ in answers.mistakes] == [(1, 0, 1), (2, 1, 0), (4, 1, 2)]
    assert [confidence for *_, confidence in answers.mistakes] == pytest.approx([0.7, 0.6, 0.4])


def test_ten_mistakes_are_kept_and_the_first_of_equal_ones():
    probabilities = np.tile(np.float32([0.25, 0.75]), (30, 1))
    answers = Answers.of("validation", probabilities, np.zeros(30, np.int32))
    assert [number for number, *_ in answers.mistakes] == list(range(10))
