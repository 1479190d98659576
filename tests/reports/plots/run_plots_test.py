"""Tests of nas_keras/reports/plots/run_plots.py: what stands in the pictures."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.reports.plots import run_plots

NAN = float("nan")


def _named(axes):
    return {line.get_label(): line for line in axes.lines}


def test_rewards_are_points_and_the_best_so_far_is_a_line():
    figure = run_plots.rewards_over_time({"PPO": np.array([NAN, 0.9, 0.8, 0.99])}, lines={"VGG": 0.95})
    lines = _named(figure.axes[0])
    points, best = lines["PPO: a cell"], lines["PPO: best so far"]
    assert points.get_xdata().tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(points.get_ydata(), [NAN, 10, 20, 1])  # error rates, in percent
    assert best.get_xdata().tolist() == [2, 3, 4]  # nothing is the best before something succeeded
    np.testing.assert_allclose(best.get_ydata(), [10, 10, 1])
    np.testing.assert_allclose(lines["VGG"].get_ydata(), 5)


def test_searches_differ_in_colour_marker_and_line():
    curve = np.array([0.5, 0.6])
    figure = run_plots.rewards_over_time({"a": curve, "b": curve}, lines={})
    lines = _named(figure.axes[0])
    assert len({lines[f"{name}: a cell"].get_marker() for name in "ab"}) == 2
    assert len({lines[f"{name}: best so far"].get_linestyle() for name in "ab"}) == 2
    assert len({lines[f"{name}: best so far"].get_color() for name in "ab"}) == 2


def test_cells_stand_by_their_size_and_some_have_names():
    groups = {"PPO": (np.array([100, 1_000]), np.array([0.9, 0.99])), "rest": (np.zeros(0), np.zeros(0))}
    figure = run_plots.accuracy_against_size(groups, marked={"VGG": (500, 0.98)})
    (axes,) = figure.axes
    points = _named(axes)["PPO"]
    assert points.get_xdata().tolist() == [100, 1_000]
    np.testing.assert_allclose(points.get_ydata(), [10, 1])
    assert [text.get_text() for text in axes.texts] == ["VGG"] and axes.texts[0].xy == (500, pytest.approx(2))
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_the_pareto_front_is_a_line_of_steps():
    groups = {"PPO": (np.array([100, 1_000]), np.array([0.9, 0.99]))}
    front = (np.array([100, 1_000]), np.array([0.9, 0.99]))
    (axes,) = run_plots.accuracy_against_size(groups, marked={}, front=front).axes
    line = _named(axes)["Pareto front"]
    assert line.get_drawstyle() == "steps-post"
    assert line.get_xdata().tolist() == [100, 1_000]
    np.testing.assert_allclose(line.get_ydata(), [10, 1])
    (axes,) = run_plots.accuracy_against_size(groups, marked={}, front=(np.zeros(0), np.zeros(0))).axes
    assert "Pareto front" not in _named(axes)


def test_names_of_cells_of_one_size_do_not_cover_each_other():
    marked = {"VGG": (500, 0.985), "winner": (900, 0.99), "ResNet": (500, 0.984)}
    figure = run_plots.accuracy_against_size({}, marked=marked)
    figure.draw_without_rendering()
    one, other, third = (text.get_window_extent() for text in figure.axes[0].texts)
    assert not one.overlaps(other) and not other.overlaps(third)


def test_a_policy_has_a_panel_for_each_decision_with_its_choices():
    decisions = nk.spaces.large(2).decisions
    probabilities = [np.full([3, len(decision.choices)], 1 / len(decision.choices)) for decision in decisions]
    probabilities[1] = np.array([[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]])
    figure = run_plots.policy_over_time(np.array([0, 2, 8]), probabilities, decisions=decisions)
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["op_1", "input_2", "op_2", "combine"]
    assert [label.get_text() for label in panels[3].get_yticklabels()] == ["concat", "add"]
    (mesh,) = panels[1].collections
    assert mesh.get_array().tolist() == [[0.5, 0.25, 0.0], [0.5, 0.75, 1.0]]  # choices down, policies across
    assert mesh.get_clim() == (0, 1)
    np.testing.assert_allclose(mesh.get_coordinates()[0, :, 0], [-0.5, 1, 5, 8.5])


def test_one_policy_and_an_odd_number_of_decisions_can_be_drawn():
    decisions = [nk.Decision(name, (0, 1)) for name in "abc"]
    rows = [np.array([[0.5, 0.5]])] * 3
    figure = run_plots.policy_over_time(np.array([1]), rows, decisions=decisions)
    assert [axes.get_visible() for axes in figure.axes[:4]] == [True, True, True, False]
