"""Tests of nas_keras/reports/plots/comparison_plot.py."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.comparison.compare import Comparison
from nas_keras.comparison.problems import Problem
from nas_keras.comparison.synthetic import grid
from nas_keras.reports.plots.comparison_plot import draw_comparison

PROBLEM = Problem(grid("g", [3]), nk.Evaluator(), np.array([0.0, 6.0, 10.0]))
CURVES = {"a": np.array([[2.0, 6.0], [2.0, 10.0]]), "b": np.array([[6.0, 10.0], [6.0, 10.0]])}


@pytest.mark.parametrize(("name", "begins"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml"), ("p.pdf", b"%PDF")])
def test_the_picture(tmp_path, name, begins):
    draw_comparison(Comparison(PROBLEM, 2, CURVES), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_picture_of_one_seed(tmp_path):
    draw_comparison(Comparison(PROBLEM, 1, {"a": CURVES["a"][:1]}), tmp_path / "one.svg")
    assert (tmp_path / "one.svg").exists()


def test_a_picture_of_no_known_kind(tmp_path):
    with pytest.raises(nk.InvalidValueError, match=r"its name must end in \.png, \.svg, \.pdf"):
        draw_comparison(Comparison(PROBLEM, 2, CURVES), tmp_path / "p.jpeg")
