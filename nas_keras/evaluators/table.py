"""TableEvaluator: rewards computed beforehand, read from a folder of shards and its `recipe.json`."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.base import Evaluator
from nas_keras.search_space import SearchSpace
from nas_keras.tables import read_table
from nas_keras.trial import Evaluation, Job


class TableEvaluator(Evaluator):
    """Answers from a table: the mean over a cell's training seeds. The test accuracies in it are not read out.

    Args:
        path: folder of a table, as `tables.py` writes it.

    Raises:
        DataError: if there is no table, or it is damaged.
    """

    def __init__(self, path: str | os.PathLike):
        self._path = pathlib.Path(path)
        table = read_table(self._path)
        self.recipe, self._space = table.recipe, table.space
        self.variants = list(table.variants.values())
        by_key: dict[str, list[Evaluation]] = {}
        for trial in table.trials:
            by_key.setdefault(trial.key, []).append(trial.evaluation)
        self._evaluations = {key: _mean(evaluations) for key, evaluations in by_key.items()}

    def __len__(self) -> int:
        return len(self._evaluations)

    def check(self, space: SearchSpace) -> None:
        """Raises InvalidValueError if the table was computed for another space."""
        if space.fingerprint != self._space:
            raise InvalidValueError(
                f"The table {self._path} was computed for the space with fingerprint {self._space}, but {space!r} has "
                f"{space.fingerprint}. Choose the space of the table, or another table."
            )

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`.

        Raises:
            DataError: if a key is not in the table.
        """
        for job in jobs:
            if job.key not in self._evaluations:
                raise DataError(
                    f"{job.key} is not in the table {self._path}, which holds {len(self):,} keys. Compute the rest "
                    "of the "
                    "table, or train the children instead."
                )
            yield job, self._evaluations[job.key]


def _mean(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The mean over the seeds that succeeded, a failure if none did; without seconds and test accuracy.

    What was found by a variant of the recipe counts only where nothing was by the recipe itself.
    """
    succeeded = [evaluation for evaluation in evaluations if not evaluation.failed]
    succeeded = [evaluation for evaluation in succeeded if not evaluation.recipe] or succeeded
    if not succeeded:
        return dataclasses.replace(evaluations[0], seconds=0.0, test_accuracy=float("nan"))
    return Evaluation(
        reward=np.mean([evaluation.reward for evaluation in succeeded]),
        valid_accuracy=np.mean([evaluation.valid_accuracy for evaluation in succeeded]),
        loss=np.mean([evaluation.loss for evaluation in succeeded]),
        num_params=succeeded[0].num_params,
        epochs=succeeded[0].epochs,
        recipe=succeeded[0].recipe,
    )
