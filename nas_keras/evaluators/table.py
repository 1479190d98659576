"""TableEvaluator: rewards that were computed beforehand, read from the folder of a table."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from nas_keras.errors import DataError, InvalidValueError, check_type, shown
from nas_keras.evaluators.base import Evaluator
from nas_keras.evaluators.limits import Limits
from nas_keras.evaluators.objective import COSTS
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import without_code
from nas_keras.storage.table import mean_evaluation, read_table
from nas_keras.system.paths import local_path
from nas_keras.system.words import counted
from nas_keras.trial import Evaluation, Job


class TableEvaluator(Evaluator):
    """Looks rewards up in a table: the reward of a key is the mean over its training seeds.

    Test accuracies in the table are not used.

    Args:
        path: folder of a table, as `storage/table_writer.py` writes it.
        otherwise: evaluator of the keys that are missing from the table; if it is None, they are an error.
        limits: the largest child; a larger one is refused. None: the limits of `otherwise`, or none.

    Raises:
        DataError: if the folder holds no table, or a corrupt one.
        InvalidValueError: if `otherwise` has another recipe than the table or other limits, or if a limit is set for a
            cost that the table does not hold.
    """

    def __init__(self, path: str | os.PathLike, *, otherwise: Evaluator | None = None, limits: Limits | None = None):
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
        self.limits = self._check_limits(limits)
        self.costs = {name for name in COSTS.values() if all(getattr(one, name) > 0 for _, one in self._good())}
        if otherwise is not None and otherwise.costs is not None:
            self.costs &= set(otherwise.costs)

    def __len__(self) -> int:
        return len(self._evaluations)

    @property
    def num_parallel(self) -> int:
        """See `Evaluator`: that of the evaluator of missing keys."""
        return self._otherwise.num_parallel if self._otherwise else 1

    def check(self, space: SearchSpace) -> None:
        """Raises InvalidValueError if the table was computed for another space, or `otherwise` has another recipe."""
        fix = "Choose the space of the table, or another table."
        check_same(self._path, repr(space), space=({"fingerprint": self._space}, space), fix=fix)
        if self._otherwise is not None:
            self._otherwise.check(space)  # this adds the code of the space's operations to its recipe
            self._check_otherwise(self.recipe, self._otherwise.recipe)

    def _check_limits(self, limits: Limits | None) -> Limits:
        """Returns the limits, which must be those of `otherwise` and on costs that the table holds."""
        check_type("limits", Limits() if limits is None else limits, Limits, "an nk.Limits, or None")
        others = Limits() if self._otherwise is None else self._otherwise.limits
        limits = others if limits is None else limits
        if self._otherwise is not None and limits != others:
            raise InvalidValueError(
                f"limits={shown(limits)} is not allowed: the evaluator of the missing keys has {shown(others)}. Give "
                "both the same limits."
            )
        for key, evaluation in self._good():
            if unknown := limits.unknown(evaluation):
                raise InvalidValueError(
                    f"limits={limits} is not allowed: the table {self._path} does not hold the {' and '.join(unknown)} "
                    f"of {key}. Limit the parameters instead, or train the children."
                )
        return limits

    def _good(self) -> list[tuple[str, Evaluation]]:
        return [(key, evaluation) for key, evaluation in self._evaluations.items() if not evaluation.failed]

    def _check_otherwise(self, recipe: dict[str, Any], others: dict[str, Any]) -> None:
        other = "the evaluator of its missing keys"
        check_same(self._path, other, recipe=(recipe, others), fix="Rewards of different recipes cannot be compared.")

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`.

        Raises:
            DataError: if a key is missing from the table and there is no other evaluator for it.
        """
        missing = [job for job in jobs if job.key not in self._evaluations]
        if missing and self._otherwise is None:
            raise DataError(
                f"{missing[0].key} is not in the table {self._path}, which holds {counted(len(self), 'key')}. Compute "
                "the rest of the table, or train missing cells: TableEvaluator(path, otherwise=TrainingEvaluator(...)) "
                "or --missing=train."
            )
        for job in jobs:
            if job.key in self._evaluations:
                evaluation = self._evaluations[job.key]
                yield job, self.limits.refuse(evaluation) or evaluation
        if missing and self._otherwise is not None:
            yield from self._otherwise.evaluate(missing)

    def resume(self, environment: dict[str, Any]) -> None:
        """See `Evaluator`."""
        if self._otherwise is not None:
            self._otherwise.resume(environment)

    def cancel(self, jobs: Sequence[Job]) -> None:
        """See `Evaluator`."""
        if self._otherwise is not None:
            self._otherwise.cancel(jobs)

    def close(self) -> None:
        """Closes the evaluator of missing keys, if there is one."""
        if self._otherwise is not None:
            self._otherwise.close()
