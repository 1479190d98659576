"""Whether the short training of a search ranks cells as a longer training does.

A search trusts the reward of a short training. This module chooses cells spread over the rewards of a run, and compares
their rewards with what longer trainings of them give, by Spearman's rank correlation. Training is left to
`results/precompute.py`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.runner.result import top_trials
from nas_keras.trial import Trial

TRUSTED = 0.5  # a correlation of which even the lower end of the interval is above this can be trusted
ENOUGH = 0.9  # agreement with the longest training from which on more epochs hardly change the order
FEWEST = 5  # cells; the interval of fewer covers everything


class Agreement(NamedTuple):
    """The agreement of two orders of cells.

    Attributes:
        correlation: Spearman's rank correlation, -1 to 1; NaN if all values of one are equal.
        low, high: 95 % interval of it.
        num_cells: number of cells.
    """

    correlation: float
    low: float
    high: float
    num_cells: int

    def __str__(self) -> str:
        return f"{self.correlation:.2f} (95 % interval {self.low:.2f} to {self.high:.2f}, {self.num_cells} cells)"


def spread_cells(trials: Sequence[Trial], count: int) -> list[Trial]:
    """Chooses cells whose rewards are spread evenly over the ranks of all that succeeded, best first.

    Args:
        trials: trials of a run, or of a table with the mean of each key.
        count: number of cells; all of them if there are fewer.

    Raises:
        InvalidValueError: if fewer than 5 cells are asked for or succeeded.
    """
    check_at_least("count", count, FEWEST)
    ranked = top_trials(trials, len(trials))
    if len(ranked) < FEWEST:
        raise InvalidValueError(
            f"Only {len(ranked)} children succeeded; at least {FEWEST} are needed to compare orders. Search longer."
        )
    places = np.unique(np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int))
    return [ranked[place] for place in places]


def agreement(rewards: Mapping[str, float], longer: Mapping[str, float]) -> Agreement:
    """Computes Spearman's correlation of two values of each key, over the keys that both have.

    The interval is that of Fisher's transformation, with the standard error of Bonett and Wright ("Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65, 2000):
    atanh(r) ± 1.96 sqrt((1 + r^2 / 2) / (n - 3)).

    Raises:
        InvalidValueError: if they have fewer than 5 keys in common.
    """
    keys = [key for key in rewards if key in longer]
    if len(keys) < FEWEST:
        raise InvalidValueError(f"Only {len(keys)} cells have both values; at least {FEWEST} are needed. Train more.")
    one, other = (_ranks([values[key] for key in keys]) for values in (rewards, longer))
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return Agreement(math.nan, -1.0, 1.0, len(keys))
    correlation = float(np.corrcoef(one, other)[0, 1])
    middle = math.atanh(min(max(correlation, -0.9999), 0.9999))
    width = 1.96 * math.sqrt((1 + correlation**2 / 2) / (len(keys) - 3))
    return Agreement(correlation, math.tanh(middle - width), math.tanh(middle + width), len(keys))


def verdict(found: Agreement) -> str:
    """Says in a sentence whether the short training can be trusted."""
    if found.low > TRUSTED:
        return "The short training can be trusted: it ranks cells much as the longer one does."
    if found.high < TRUSTED:
        return "The short training cannot be trusted: the longer one ranks cells otherwise. Search with more epochs."
    return "Whether the short training can be trusted stays open. Check more cells, or search with more epochs."


def enough_epochs(by_epochs: Mapping[int, Mapping[str, float]]) -> tuple[dict[int, Agreement], int]:
    """Compares shorter trainings with the longest.

    Args:
        by_epochs: epochs -> key -> accuracy, with the same keys.

    Returns:
        The agreement of each shorter training with the longest, and the fewest epochs from which on it is at least 0.9;
        those of the longest if there are none.
    """
    longest = max(by_epochs)
    shorter = sorted(epochs for epochs in by_epochs if epochs < longest)
    agreements = {epochs: agreement(by_epochs[epochs], by_epochs[longest]) for epochs in shorter}
    enough = longest
    for epochs in reversed(shorter):
        if not agreements[epochs].correlation >= ENOUGH:
            break
        enough = epochs
    return agreements, enough


def rungs_between(first: int, longest: int) -> list[int]:
    """The numbers of epochs between those of a search and the longest: each is twice the one before."""
    rungs = []
    epochs = 2 * first
    while epochs < longest:
        rungs.append(epochs)
        epochs *= 2
    return rungs


def _ranks(values: Sequence[float]) -> np.ndarray:
    """Ranks from 1; equal values share the mean of their ranks."""
    array = np.asarray(values, float)
    below, equal = (array[:, None] > array).sum(axis=1), (array[:, None] == array).sum(axis=1)
    return below + (equal + 1) / 2
