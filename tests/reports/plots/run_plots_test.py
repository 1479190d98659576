"""Tests of nas_keras/reports/plots/run_plots.py: what stands in the pictures."""

import dataclasses

import numpy as np
import pytest
from reports.pages import make_run

import nas_keras as nk
from nas_keras.reports.plots import run_plots
from nas_keras.results.policy_history import History

NAN = float("nan")


def _named(axes):
    return {line.get_label(): line for line in axes.lines}


def test_rewards_are_points_and_the_best_so_far_is_a_line():
    figure = run_plots.rewards_over_time(
        {"PPO": np.array([NAN, 0.9, 0.8, 0.99])}, lines={"VGG": 0.95}, is_accuracy=True
    )
    lines = _named(figure.axes[0])
    points, best = lines["PPO: each"], lines["PPO: best so far"]
    assert points.get_xdata().tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(points.get_ydata(), [NAN, 10, 20, 1])  # error rates, in percent
    np.testing.assert_allclose(best.get_ydata(), [NAN, 10, 10, 1])  # nothing is best before something succeeded
    np.testing.assert_allclose(lines["VGG"].get_ydata(), 5)


def test_searches_differ_in_colour_marker_and_line():
    curve = np.array([0.5, 0.6])
    figure = run_plots.rewards_over_time({"a": curve, "b": curve}, lines={}, is_accuracy=True)
    lines = _named(figure.axes[0])
    assert len({lines[f"{name}: each"].get_marker() for name in "ab"}) == 2
    assert len({lines[f"{name}: best so far"].get_linestyle() for name in "ab"}) == 2
    assert len({lines[f"{name}: best so far"].get_color() for name in "ab"}) == 2


def test_rewards_that_are_no_accuracies_are_drawn_as_they_are():
    figure = run_plots.rewards_over_time({"a": np.array([-3.0, 7.0])}, lines={}, is_accuracy=False)
    lines = _named(figure.axes[0])
    assert lines["a: each"].get_ydata().tolist() == [-3, 7] and figure.axes[0].get_yscale() == "linear"


def test_a_run_and_its_policy_can_be_drawn_from_its_folder(tmp_path):
    space = nk.spaces.large(1)
    evaluator = nk.FunctionEvaluator(lambda cell: float(len(cell.key)))
    nk.search(space, evaluator, strategy="evolution", max_evaluations=8, workdir=tmp_path / "run")
    figure = nk.plot_run(tmp_path / "run")
    assert len(_named(figure.axes[0])["evolution: each"].get_ydata()) == 8
    assert figure._repr_svg_().lstrip().startswith("<?xml")  # what a notebook shows
    titles = [axes.get_title() for axes in nk.plot_policy(tmp_path / "run").axes]
    assert titles[:2] == ["op_1", "combine"]
    with pytest.raises(nk.InvalidValueError, match="No run is named"):
        nk.plot_run()
    with pytest.raises(nk.InvalidValueError, match="is not a run folder"):
        nk.plot_policy(tmp_path)


def test_a_run_without_a_batch_has_no_policy_yet(monkeypatch):
    run = dataclasses.replace(make_run(8), batches=[])
    monkeypatch.setattr(run_plots, "read_runs", lambda paths: [run])
    with pytest.raises(nk.InvalidValueError, match="has no complete batch yet"):
        nk.plot_policy("made_up")


def test_a_policy_has_a_panel_for_each_decision_with_its_choices():
    decisions = nk.spaces.large(2).decisions
    probabilities = [np.full([3, len(decision.choices)], 1 / len(decision.choices)) for decision in decisions]
    probabilities[1] = np.array([[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]])
    figure = run_plots.policy_over_time(History(np.array([0, 2, 8]), probabilities, None), decisions)
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
    figure = run_plots.policy_over_time(History(np.array([1]), rows, None), decisions)
    assert [axes.get_visible() for axes in figure.axes[:4]] == [True, True, True, False]
