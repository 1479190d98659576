"""TableEvaluator: rewards computed beforehand, read from a folder of shards and its `recipe.json`."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from nas_keras.errors import DataError, InvalidValueError, shown
from nas_keras.evaluators.base import Evaluator
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import without_code
from nas_keras.storage.table import mean_evaluation, read_table
from nas_keras.system.paths import local_path
from nas_keras.trial import Evaluation, Job


class TableEvaluator(Evaluator):
    """Answers from a table: the mean over a cell's training seeds. The test accuracies in it are not read out.

    Args:
        path: folder of a table, as `storage/table.py` writes it.
        otherwise: evaluates the keys that the table does not hold; None: they are an error.

    Raises:
        DataError: if there is no table, or it is damaged.
        InvalidValueError: if `otherwise` has another recipe than the table.
    """

    def __init__(self, path: str | os.PathLike, *, otherwise: Evaluator | None = None):
        if not isinstance(path, str | os.PathLike):
            raise InvalidValueError(f"path={shown(path)} is not allowed: it must be the folder of a table.")
        self._path = local_path("path", path)
        table = read_table(self._path)
        self.recipe, self._space = table.recipe, table.space
        self.variants = list(table.variants.values())
        by_key: dict[str, list[Evaluation]] = {}
        for trial in table.trials:
            by_key.setdefault(trial.key, []).append(trial.evaluation)
        self._otherwise = otherwise
        if otherwise is not None:
            self._check_otherwise(without_code(self.recipe), without_code(otherwise.recipe))
            self.lag, self.environment = otherwise.lag, otherwise.environment
        self.source = {**(otherwise.source if otherwise else {}), "table": str(self._path)}
        self._evaluations = {key: mean_evaluation(evaluations) for key, evaluations in by_key.items()}

    def __len__(self) -> int:
        return len(self._evaluations)

    def check(self, space: SearchSpace) -> None:
        """Raises InvalidValueError if the table was computed for another space, or `otherwise` has another recipe."""
        fix = "Choose the space of the table, or another table."
        check_same(self._path, repr(space), space=({"fingerprint": self._space}, space), fix=fix)
        if self._otherwise is not None:
            self._otherwise.check(space)  # its recipe has the code of the space's operations from now on
            self._check_otherwise(self.recipe, self._otherwise.recipe)

    def _check_otherwise(self, *recipes: dict[str, Any]) -> None:
        other = "the evaluator of the keys that it lacks"
        check_same(self._path, other, recipe=recipes, fix="Rewards of different recipes cannot be compared.")

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`.

        Raises:
            DataError: if a key is not in the table, and nothing else evaluates it.
        """
        missing = [job for job in jobs if job.key not in self._evaluations]
        if missing and self._otherwise is None:
            raise DataError(
                f"{missing[0].key} is not in the table {self._path}, which holds {len(self):,} keys. Compute the rest "
                "of the table, or have what is missing trained: TableEvaluator(path, otherwise=TrainingEvaluator(...)) "
                "or --missing=train."
            )
        for job in jobs:
            if job.key in self._evaluations:
                yield job, self._evaluations[job.key]
        if missing:
            yield from self._otherwise.evaluate(missing)

    def resume(self, environment: dict[str, Any]) -> None:
        """See `Evaluator`."""
        if self._otherwise is not None:
            self._otherwise.resume(environment)

    def close(self) -> None:
        """Ends what evaluates the keys that the table lacks."""
        if self._otherwise is not None:
            self._otherwise.close()
