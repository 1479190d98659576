"""Pictures of searches: rewards over time, accuracy against size, the policy over time.

Each function returns a matplotlib Figure.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nas_keras.reports.main_effects import SMALLEST_ERROR
from nas_keras.reports.plots.style import GREY, LINES, new_figure, plain, scale_by_error, series_styles
from nas_keras.spaces.search_space import Decision


def rewards_over_time(rewards: Mapping[str, np.ndarray], *, lines: Mapping[str, float]):
    """Draws the reward of each evaluated cell as a point, and the best so far as a line, for several searches.

    Args:
        rewards: name -> accuracies in the order of evaluation, NaN for a failure.
        lines: name -> an accuracy drawn as a horizontal line, such as that of a cell that people designed.
    """
    figure = new_figure(6.8, 4.2)
    axes = figure.add_subplot()
    for (name, values), (colour, line, marker) in zip(rewards.items(), series_styles(), strict=False):
        name = plain(name)
        values = np.asarray(values, float)
        order = np.arange(1, len(values) + 1)
        best = np.maximum.accumulate(np.where(np.isnan(values), -np.inf, values))
        is_known = np.isfinite(best)
        axes.plot(order, _error(values), marker, color=colour, markersize=3, alpha=0.4, label=f"{name}: a cell")
        axes.step(
            order[is_known],
            _error(best[is_known]),
            line,
            where="post",
            color=colour,
            label=f"{name}: best so far",
        )
    for (name, value), line in zip(lines.items(), LINES[::-1], strict=False):
        axes.axhline(_error(value), color=GREY, linestyle=line, linewidth=1, label=plain(name))
    scale_by_error(axes)
    axes.set_xlabel("distinct cells evaluated")
    axes.set_ylabel("reward: validation accuracy, %")
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower center", ncols=4)
    return figure


def accuracy_against_size(
    groups: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    marked: Mapping[str, tuple[float, float]],
    front: tuple[np.ndarray, np.ndarray] | None = None,
):
    """Draws accuracy against the number of parameters.

    Args:
        groups: name -> (parameters, accuracies) of many cells.
        marked: name -> (parameters, accuracy) of single cells, which are named in the picture.
        front: (parameters, accuracies) of the Pareto front, smallest first.
    """
    figure = new_figure(6.8, 4.2)
    axes = figure.add_subplot()
    for (name, (sizes, values)), (colour, _, marker) in zip(groups.items(), series_styles(), strict=False):
        axes.plot(sizes, _error(values), marker, color=colour, markersize=3.5, alpha=0.5, label=plain(name))
    if front is not None and len(front[0]):
        axes.step(front[0], _error(front[1]), where="post", color=GREY, linewidth=1, label="Pareto front")
    # In order of size, names alternate between right and left, so that those of neighbours do not overlap.
    for i, (name, (size, value)) in enumerate(sorted(marked.items(), key=lambda item: item[1])):
        axes.plot(size, _error(value), "D", color="black", markersize=6)
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
        where = {"xytext": (-7 if i % 2 else 7, 0), "ha": "right" if i % 2 else "left", "va": "center"}
        axes.annotate(name, (size, _error(value)), fontsize=8, bbox=box, textcoords="offset points", **where)
    axes.set_xscale("log")
    scale_by_error(axes)
    axes.set_xlabel("parameters of the child")
    axes.set_ylabel("validation accuracy, %")
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower center", ncols=4)
    return figure


def policy_over_time(told: np.ndarray, probabilities: Sequence[np.ndarray], *, decisions: Sequence[Decision]):
    """Draws the probability of each choice as brightness, with a panel for each decision.

    Args:
        told: number of batches that each policy had been told, [P].
        probabilities: for each decision, the probabilities of its choices, [P, N].
        decisions: the decisions, with the names of their choices.
    """
    num_columns = min(2, len(decisions))
    num_rows = -(-len(decisions) // num_columns)
    figure = new_figure(4.4 * num_columns, 1.9 * num_rows + 0.6)
    all_axes = list(figure.subplots(num_rows, num_columns, squeeze=False).flat)
    # The edges of the fields lie halfway between two policies.
    middle = (told[1:] + told[:-1]) / 2
    edges = np.concatenate([[told[0] - 0.5], middle, [told[-1] + 0.5]])
    for axes, decision, rows in zip(all_axes, decisions, probabilities, strict=False):
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


def _error(accuracy):
    """Converts accuracies to error rates in percent, above 0 so that a logarithmic axis can show them."""
    return 100 * np.maximum(1 - np.asarray(accuracy, float), SMALLEST_ERROR)
