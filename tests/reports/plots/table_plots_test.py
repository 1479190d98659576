"""Tests of nas_keras/reports/plots/table_plots.py: the content of the pictures."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.comparison.table_searches import TableSearches
from nas_keras.reports.plots import table_plots


def _texts(axes):
    return [text.get_text() for text in axes.texts]


def _labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_the_heat_map_has_each_number_in_its_field():
    values = np.array([[0.9881, 0.5, np.nan], [0.1, 1.0, 0.25]])
    figure = table_plots.heat_map(
        values, rows=nk.Decision("first", ("a", "b")), columns=nk.Decision("second", tuple("xyz"))
    )
    (axes,) = figure.axes
    assert _texts(axes) == ["98.81", "50.00", "–", "10.00", "100.00", "25.00"]
    assert [text.get_position() for text in axes.texts] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert (_labels(axes.xaxis), _labels(axes.yaxis)) == (list("xyz"), list("ab"))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("second", "first")
    assert "%" in axes.get_title()


def test_the_heat_map_writes_light_on_dark_and_dark_on_light():
    figure = table_plots.heat_map(
        np.array([[0.5, 0.99]]), rows=nk.Decision("r", ("a",)), columns=nk.Decision("c", tuple("xy"))
    )
    assert [text.get_color() for text in figure.axes[0].texts] == ["white", "black"]


def test_learning_curves_are_means_with_bands_and_lines_across():
    curves = {"PPO": np.array([[0.1, 0.5], [0.3, 0.7]]), "uniform": np.array([[0.2, np.nan], [0.2, 0.2]])}
    none = np.zeros(2)
    searched = TableSearches(curves, none, none, 0.0, {}, {}, none, 8, 0.9, 0.25, {})
    figure = table_plots.draw_searches(searched)
    (axes,) = figure.axes
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["PPO"], [(1, 20), (2, 60)])
    np.testing.assert_allclose(lines["uniform"], [(1, 20), (2, 20)])
    np.testing.assert_allclose(lines["best cell"][:, 1], [90, 90])
    assert len({line.get_linestyle() for line in axes.lines}) == 4
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(12) and band[:, 1].max() == pytest.approx(68)  # quantiles 0.1 and 0.9
    assert "8 samples" in axes.get_xlabel() and "%" in axes.get_ylabel()
