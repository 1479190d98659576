"""Statistics of a table of rewards: means, noise, ranks, equal networks. The module reads no files and writes no text.

Accuracies are fractions. Failed and missing records are NaN in the matrices, and are counted.

Legend: `K` keys of the space, `S` trainings of a key, `N` encodings of the space, `T` decisions.
"""

import dataclasses
import itertools
import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nas_keras.errors import DataError
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.trial import Trial, training_seed

_RUN_SEEDS = 100  # run seeds among which the column of a record is looked up


@dataclasses.dataclass(frozen=True)
class Accuracies:
    """The accuracies of a table as matrices.

    Attributes:
        keys: keys of the whole space, in the order of their first encodings, [K].
        actions: the first encoding of each key, [K].
        valid: validation accuracies, [K, S], with a column for each run seed; NaN for failed or missing records.
        test: test accuracies, likewise.
        num_params: parameters of each key's child, [K]; 0 if no training succeeded.
        seconds: wall time of all records together.
        num_failed: number of failed records.
        num_missing: number of records that the matrices lack, apart from failed ones.
        num_variants: number of records of a variant of the table's recipe.
        num_untested: number of records that succeeded without a test accuracy, such as those taken from searches.
    """

    keys: tuple[str, ...]
    actions: tuple[Actions, ...]
    valid: np.ndarray
    test: np.ndarray
    num_params: np.ndarray
    seconds: float
    num_failed: int
    num_missing: int
    num_variants: int
    num_untested: int


class Means(NamedTuple):
    """Mean, its standard error (NaN for one training) and number of trainings of each key, [K]."""

    mean: np.ndarray
    error: np.ndarray
    num_trainings: np.ndarray


class Noise(NamedTuple):
    """The noise of one training, beside the spread between keys.

    Attributes:
        single: standard deviation of one training about its key's mean, pooled over keys; NaN without repetitions.
        degrees: degrees of freedom of `single`.
        between: standard deviation between keys, corrected for the noise of their means; NaN if `single` is NaN.
    """

    single: float
    degrees: int
    between: float


class Pair(NamedTuple):
    """Two keys of the same network.

    Attributes:
        first, second: their indices among the keys.
        gap: difference of their means.
        error: standard error of the gap, as predicted from their own noise; NaN without repetitions.
        p_value: two-sided p-value of Student's test; NaN without repetitions.
    """

    first: int
    second: int
    gap: float
    error: float
    p_value: float


def collect_accuracies(space: SearchSpace, trials: Sequence[Trial]) -> Accuracies:
    """Arranges the records of a table by key and run seed.

    The run seed of a record is recovered by hashing; a record whose run seed is not below 100 takes the next free
    column of its key. As in searches, a variant of the recipe counts only for keys that did not succeed with the recipe
    itself.

    Raises:
        DataError: if a record has a key that is not in the space, or no record has a validation accuracy.
    """
    encodings: dict[str, Actions] = {}
    for actions in space.enumerate():
        encodings.setdefault(space.key(actions), actions)
    by_key: dict[str, list[Trial]] = {key: [] for key in encodings}
    for trial in trials:
        if trial.key not in by_key:
            raise DataError(f"The table holds {trial.key!r}, which is not a key of {space!r}. Name the table's space.")
        by_key[trial.key].append(trial)
    rows = [_row(key, records) for key, records in by_key.items()]
    num_columns = max((max(row, default=-1) + 1 for row in rows), default=0)
    valid, test = np.full([2, len(rows), num_columns], np.nan)
    num_params = np.zeros(len(rows), np.int64)
    for k, row in enumerate(rows):
        good = {column: trial.evaluation for column, trial in row.items() if not trial.evaluation.failed}
        own = {column: evaluation for column, evaluation in good.items() if not evaluation.recipe}
        for column, evaluation in (own or good).items():
            valid[k, column], test[k, column] = evaluation.valid_accuracy, evaluation.test_accuracy
            num_params[k] = evaluation.num_params
    if np.isnan(valid).all():
        raise DataError("No record of the table has a validation accuracy. Name a table of trained children.")
    used = ~np.isnan(valid).all(axis=0)
    return Accuracies(
        keys=tuple(encodings),
        actions=tuple(encodings.values()),
        valid=valid[:, used],
        test=test[:, used],
        num_params=num_params,
        seconds=float(sum(trial.evaluation.seconds for trial in trials)),
        num_failed=sum(trial.evaluation.failed for trial in trials),
        num_missing=len(rows) * int(used.sum()) - sum(used[column] for row in rows for column in row),
        num_variants=sum(bool(trial.evaluation.recipe) for trial in trials),
        num_untested=sum(not t.evaluation.failed and math.isnan(t.evaluation.test_accuracy) for t in trials),
    )


def _row(key: str, records: Sequence[Trial]) -> dict[int, Trial]:
    """Returns column -> record, for the records of one key."""
    columns = {training_seed(run_seed, key): run_seed for run_seed in range(_RUN_SEEDS if records else 0)}
    row = {columns[trial.seed]: trial for trial in records if trial.seed in columns}
    free = (column for column in itertools.count() if column not in row)
    others = [trial for trial in records if trial.seed not in columns]
    return {**row, **dict(zip([next(free) for _ in others], others, strict=True))}


def summarize(values: np.ndarray) -> Means:
    """Computes the mean accuracy of each key over its trainings, from accuracies [K, S]."""
    count = (~np.isnan(values)).sum(axis=1)
    mean = np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)
    squares = np.nansum((values - mean[:, None]) ** 2, axis=1)
    variance = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
    return Means(mean, np.sqrt(variance / np.maximum(count, 1)), count)


def ranks(means: np.ndarray) -> np.ndarray:
    """Rank of each mean [K], 1 for the largest; equal means share the better rank, and NaN has rank 0."""
    from scipy import stats

    is_known = ~np.isnan(means)
    found = np.zeros(len(means), np.int64)
    found[is_known] = stats.rankdata(-means[is_known], method="min")
    return found


def noise_of(values: np.ndarray) -> Noise:
    """Estimates the noise of accuracies [K, S], whose rows may be a subset of the keys."""
    mean, error, count = summarize(values)
    repeated = count > 1
    degrees = int((count[repeated] - 1).sum())
    if not degrees:
        return Noise(np.nan, 0, np.nan)
    variance = float((error[repeated] ** 2 * count[repeated] * (count[repeated] - 1)).sum() / degrees)
    known = count > 0
    between = np.var(mean[known], ddof=1) - variance * np.mean(1 / count[known]) if known.sum() > 1 else np.nan
    return Noise(variance**0.5, degrees, float(np.sqrt(np.maximum(between, 0))))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two arrays [K], where neither is NaN; NaN for fewer than three such places."""
    from scipy import stats

    both = ~(np.isnan(one) | np.isnan(other))
    if both.sum() < 3:
        return np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)  # the correlation is NaN then
        return float(stats.spearmanr(one[both], other[both]).statistic)


def seed_correlations(values: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each pair of columns of [K, S]; pairs without one are left out."""
    pairs = itertools.combinations(values.T, 2)
    correlations = np.array([rank_correlation(one, other) for one, other in pairs])
    return correlations[~np.isnan(correlations)]


def same_networks(space: SearchSpace, accuracies: Accuracies) -> list[Pair]:
    """Finds pairs of keys whose cells have the same canonical key and so differ only by the noise of training."""
    from scipy import stats

    mean, _, count = summarize(accuracies.valid)
    groups: dict[str, list[int]] = {}
    for k, actions in enumerate(accuracies.actions):
        cell = space.decode(actions)
        if isinstance(cell, Cell) and count[k]:
            groups.setdefault(cell.key, []).append(k)
    pairs = []
    for first, second in itertools.chain.from_iterable(itertools.combinations(g, 2) for g in groups.values()):
        gap = float(mean[first] - mean[second])
        noise = noise_of(accuracies.valid[[first, second]])
        error = noise.single * np.sqrt(1 / count[first] + 1 / count[second])
        p_value = float(2 * stats.t.sf(abs(gap) / error, noise.degrees)) if error > 0 else np.nan
        pairs.append(Pair(first, second, gap, float(error), p_value))
    return pairs
