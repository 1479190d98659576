"""What strategies are compared on: a space whose every reward is known, from a table, a synthetic one or an npz file.

A `Source` says in a few words which; it travels to worker processes, and each opens the `Problem` for itself.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from nas_keras import spaces
from nas_keras.comparison.synthetic import grid, make_synthetic
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.base import Evaluator
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.npz import read_arrays
from nas_keras.storage.table import read_table
from nas_keras.trial import Evaluation, Job

_LARGEST_SPREAD = 1e150  # its square is finite
_LARGEST_NPZ = 2**30  # bytes; NAS-Bench-Macro's is of 2**20
_MOST_DECISIONS = 32  # axes of a NumPy array
_NUM_NODES = (1, 2, 3, 4)  # of the large spaces that a table may be of


@dataclasses.dataclass(frozen=True)
class Source:
    """Where rewards come from.

    Attributes:
        kind: "table", "synthetic" or "npz".
        name: the table's folder, the synthetic table's name (`comparison/synthetic.py`) or the path of the npz file.
        array: of an npz file, the name of the array of rewards.
        column: of that array, if it has two axes; from 0.
    """

    kind: str
    name: str
    array: str = ""
    column: int | None = None

    def __str__(self) -> str:
        column = "" if self.column is None else f", column {self.column}"
        return f"{self.kind} {self.name}" + (f", {self.array}{column}" if self.array else "")


class Problem:
    """A space with all its rewards.

    Args:
        space: what is searched.
        evaluator: knows the reward of every key.
        rewards: of all keys, in any order, NaN for failures; what searches see.

    Attributes:
        best, median, worst: of the rewards that are no failures.

    Raises:
        InvalidValueError: if the best is the median, so that regret has no unit, or numbers this large cannot be
            compared.
    """

    def __init__(self, space: SearchSpace, evaluator: Evaluator, rewards: np.ndarray):
        self.space, self.evaluator = space, evaluator
        known = np.asarray(rewards, np.float64)
        known = known[~np.isnan(known)]
        if not known.size or known.max() <= np.median(known):
            raise InvalidValueError(
                f"The best reward of {space!r} is not above the median of all, so there is nothing to search for. "
                "Choose another table or array."
            )
        self.best, self.median, self.worst = float(known.max()), float(np.median(known)), float(known.min())
        if not abs(self.worst) + abs(self.best) < _LARGEST_SPREAD:
            raise InvalidValueError(
                f"The rewards of {space!r} run from {self.worst:g} to {self.best:g}, whose means and errors are beyond "
                f"double precision. Allowed: rewards within {_LARGEST_SPREAD:g} of each other and of 0. Scale them."
            )

    def regret(self, rewards: np.ndarray) -> np.ndarray:
        """Normalised: 0 for the best of the table, 1 for its median; of any shape."""
        return (self.best - rewards) / (self.best - self.median)


class ArrayEvaluator(Evaluator):
    """Answers from an array in memory.

    Args:
        rewards: with an axis for each decision of the space; NaN is a failure.
    """

    def __init__(self, rewards: np.ndarray):
        self.rewards = rewards

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`."""
        for job in jobs:
            yield job, Evaluation(reward=self.rewards[job.actions])


def open_problem(source: Source) -> Problem:
    """Reads all rewards of a source.

    Raises:
        InvalidValueError: if there is no such source, or it has nothing to search for.
        DataError: if a file is missing or damaged, or the table is not complete.
    """
    if source.kind == "synthetic":
        space, rewards = make_synthetic(source.name)
        if space.num_keys == rewards.size:
            return Problem(space, ArrayEvaluator(rewards), rewards.ravel())
        # Of cells many encodings may mean the same one; best and median are of cells, as in a table on disk.
        of_keys = np.array([rewards[actions] for actions in space.enumerate(distinct=True)])
        return Problem(space, ArrayEvaluator(rewards), of_keys)
    if source.kind == "npz":
        space, rewards = read_npz(pathlib.Path(source.name), array=source.array, column=source.column)
        return Problem(space, ArrayEvaluator(rewards), rewards.ravel())
    if source.kind == "table":
        return _open_table(pathlib.Path(source.name))
    raise InvalidValueError(f"kind={source.kind!r} is unknown. Allowed: table, synthetic, npz.")


def read_npz(path: pathlib.Path, *, array: str, column: int | None = None) -> tuple[SearchSpace, np.ndarray]:
    """Reads a file as that of NAS-Bench-Macro: `n_choices` [T], `enc` [R, T], and rewards [R] or [R, C].

    Args:
        path: of the file; nothing in it is unpickled.
        array: name of the array of rewards.
        column: of an array with two axes.

    Returns:
        A plain space, and float64 rewards with an axis for each decision; NaN is a failure.

    Raises:
        InvalidValueError: if the array or column is not there.
        DataError: if the file cannot be read, `enc` does not hold every encoding once, or a reward is infinite.
    """
    try:
        arrays = read_arrays(path, at_most=_LARGEST_NPZ)
    except Exception as error:  # of many types
        raise DataError(
            f"{path} cannot be read as an npz file of plain arrays: {error}. Write it with numpy.savez."
        ) from error
    missing = [name for name in ("n_choices", "enc") if name not in arrays]
    if missing:
        raise DataError(f"{path} has no {' and no '.join(missing)}, but {', '.join(arrays)}. Name another file.")
    sizes, encodings = arrays["n_choices"], arrays["enc"]
    if sizes.ndim != 1 or not np.issubdtype(sizes.dtype, np.integer) or not sizes.size or (sizes < 1).any():
        raise DataError(f"n_choices in {path} must be whole numbers of at least 1, not {sizes!r}.")
    if len(sizes) > _MOST_DECISIONS:
        raise DataError(
            f"n_choices in {path} lists {len(sizes)} decisions. Allowed: at most {_MOST_DECISIONS}. Leave out those "
            "with one choice, in n_choices and in enc."
        )
    is_fit = encodings.shape == (np.prod(sizes, dtype=object), len(sizes)) and np.issubdtype(
        encodings.dtype, np.integer
    )
    if not is_fit or (encodings < 0).any() or (encodings >= sizes).any():
        raise DataError(
            f"enc in {path} must hold every encoding once: {np.prod(sizes, dtype=object):,} rows of {len(sizes)} "
            f"decisions with {sizes.tolist()} choices. It is {encodings.dtype} {list(encodings.shape)}, or goes beyond "
            "them."
        )
    # NumPy's own functions for this take fewer axes than an array may have.
    places = encodings.astype(np.int64) @ np.array([math.prod(sizes[t + 1 :].tolist()) for t in range(len(sizes))])
    if len(np.unique(places)) < len(encodings):
        raise DataError(f"enc in {path} holds an encoding twice. It must hold every encoding once.")
    with np.errstate(over="ignore"):  # of a longer type; it is said below
        values = _rewards_of(arrays, array, column, rows=len(encodings), path=path).astype(np.float64)
    num_infinite = int(np.isinf(values).sum())
    if num_infinite:
        raise DataError(
            f"{array} in {path} holds {num_infinite:,} infinite rewards. Allowed: finite numbers, and NaN for a "
            "failure. Write NaN in their place if they are failures."
        )
    rewards = np.zeros(len(values))
    rewards[places] = values
    return grid(path.stem, sizes.tolist()), rewards.reshape(sizes)


def _rewards_of(
    arrays: dict[str, np.ndarray], array: str, column: int | None, *, rows: int, path: pathlib.Path
) -> np.ndarray:
    """The rewards [R] that `array` and `column` name."""
    usable = {
        name: list(values.shape)
        for name, values in arrays.items()
        if name not in ("n_choices", "enc")
        and values.ndim in (1, 2)
        and len(values) == rows
        and np.issubdtype(values.dtype, np.number)
    }
    if array not in usable:
        listed = ", ".join(f"{name} {shape}" for name, shape in usable.items()) or "none"
        raise InvalidValueError(f"{array!r} is no array of {rows:,} rewards in {path}. It has: {listed}.")
    values = arrays[array]
    num_columns = values.shape[1] if values.ndim == 2 else 0
    if (column is None) != (num_columns == 0) or (column is not None and not 0 <= column < num_columns):
        allowed = f"a column from 0 to {num_columns - 1}" if num_columns else "no column"
        raise InvalidValueError(f"Column {column} is not allowed: {array} in {path} takes {allowed}.")
    return values if column is None else values[:, column]


def _open_table(path: pathlib.Path) -> Problem:
    from nas_keras.evaluators.table import TableEvaluator  # it brings TensorFlow in, which synthetic tables need not

    fingerprint = read_table(path).space
    candidates = (spaces.small(), *(spaces.large(num_nodes=n) for n in _NUM_NODES))
    space = next((space for space in candidates if space.fingerprint == fingerprint), None)
    if space is None:
        raise InvalidValueError(
            f"The table {path} is of a space with fingerprint {fingerprint}, neither the small one nor a large one of "
            f"{_NUM_NODES[0]} to {_NUM_NODES[-1]} nodes. Write it as an npz file to compare on it."
        )
    evaluator = TableEvaluator(path)
    jobs = [Job(space.key(actions), actions, None, 0) for actions in space.enumerate(distinct=True)]
    rewards = np.array([evaluation.reward for _, evaluation in evaluator.evaluate(jobs)])
    return Problem(space, evaluator, rewards)
