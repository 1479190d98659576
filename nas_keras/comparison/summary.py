"""The figures of a comparison, as text and as CSV: mean regrets, and paired differences with intervals.

Regret is normalised (0 is the best of the table, 1 its median) and computed from the rewards that the searches saw.
Differences pair searches with the same seed; their 95 % intervals are Student's.

Legend: `S` seeds, `E` distinct evaluations.
"""

import csv
import io
import itertools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.comparison.compare import REFERENCE_TIMES, Comparison
from nas_keras.system.output_files import write_result


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
    """The mean of one - other, both [S] for the same seeds, with Student's interval of S - 1 degrees of freedom."""
    from scipy import stats

    mean, error = mean_of(one - other)
    if not error > 0:  # one seed, or the same difference for all
        return Difference(mean, mean - error, mean + error)
    half_width = error * float(stats.t.ppf(0.975, len(one) - 1))
    return Difference(mean, mean - half_width, mean + half_width)


def is_saturated(comparison: Comparison, budget: int) -> bool:
    """Returns whether every search of every strategy has found the best of the table within `budget` evaluations."""
    return all(np.all(comparison.regret(label)[:, budget - 1] <= 0) for label in comparison.curves)


def summary_text(comparison: Comparison, budgets: Sequence[int]) -> str:
    """Formats the figures of a comparison.

    Args:
        comparison: the comparison; its reference, if any, is also compared at three times the budget of the others.
        budgets: numbers of distinct evaluations to report, each at most E.
    """
    problem = comparison.problem
    parts = [
        f"{problem.space!r}: best {problem.best:.4f}, median {problem.median:.4f}. {comparison.num_seeds} seeds, the "
        "same for all.\nRegret: 0 is the best of the table, 1 its median."
    ]
    for budget in budgets:
        title = f"After {budget:,} distinct evaluations"
        if is_saturated(comparison, budget):
            parts.append(f"{title}: saturated, every search has found the best.")
            continue
        rows: list[tuple[str, ...]] = [("strategy", "best reward", "± s.e.", "regret", "± s.e.", "found the best")]
        for label, curve in comparison.curves.items():
            reward, regret = mean_of(curve[:, budget - 1]), mean_of(comparison.regret(label)[:, budget - 1])
            found = np.mean(comparison.regret(label)[:, budget - 1] <= 0)
            rows.append((label, *(f"{value:.4f}" for value in (*reward, *regret)), f"{found:.0%}"))
        parts.append(f"{title}\n{_align(rows)}")
        pairs = itertools.combinations(comparison.curves, 2)
        rows = [(f"{one} - {other}", _compare(comparison, one, budget, other, budget)) for one, other in pairs]
        if rows:
            parts.append("  paired differences of regret, with 95 % intervals\n" + _align(rows))
    if comparison.reference is not None:
        parts += [_reference_text(comparison, comparison.reference, budget) for budget in budgets]
    return "\n\n".join(parts)


def _reference_text(comparison: Comparison, reference: str, budget: int) -> str:
    """The regret of the others after `budget` evaluations against that of the reference after three times as many."""
    times = REFERENCE_TIMES * budget
    others = [label for label in comparison.curves if label != reference]
    rows = [(other, _compare(comparison, other, budget, reference, times)) for other in others]
    mean, error = mean_of(comparison.regret(reference)[:, times - 1])
    return (
        f"Regret after {budget:,} evaluations - regret of {reference} after {times:,} ({mean:.4f} ± {error:.4f}), "
        f"paired, with 95 % intervals\n{_align(rows)}"
    )


def write_csv(comparison: Comparison, path: pathlib.Path) -> None:
    """Writes all curves: a line for each strategy, seed and number of distinct evaluations.

    Raises:
        UnwrittenError: if the file cannot be written; the error carries the lines.
    """
    text = csv_text(comparison)
    write_result(path, lambda temporary: temporary.write_text(text, newline=""), lambda: text)


def csv_text(comparison: Comparison) -> str:
    """The text of `write_csv`'s file."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(("strategy", "seed", "evaluations", "best_reward", "regret"))
    for label, curve in comparison.curves.items():
        regret = comparison.regret(label)
        for seed, evaluations in np.ndindex(*curve.shape):
            place = seed, evaluations
            writer.writerow((label, seed, evaluations + 1, f"{curve[place]:.7g}", f"{regret[place]:.6f}"))
    return file.getvalue()


def _compare(comparison: Comparison, one: str, budget: int, other: str, other_budget: int) -> str:
    regrets = comparison.regret(one)[:, budget - 1], comparison.regret(other)[:, other_budget - 1]
    return str(paired_difference(*regrets))


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Aligns rows in columns, the first one to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join(f"  {line.rstrip()}" for line in lines)
