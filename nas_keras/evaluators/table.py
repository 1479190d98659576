"""TableEvaluator: rewards computed beforehand, read from a folder of shards and its `recipe.json`."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from nas_keras.dataset import list_shards
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.base import Evaluator
from nas_keras.recipe import fingerprint
from nas_keras.records import Origin, read_shard, write_shard
from nas_keras.search_space import SearchSpace
from nas_keras.trial import Evaluation, Job, Trial
from nas_keras.workspace import read_json, write_json

_RECIPE = "recipe.json"


class TableEvaluator(Evaluator):
    """Answers from a table: the mean over a cell's training seeds. The test accuracies in it are not read out.

    Args:
        path: folder of a table, as `write_table` writes it.

    Raises:
        DataError: if there is no table, or it is damaged.
    """

    def __init__(self, path: str | os.PathLike):
        self._path = pathlib.Path(path)
        self.recipe, self._space, trials = read_table(self._path)
        by_key: dict[str, list[Evaluation]] = {}
        for trial in trials:
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


def write_table(path: str | os.PathLike, trials: Sequence[Trial], *, space: SearchSpace, recipe: dict) -> None:
    """Writes a table of one shard: one trial for each key and training seed, test accuracy included.

    Args:
        path: a new or empty folder.
        trials: `trial` and `iteration` number them; log-probs are empty.
        space: whose keys they are.
        recipe: a JSON object.
    """
    path = pathlib.Path(path)
    write_shard(path / "trials-000000.tfrecord", trials, Origin(space.fingerprint, fingerprint(recipe)))
    write_json(path / _RECIPE, {"space": space.fingerprint, "recipe": recipe})


def read_table(path: pathlib.Path) -> tuple[dict, str, list[Trial]]:
    """(recipe, fingerprint of the space, trials) of a table.

    Raises:
        DataError: if there is no table, it is damaged, or its shards are not all of the recipe beside them.
    """
    shards = list_shards(path)
    if not shards or not (path / _RECIPE).exists():
        raise DataError(
            f"There is no table in {path}: it needs {_RECIPE} and trials-*.tfrecord. Name a table's folder."
        )
    description = read_json(path / _RECIPE)
    recipe, space = description.get("recipe"), description.get("space")
    if not isinstance(recipe, dict) or not isinstance(space, str):
        raise DataError(f"{path / _RECIPE} must hold 'recipe' and 'space'. Restore it from a copy.")
    origin = Origin(space, fingerprint(recipe))
    return recipe, space, [trial for shard in shards for trial in read_shard(shard, origin)]


def _mean(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The mean over the seeds that succeeded, a failure if none did; without seconds and test accuracy."""
    succeeded = [evaluation for evaluation in evaluations if not evaluation.failed]
    if not succeeded:
        return dataclasses.replace(evaluations[0], seconds=0.0, test_accuracy=float("nan"))
    return Evaluation(
        reward=np.mean([evaluation.reward for evaluation in succeeded]),
        valid_accuracy=np.mean([evaluation.valid_accuracy for evaluation in succeeded]),
        loss=np.mean([evaluation.loss for evaluation in succeeded]),
        num_params=succeeded[0].num_params,
        epochs=succeeded[0].epochs,
    )
