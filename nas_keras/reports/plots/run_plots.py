"""Pictures of searches: rewards over time, and the policy over time.

`plot_run` and `plot_policy` are for notebooks; the other functions draw for pages. Each returns a matplotlib Figure.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras.errors import InvalidValueError
from nas_keras.reports.plots.style import GREY, LINES, error_rates, new_figure, plain, scale_by_error, series_styles
from nas_keras.results.policy_history import History, trace_policy
from nas_keras.results.runs import read_runs
from nas_keras.spaces.search_space import Decision
from nas_keras.storage.recipe import is_trained

_MOST_DRAWN = 200  # points of a series that are drawn as shapes; an SVG of more is larger than one with a picture in it


def plot_run(*workdirs: str | os.PathLike) -> Any:
    """Draws the rewards of one or several searches of one space and recipe, and the best so far.

        nk.plot_run("runs/mnist")

    Args:
        *workdirs: the folders of the runs, finished or running.

    Returns:
        A `matplotlib.figure.Figure`, which a notebook shows; `figure.savefig("run.svg")` writes it.

    Raises:
        InvalidValueError: if a folder is not that of a run, or the runs differ in space or recipe.
        DataError: if a run is corrupt.
        DependencyError: without the extra `[report]`.
    """
    if not workdirs:
        raise InvalidValueError("No run is named. Name the folder of one: nk.plot_run('runs/mnist').")
    runs = read_runs(workdirs)
    is_accuracy = is_trained(runs[0].fixed["recipe"]) and runs[0].objective is None
    rewards = {run.title: np.array([trial.reward for trial in run.evaluated]) for run in runs}
    return rewards_over_time(rewards, lines={}, is_accuracy=is_accuracy)


def plot_policy(workdir: str | os.PathLike) -> Any:
    """Draws what the controller of a search learned: the probability of each choice, batch by batch.

    Of a search without a controller it draws the shares of the choices among the latest proposals.

    Args:
        workdir: the folder of the run, finished or running.

    Returns:
        A `matplotlib.figure.Figure`, as `plot_run` does.

    Raises:
        InvalidValueError: if the folder is not that of a run, or its first batch is not complete.
        DataError: if the run is corrupt.
        DependencyError: without the extra `[report]`.
    """
    (run,) = read_runs([workdir])
    if not run.batches:
        raise InvalidValueError(
            f"{run.path} has no complete batch yet, so its policy has learned nothing. Wait for one."
        )
    return policy_over_time(trace_policy(run), run.space.decisions)


def rewards_over_time(rewards: Mapping[str, np.ndarray], *, lines: Mapping[str, float], is_accuracy: bool) -> Any:
    """Draws the reward of each evaluated cell as a point, and the best so far as a line, for several searches.

    Args:
        rewards: name -> rewards in the order of evaluation, NaN for a failure.
        lines: name -> a reward drawn as a horizontal line, such as that of a cell that people designed.
        is_accuracy: whether rewards are accuracies, which are drawn in percent on an axis logarithmic in the error.
    """
    figure = new_figure(6.8, 4.2)
    axes = figure.add_subplot()
    scale, height = (100, error_rates) if is_accuracy else (1, np.asarray)
    for (name, values), (colour, line, marker) in zip(rewards.items(), series_styles(), strict=False):
        name, values = plain(name), np.asarray(values, float)
        order = np.arange(1, len(values) + 1)
        best = np.fmax.accumulate(values)
        look: dict[str, Any] = {"color": colour, "markersize": 3, "alpha": 0.4, "rasterized": len(values) > _MOST_DRAWN}
        axes.plot(order, height(scale * values), marker, label=f"{name}: each", **look)
        axes.step(order, height(scale * best), line, where="post", color=colour, label=f"{name}: best so far")
    for (name, value), line in zip(lines.items(), LINES[::-1], strict=False):
        axes.axhline(height(scale * value), color=GREY, linestyle=line, linewidth=1, label=plain(name))
    if is_accuracy:
        scale_by_error(axes)
    axes.set(xlabel="distinct evaluations", ylabel="reward: validation accuracy, %" if is_accuracy else "reward")
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower center", ncols=4)
    return figure


def policy_over_time(history: History, decisions: Sequence[Decision]) -> Any:
    """Draws the probability of each choice as brightness, with a panel for each decision."""
    told, num_columns = history.num_told, min(2, len(decisions))
    num_rows = -(-len(decisions) // num_columns)
    figure = new_figure(4.4 * num_columns, 1.9 * num_rows + 0.6)
    all_axes = list(figure.subplots(num_rows, num_columns, squeeze=False).flat)
    # The edges of the fields lie halfway between two policies.
    middle = (told[1:] + told[:-1]) / 2
    edges = np.concatenate([[told[0] - 0.5], middle, [told[-1] + 0.5]])
    for axes, decision, rows in zip(all_axes, decisions, history.probabilities, strict=False):
        places = np.arange(len(decision.choices) + 1) - 0.5
        mesh = axes.pcolormesh(edges, places, rows.T, cmap="cividis", vmin=0, vmax=1, rasterized=True)
        axes.set_yticks(range(len(decision.choices)), list(map(plain, decision.choices)), fontsize=7)
        axes.invert_yaxis()
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_title(plain(decision.name), fontsize=9)
    for axes in all_axes[len(decisions) :]:
        axes.set_visible(False)
    figure.supxlabel("batches told", fontsize=9)
    figure.colorbar(mesh, ax=all_axes, label="probability", shrink=0.6)
    return figure
