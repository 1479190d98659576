"""Tests of nas_keras/reports/plots/table_plots.py: the content of the pictures."""

import numpy as np
import pytest

from nas_keras.reports.main_effects import Effect
from nas_keras.reports.plots import table_plots


def _texts(axes):
    return [text.get_text() for text in axes.texts]


def _labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_the_heat_map_has_each_number_in_its_field():
    values = np.array([[0.9881, 0.5, np.nan], [0.1, 1.0, 0.25]])
    figure = table_plots.heat_map(values, rows="ab", columns="xyz", row_name="first", column_name="second")
    (axes,) = figure.axes
    assert _texts(axes) == ["98.81", "50.00", "–", "10.00", "100.00", "25.00"]
    assert [text.get_position() for text in axes.texts] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert (_labels(axes.xaxis), _labels(axes.yaxis)) == (list("xyz"), list("ab"))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("second", "first")
    assert "%" in axes.get_title()


def test_the_heat_map_writes_light_on_dark_and_dark_on_light():
    figure = table_plots.heat_map(np.array([[0.5, 0.99]]), rows="a", columns="xy", row_name="r", column_name="c")
    assert [text.get_color() for text in figure.axes[0].texts] == ["white", "black"]


def _points(axes):
    """(x, y) of all markers of the error bars."""
    return sorted(tuple(point) for container in axes.containers for point in container.lines[0].get_xydata())


def test_accuracies_are_sorted_and_the_best_have_their_names():
    mean, error = np.array([0.5, np.nan, 0.9, 0.8]), np.array([0.1, np.nan, np.nan, 0.05])
    figure = table_plots.sorted_accuracies(
        mean, error, names=["half", "none", "most", "more"], marked=[0, 1], num_best=2
    )
    left, right = figure.axes
    np.testing.assert_allclose(_points(left), [(1, 10), (2, 20), (3, 50)])  # rank, error rate in percent
    np.testing.assert_allclose(_points(right), [(80, 2), (90, 1)])
    assert _labels(right.yaxis) == ["most", "more"]
    assert left.get_title() == "all 3" and "%" in left.get_ylabel() and "%" in right.get_xlabel()
    assert left.yaxis_inverted() and right.yaxis_inverted()
    assert left.yaxis.get_major_formatter()(2, 0) == "98"  # an error rate of 2 % is labelled as accuracy


def test_error_bars_are_one_standard_error():
    figure = table_plots.sorted_accuracies(np.array([0.9]), np.array([0.02]), names=["a"])
    (bar,) = figure.axes[1].containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(bar[:, 0], [88, 92])


def test_effects_have_a_panel_for_each_decision():
    effects = [
        Effect("op", "conv", 0.1, 0.01, np.log(0.5), 0.1),
        Effect("op", "pool", -0.1, 0.01, np.log(2), np.nan),
        *(Effect(f"d{i}", "only", 0, 0, 0, 0) for i in range(3)),
    ]
    figure = table_plots.effects_on_error(effects)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["op", "d0", "d1", "d2"]
    assert len(figure.axes) == 6
    np.testing.assert_allclose(_points(shown[0]), [(0.5, 0), (2, 1)])
    assert _labels(shown[0].yaxis) == ["conv", "pool"]


def test_learning_curves_are_means_with_bands_and_lines_across():
    curves = {"PPO": np.array([[0.1, 0.5], [0.3, 0.7]]), "uniform": np.array([[0.2, np.nan], [0.2, 0.2]])}
    figure = table_plots.learning_curves(curves, lines={"best": 0.9}, batch_size=8)
    (axes,) = figure.axes
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["PPO"], [(1, 20), (2, 60)])
    np.testing.assert_allclose(lines["uniform"], [(1, 20), (2, 20)])
    np.testing.assert_allclose(lines["best"][:, 1], [90, 90])
    assert len({line.get_linestyle() for line in axes.lines}) == 3
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(12) and band[:, 1].max() == pytest.approx(68)  # quantiles 0.1 and 0.9
    assert "8 samples" in axes.get_xlabel() and "%" in axes.get_ylabel()
