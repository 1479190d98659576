"""The results of searches on a table as text and a table, which the pages of a table and of searches share."""

import math

import numpy as np

from nas_keras.comparison.table_searches import NUM_BEST, PAPER, TableSearches
from nas_keras.reports.markdown import Table, percent


def searches_table(searched: TableSearches, num_keys: int) -> tuple[str, Table]:
    """The text and the table.

    Args:
        searched: the searches.
        num_keys: number of keys of the space.
    """
    count, iterations = searched.curves[PAPER].shape
    rows = []
    for name in searched.until_best:
        both = searched.until_best[name], searched.until_good[name]
        rows.append(
            [name, *(text for until in both for text in (spread(until), f"{np.isfinite(until).sum()} of {count}"))]
        )
    share = percent(searched.probabilities.mean(), digits=0)
    text = (
        f"Distinct cells evaluated up to the one sought; median (quartiles) of {count} searches. Evaluating all "
        f"{num_keys:,} cells at random finds the best after {(num_keys + 1) / 2:,.1f} on average. The picture shows "
        f"the mean reward of the samples in {iterations} batches of {searched.batch_size}; bands hold eight of ten "
        f"searches. The final policy of PPO in the paper's form puts {share} % of its probability on the {NUM_BEST} "
        f"best cells, a uniform policy {percent(searched.uniform_probability, digits=0)} %."
    )
    header = ["strategy ", "until the best", "found by", f"until one of the {NUM_BEST} best", "found by"]
    return text, Table(header, rows)


def quartiles(values: np.ndarray) -> list[float]:
    """The lower quartile, median and upper quartile of [n] numbers, some of which may be inf."""
    ordered = np.sort(values)
    quarters = []
    for share in (0.25, 0.5, 0.75):
        place = share * (len(ordered) - 1)
        low, weight = int(place), place - int(place)
        # NumPy's own interpolation turns inf into NaN.
        quarters.append(float((1 - weight) * ordered[low] + weight * ordered[low + 1] if weight else ordered[low]))
    return quarters


def spread(values: np.ndarray) -> str:
    """The median and the quartiles of numbers of evaluations, inf being "never"."""
    low, middle, high = ("never" if math.isinf(count) else f"{count:g}" for count in quartiles(values))
    return f"{middle} ({low} to {high})"
