"""What strategies are compared on: a space whose every reward is known, from a table, a synthetic one or an npz file.

A `Source` says in a few words which; it travels to worker processes, and each opens the `Problem` for itself.
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
