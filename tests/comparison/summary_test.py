"""Tests of nas_keras/comparison/summary.py: figures worked out by hand."""

import csv

import numpy as np

import nas_keras as nk
from nas_keras.comparison import summary
from nas_keras.comparison.compare import Comparison
from nas_keras.comparison.problems import Problem
from nas_keras.comparison.synthetic import grid

PROBLEM = Problem(grid("g", [3]), nk.Evaluator(), np.array([0.0, 6.0, 10.0]))  # regret of 10, 6, 2: 0, 1, 2
CURVES = {"a": np.array([[2.0, 6.0], [2.0, 10.0]]), "b": np.array([[6.0, 10.0], [6.0, 10.0]])}


def _comparison(**curves):
    return Comparison(PROBLEM, 2, curves or CURVES)


def test_means_and_their_standard_errors():
    assert summary.mean_of(np.array([1.0, 3.0])) == (2, 1)  # deviation sqrt(2), over sqrt(2)
    mean, error = summary.mean_of(np.array([4.0]))
    assert mean == 4 and np.isnan(error)


def test_a_paired_difference_has_students_interval():
    """Differences 1, 2, 3: mean 2, error 1 / sqrt(3), t of two degrees of freedom 4.3027."""
    difference = summary.paired_difference(np.array([1.0, 4.0, 9.0]), np.array([0.0, 2.0, 6.0]))
    np.testing.assert_allclose(difference, [2, 2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5], atol=1e-4)
    assert str(difference) == "+2.0000 [-0.4841, +4.4841]"
    assert summary.paired_difference(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == (1, 1, 1)


def test_the_text():
    text = summary.summary_text(_comparison(), [1, 2])
    assert "best 10.0000, median 6.0000. 2 seeds, the same for all" in text
    first, second = text.split("After ")[1:]
    # Regret of a: 2, 2 after one, 1, 0 after two; of b: 1, 1 and 0, 0.
    assert first.split("\n")[2].split() == ["a", "2.0000", "0.0000", "2.0000", "0.0000", "0%"]
    assert second.split("\n")[2].split() == ["a", "8.0000", "2.0000", "0.5000", "0.5000", "50%"]
    assert second.split("\n")[3].split() == ["b", "10.0000", "0.0000", "0.0000", "0.0000", "100%"]
    assert "a - b  +1.0000 [+1.0000, +1.0000]" in first
    assert "a - b  +0.5000 [-5.8531, +6.8531]" in second  # t of one degree of freedom 12.7062, error 0.5
    assert "of b after" not in text


def test_a_reference_is_compared_at_three_times_the_budget():
    """Regrets after 1 evaluation: a 2, 2; after 3: b 0, 1."""
    curves = {"a": np.array([[2.0], [2.0]]), "b": np.array([[6.0, 6.0, 10.0], [6.0, 6.0, 6.0]])}
    text = summary.summary_text(Comparison(PROBLEM, 2, curves, reference="b"), [1])
    title, row = text.split("\n\n")[-1].split("\n")
    assert title == ("Regret after 1 evaluations - regret of b after 3 (0.5000 ± 0.5000), paired, with 95 % intervals")
    assert row.startswith("  a  +1.5000 [-4.8531, +7.8531]")
    assert "of b after" not in summary.summary_text(_comparison(), [1, 2])


def test_a_saturated_table_says_so():
    best = np.array([[6.0, 10.0], [6.0, 10.0]])
    text = summary.summary_text(_comparison(a=best, b=best), [1, 2])
    assert text.endswith("After 2 distinct evaluations: saturated, every search has found the best.")


def test_one_strategy_has_no_differences():
    assert "paired" not in summary.summary_text(_comparison(a=CURVES["a"]), [1])


def test_the_csv(tmp_path):
    summary.write_csv(_comparison(), tmp_path / "curves.csv")
    with open(tmp_path / "curves.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:3] == [
        ["strategy", "seed", "evaluations", "best_reward", "regret"],
        ["a", "0", "1", "2", "2.000000"],
        ["a", "0", "2", "6", "1.000000"],
    ]
    assert len(rows) == 1 + 2 * 2 * 2
