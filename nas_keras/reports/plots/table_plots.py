"""Pictures of a table: its accuracies, the effects of choices, and searches on it.

Each function returns a matplotlib Figure. Accuracies are fractions, shown in percent.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nas_keras.reports.main_effects import SMALLEST_ERROR, Effect
from nas_keras.reports.plots.style import (
    BLUE,
    GREY,
    LINES,
    VERMILION,
    new_figure,
    plain,
    scale_by_error,
    series_styles,
    set_ticks,
)


def heat_map(values: np.ndarray, *, rows: Sequence[str], columns: Sequence[str], row_name: str, column_name: str):
    """Draws accuracies [R, C] as a grid of numbers; NaN is an empty field.

    The colour shows the logarithm of the error rate, so that 98 and 99 % differ as visibly as 80 and 90 %.
    """
    figure = new_figure(1.3 + 0.72 * len(columns), 1.5 + 0.44 * len(rows))
    axes = figure.add_subplot()
    brightness = -np.log(np.maximum(1 - np.asarray(values), SMALLEST_ERROR))  # better is brighter
    image = axes.imshow(np.ma.masked_invalid(brightness), cmap="cividis", aspect="auto")
    for row, column in np.ndindex(*np.shape(values)):
        if np.isnan(values[row][column]):
            axes.text(column, row, "–", ha="center", va="center", color=GREY)
            continue
        red, green, blue, _ = image.cmap(image.norm(brightness[row][column]))
        is_dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
        text = f"{100 * values[row][column]:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if is_dark else "black")
    axes.set_xticks(range(len(columns)), map(plain, columns), rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), map(plain, rows))
    axes.set_xlabel(plain(column_name))
    axes.set_ylabel(plain(row_name))
    axes.set_title("Mean validation accuracy in %; colour: logarithm of the error rate", fontsize=9)
    return figure


def sorted_accuracies(
    mean: np.ndarray, error: np.ndarray, *, names: Sequence[str], marked: Sequence[int] = (), num_best: int = 20
):
    """Draws all accuracies [K] from best to worst on the left, and the best few with their names on the right.

    Args:
        mean: mean accuracy of each cell; cells with NaN are left out.
        error: standard error of each mean, drawn as a bar in both directions; none for NaN.
        names: names of the cells.
        marked: indices of cells in another colour.
        num_best: number of cells in the right-hand panel.
    """
    order = [k for k in np.argsort(-np.asarray(mean), kind="stable") if not np.isnan(mean[k])]
    best = order[:num_best]
    figure = new_figure(8.6, 1.3 + 0.19 * max(len(best), 12))
    left, right = figure.subplots(1, 2)
    for is_marked, colour, marker in ((False, BLUE, "."), (True, VERMILION, "D")):
        style = {"fmt": marker, "color": colour, "markersize": 4 if is_marked else 5, "elinewidth": 1}
        for axes, shown in ((left, order), (right, best)):
            places = [place for place, k in enumerate(shown, start=1) if (k in marked) == is_marked]
            chosen = [shown[place - 1] for place in places]
            values, bars = 100 * np.asarray(mean)[chosen], 100 * np.nan_to_num(np.asarray(error)[chosen])
            if axes is left:
                values = np.maximum(100 - values, 100 * SMALLEST_ERROR)
                axes.errorbar(places, values, yerr=np.minimum(bars, 0.99 * values), **style)
            else:
                axes.errorbar(values, places, xerr=bars, **style)
    scale_by_error(left)
    left.set_xlabel("rank")
    left.set_ylabel("mean validation accuracy, % (logarithmic in the error)")
    left.set_title(f"all {len(order):,}", fontsize=9)
    right.set_yticks(range(1, len(best) + 1), [plain(names[k]) for k in best], fontsize=7)
    right.invert_yaxis()
    right.set_xlabel("mean validation accuracy, %")
    right.set_title(f"the best {len(best)}, ± one standard error", fontsize=9)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def effects_on_error(effects: Sequence[Effect]):
    """Draws the factor of each choice on the error rate, a panel for each decision, with bars of one standard error."""
    decisions = list(dict.fromkeys(effect.decision for effect in effects))
    num_columns = min(len(decisions), 3)
    num_rows = -(-len(decisions) // num_columns)
    most = max(sum(effect.decision == decision for effect in effects) for decision in decisions)
    figure = new_figure(1.6 + 2.4 * num_columns, num_rows * (1.1 + 0.2 * most))
    all_axes = list(figure.subplots(num_rows, num_columns, sharex=True, squeeze=False).flat)
    for axes, decision in zip(all_axes, decisions, strict=False):
        shown = [effect for effect in effects if effect.decision == decision]
        places = range(len(shown))
        middle = np.exp([effect.log_error for effect in shown])
        bars = np.nan_to_num([effect.log_error_error for effect in shown])
        bars = np.stack([middle - middle * np.exp(-bars), middle * np.exp(bars) - middle])
        axes.axvline(1, color=GREY, linewidth=1)
        axes.errorbar(middle, places, xerr=bars, fmt="o", color=BLUE, markersize=4, elinewidth=1)
        axes.set_xscale("log")
        axes.set_yticks(places, [plain(effect.choice) for effect in shown], fontsize=8)
        axes.set_ylim(most - 0.5, -0.5)  # the first choice on top, the same spacing in all panels
        axes.set_title(plain(decision), fontsize=9)
        axes.grid(alpha=0.3)
    for axes in all_axes[len(decisions) :]:
        axes.set_visible(False)
    set_ticks(all_axes[0].xaxis, "{:g}".format)
    figure.supxlabel("error rate, times its mean over all (left is better)", fontsize=9)
    return figure


def learning_curves(curves: Mapping[str, np.ndarray], *, lines: Mapping[str, float], batch_size: int):
    """Draws the mean reward of each batch's samples against iteration, for several strategies.

    Args:
        curves: name -> fractions [seeds, iterations]; lines are means over seeds, and bands hold eight of ten seeds.
        lines: name -> a fraction drawn as a horizontal line, such as the best of the table.
        batch_size: number of samples in an iteration, for the label.
    """
    figure = new_figure(6.8, 3.6)
    axes = figure.add_subplot()
    for (name, curve), (colour, line, _) in zip(curves.items(), series_styles(), strict=False):
        curve = 100 * np.asarray(curve)
        iterations = range(1, curve.shape[1] + 1)
        low, high = np.nanquantile(curve, [0.1, 0.9], axis=0)
        axes.fill_between(iterations, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(iterations, np.nanmean(curve, axis=0), line, color=colour, label=name)
    for (name, value), line in zip(lines.items(), LINES[::-1], strict=False):
        axes.axhline(100 * value, color=GREY, linestyle=line, linewidth=1, label=name)
    axes.set_xlabel(f"iteration, of {batch_size} samples each")
    axes.set_ylabel("mean reward of the samples, %")
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower center", ncols=4)  # so that it never covers a curve
    return figure
