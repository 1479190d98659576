"""The picture of a comparison: mean regret of each strategy against distinct evaluations."""

import pathlib

import numpy as np

from nas_keras.comparison.compare import Comparison
from nas_keras.comparison.summary import csv_text, mean_of
from nas_keras.errors import InvalidValueError
from nas_keras.reports.plots.style import new_figure, series_styles
from nas_keras.system.output_files import write_result

PICTURES = (".png", ".svg", ".pdf")


def draw_comparison(comparison: Comparison, path: pathlib.Path, *, kept: pathlib.Path | None = None) -> None:
    """Draws mean regret against distinct evaluations; bands are 95 % intervals of the mean.

    Args:
        comparison: the comparison.
        path: path of the picture.
        kept: path of the CSV file, if all curves are kept in one.

    Raises:
        UnwrittenError: if the picture cannot be written; the error carries all curves, or names the file with them.
        InvalidValueError: if the path does not end in one of `PICTURES`.
    """
    check_picture(path)
    from scipy import stats

    figure = new_figure(6.8, 4.2)
    axes = figure.add_subplot()
    t_value = float(stats.t.ppf(0.975, comparison.num_seeds - 1)) if comparison.num_seeds > 1 else 0.0
    most = min(curve.shape[1] for curve in comparison.curves.values())  # the curve of a reference is longer
    for label, (colour, line, _) in zip(comparison.curves, series_styles(), strict=False):
        regret = comparison.regret(label)[:, :most]
        mean, error = np.transpose([mean_of(column) for column in regret.T])
        evaluations = np.arange(1, len(mean) + 1)
        band = t_value * np.nan_to_num(error)
        axes.fill_between(evaluations, np.maximum(mean - band, 0), mean + band, color=colour, alpha=0.2, linewidth=0)
        axes.plot(evaluations, mean, line, color=colour, label=label)
    # The axis is linear below a thousandth, so that a regret of 0 can be drawn.
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set_ylim(bottom=0)
    axes.set(xlabel="distinct evaluations", ylabel="mean regret (0: best of the table, 1: its median)")
    title = f"{comparison.problem.space.name}, {comparison.num_seeds} seeds; bands: 95 % of the mean"
    axes.set_title(title, fontsize=9, parse_math=False)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    write_result(
        path,
        lambda temporary: figure.savefig(temporary, format=path.suffix[1:], dpi=150),
        lambda: f"Every curve: {kept}" if kept else csv_text(comparison),
    )


def check_picture(path: pathlib.Path) -> None:
    """Raises `InvalidValueError` unless the path ends in one of `PICTURES`."""
    if path.suffix not in PICTURES:
        raise InvalidValueError(f"A picture cannot be written to {path}: its name must end in {', '.join(PICTURES)}.")
