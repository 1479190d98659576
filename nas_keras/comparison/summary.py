"""What a comparison says: mean regrets, paired differences with intervals, as text, CSV and a picture.

Regret is normalised: 0 is the best of the table, 1 its median; it is of the reward that the searches saw. Intervals
are Student's t over the differences of the same seeds, 95 %.

Legend: `S` seeds, `E` distinct evaluations.
"""

import csv
import io
import itertools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.comparison.compare import Compared
from nas_keras.errors import InvalidValueError
from nas_keras.system.output_files import write_result

PICTURES = (".png", ".svg", ".pdf")
# Okabe and Ito's, which colour-blind people tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", "-.", ":")


class Mean(NamedTuple):
    """A mean over seeds and its standard error, NaN for one seed."""

    mean: float
    error: float


class Difference(NamedTuple):
    """The mean of paired differences and its 95 % interval, NaN for one seed."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


def mean_of(values: np.ndarray) -> Mean:
    """The mean of values [S] and its standard error."""
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return Mean(float(values.mean()), float(error))


def paired_difference(one: np.ndarray, other: np.ndarray) -> Difference:
    """Of values [S] of the same seeds: one - other, with Student's interval of S - 1 degrees of freedom."""
    from scipy import stats

    mean, error = mean_of(one - other)
    if not error > 0:  # one seed, or the same difference for all
        return Difference(mean, mean - error, mean + error)
    reach = error * float(stats.t.ppf(0.975, len(one) - 1))
    return Difference(mean, mean - reach, mean + reach)


def is_saturated(compared: Compared, budget: int) -> bool:
    """Whether every search of every strategy has found the best of the table by then."""
    return all(np.all(compared.regret(label)[:, budget - 1] <= 0) for label in compared.curves)


def describe(compared: Compared, budgets: Sequence[int], *, reference: str | None = None) -> str:
    """All figures as text.

    Args:
        compared: what was found.
        budgets: distinct evaluations, each at most E.
        reference: label of the strategy whose regret at twice a budget the others' are held against as well, where
            that is one of the budgets.
    """
    problem = compared.problem
    parts = [
        f"{problem.space!r}: best {problem.best:.4f}, median {problem.median:.4f}. {compared.num_seeds} seeds, the "
        "same for all.\nRegret: 0 is the best of the table, 1 its median."
    ]
    for budget in budgets:
        title = f"After {budget:,} distinct evaluations"
        if is_saturated(compared, budget):
            parts.append(f"{title}: saturated, every search has found the best.")
            continue
        rows = [("strategy", "best reward", "± s.e.", "regret", "± s.e.", "found the best")]
        for label, curve in compared.curves.items():
            reward, regret = mean_of(curve[:, budget - 1]), mean_of(compared.regret(label)[:, budget - 1])
            share = np.mean(compared.regret(label)[:, budget - 1] <= 0)
            rows.append((label, *(f"{value:.4f}" for value in (*reward, *regret)), f"{share:.0%}"))
        parts.append(f"{title}\n{_align(rows)}")
        pairs = itertools.combinations(compared.curves, 2)
        rows = [(f"{one} - {other}", _compare(compared, one, budget, other, budget)) for one, other in pairs]
        if rows:
            parts.append("  paired differences of regret, with 95 % intervals\n" + _align(rows))
    for budget in (budget for budget in budgets if reference and 2 * budget in budgets):
        others = [label for label in compared.curves if label != reference]
        rows = [(other, _compare(compared, other, budget, reference, 2 * budget)) for other in others]
        if rows:
            title = f"Regret after {budget:,} evaluations - regret of {reference} after {2 * budget:,}"
            parts.append(f"{title}, paired, with 95 % intervals\n{_align(rows)}")
    return "\n\n".join(parts)


def write_csv(compared: Compared, path: pathlib.Path) -> None:
    """Writes every curve: a line for each strategy, seed and number of distinct evaluations.

    Raises:
        UnwrittenError: if the file cannot be written; it carries the lines.
    """
    text = _csv_text(compared)
    write_result(path, lambda temporary: temporary.write_text(text, newline=""), lambda: text)


def _csv_text(compared: Compared) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(("strategy", "seed", "evaluations", "best_reward", "regret"))
    for label, curve in compared.curves.items():
        regret = compared.regret(label)
        for seed, evaluations in np.ndindex(*curve.shape):
            place = seed, evaluations
            writer.writerow((label, seed, evaluations + 1, f"{curve[place]:.7g}", f"{regret[place]:.6f}"))
    return file.getvalue()


def draw(compared: Compared, path: pathlib.Path, *, kept: pathlib.Path | None = None) -> None:
    """Draws mean regret against distinct evaluations; the band is the mean's 95 % interval.

    Args:
        compared: what was found.
        path: of the picture.
        kept: file of every curve, if there is one.

    Raises:
        UnwrittenError: if the picture cannot be written; it carries every curve, or names the file that has them.
        InvalidValueError: if the path's ending is none of `PICTURES`.
    """
    check_picture(path)
    from matplotlib.figure import Figure
    from scipy import stats

    figure = Figure(figsize=(6.8, 4.2), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    reach = float(stats.t.ppf(0.975, compared.num_seeds - 1)) if compared.num_seeds > 1 else 0.0
    styles = zip(itertools.cycle(_COLOURS), itertools.cycle(_LINES))
    for label, (colour, line) in zip(compared.curves, styles, strict=False):
        regret = compared.regret(label)
        mean, error = np.transpose([mean_of(column) for column in regret.T])
        evaluations = np.arange(1, len(mean) + 1)
        band = reach * np.nan_to_num(error)
        axes.fill_between(evaluations, np.maximum(mean - band, 0), mean + band, color=colour, alpha=0.2, linewidth=0)
        axes.plot(evaluations, mean, line, color=colour, label=label)
    # Below a thousandth the picture is linear, so that a regret of 0 can be drawn.
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("distinct evaluations")
    axes.set_ylabel("mean regret (0: best of the table, 1: its median)")
    title = f"{compared.problem.space.name}, {compared.num_seeds} seeds; bands: 95 % of the mean"
    axes.set_title(title, fontsize=9, parse_math=False)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    write_result(
        path,
        lambda temporary: figure.savefig(temporary, format=path.suffix[1:], dpi=150),
        lambda: f"Every curve: {kept}" if kept else _csv_text(compared),
    )


def check_picture(path: pathlib.Path) -> None:
    """Raises InvalidValueError unless the path ends in one of `PICTURES`."""
    if path.suffix not in PICTURES:
        raise InvalidValueError(f"A picture cannot be written to {path}: its name must end in {', '.join(PICTURES)}.")


def _compare(compared: Compared, one: str, budget: int, other: str, other_budget: int) -> str:
    regrets = compared.regret(one)[:, budget - 1], compared.regret(other)[:, other_budget - 1]
    return str(paired_difference(*regrets))


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, the first one set to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join(f"  {line.rstrip()}" for line in lines)
