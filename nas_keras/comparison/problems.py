"""Problems that strategies are compared on: spaces whose every reward is known.

Rewards come from a table on disk, a synthetic table or an npz file. A `Source` names one of them; it is sent to worker
processes, each of which opens the `Problem` itself.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from nas_keras import spaces
from nas_keras.comparison.npz_table import read_npz
from nas_keras.comparison.synthetic import make_synthetic
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.base import Evaluator
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.table import read_table
from nas_keras.trial import Evaluation, Job

_LARGEST_SPREAD = 1e150  # its square is finite
_NUM_NODES = (1, 2, 3, 4)  # of the large spaces that a table may be of


@dataclasses.dataclass(frozen=True)
class Source:
    """The origin of the rewards of a problem.

    Attributes:
        kind: "table", "synthetic" or "npz".
        name: the table's folder, the synthetic table's name (`comparison/synthetic.py`) or the path of the npz file.
        array: name of the array of rewards in an npz file.
        column: column of that array, from 0, if it has two axes.
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
        space: the space to search.
        evaluator: gives the reward of every key.
        rewards: rewards of all keys as searches see them, in any order; NaN for failures.

    Attributes:
        best, median, worst: statistics of the rewards of keys that did not fail.

    Raises:
        InvalidValueError: if the best reward equals the median, so that regret has no unit, or the rewards are too
            large to compare in double precision.
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
        """Normalised regret, of the shape of `rewards`: 0 for the best of the table, 1 for its median."""
        return (self.best - rewards) / (self.best - self.median)


class ArrayEvaluator(Evaluator):
    """An evaluator that looks rewards up in an array in memory.

    Args:
        rewards: array with an axis for each decision of the space; NaN is a failure.
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
        InvalidValueError: if the source does not exist, or its best reward is its median.
        DataError: if a file is missing or corrupt, or the table is incomplete.
    """
    if source.kind == "synthetic":
        space, rewards = make_synthetic(source.name)
        if space.num_keys == rewards.size:
            return Problem(space, ArrayEvaluator(rewards), rewards.ravel())
        # Several encodings may mean the same cell; best and median are over cells, as in a table on disk.
        key_rewards = np.array([rewards[actions] for actions in space.enumerate(distinct=True)])
        return Problem(space, ArrayEvaluator(rewards), key_rewards)
    if source.kind == "npz":
        space, rewards = read_npz(pathlib.Path(source.name), array=source.array, column=source.column)
        return Problem(space, ArrayEvaluator(rewards), rewards.ravel())
    if source.kind == "table":
        return _open_table(pathlib.Path(source.name))
    raise InvalidValueError(f"kind={source.kind!r} is unknown. Allowed: table, synthetic, npz.")


def _open_table(path: pathlib.Path) -> Problem:
    from nas_keras.evaluators.table import TableEvaluator  # loads TensorFlow, which synthetic tables do not need

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
