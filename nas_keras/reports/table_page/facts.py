"""The facts of a table that pages are written from: accuracies, ranks and noise."""

import dataclasses
import functools
import math
import pathlib

from nas_keras.errors import DataError
from nas_keras.reports.standings import Standing, standings
from nas_keras.reports.statistics import rank_correlation
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.table import Table, read_table


@dataclasses.dataclass(frozen=True)
class TableFacts:
    """The facts of a table.

    Attributes:
        space: space of the table.
        table: the table as read.
        standings: its cells that have a validation accuracy, best first.
        num_keys: number of keys of the space.
    """

    space: SearchSpace
    table: Table
    standings: list[Standing]
    num_keys: int

    @functools.cached_property
    def ranks(self) -> dict[str, int]:
        """Key -> rank, from 1; equal means share the better rank."""
        first: dict[float, int] = {}
        return {one.key: first.setdefault(one.valid, rank) for rank, one in enumerate(self.standings, start=1)}

    def name(self, standing: Standing) -> str:
        """A cell as text, for people."""
        return name_architecture(self.space, standing.actions)

    @property
    def num_failed(self) -> int:
        """The number of trainings that failed."""
        return sum(trial.evaluation.failed for trial in self.table.trials)

    @property
    def correlation(self) -> float:
        """Spearman's correlation of mean validation and mean test accuracy; NaN if that cannot be."""
        return rank_correlation(*zip(*((one.valid, one.test) for one in self.standings), strict=True))

    @property
    def noise(self) -> float:
        """The standard deviation of one training about its cell's mean, pooled over the best quarter of the cells."""
        best = self.standings[: max(3, len(self.standings) // 4)]
        repeated = [(one.valid_error, one.num_trainings) for one in best if one.num_trainings > 1]
        squares = sum(error**2 * count * (count - 1) for error, count in repeated)
        return (squares / sum(count - 1 for _, count in repeated)) ** 0.5 if repeated else math.nan

    @property
    def num_ties(self) -> int:
        """The number of cells within two standard errors of the best, itself included."""
        best, noise = self.standings[0], self.noise
        errors = ((one, noise * (1 / best.num_trainings + 1 / one.num_trainings) ** 0.5) for one in self.standings)
        return sum(best.valid - one.valid <= 2 * error for one, error in errors)

    @property
    def is_complete(self) -> bool:
        """Whether each key has a record, be it a failure."""
        return len({trial.key for trial in self.table.trials}) == self.num_keys

    @property
    def core_hours(self) -> float:
        """The wall time of all its trainings, summed."""
        return sum(trial.evaluation.seconds for trial in self.table.trials) / 3600


def gather_table(path: pathlib.Path, space: SearchSpace) -> TableFacts:
    """Reads the table in folder `path` and computes its figures.

    Raises:
        InvalidValueError: if the table is of another space.
        DataError: if the table is missing or corrupt, or holds no accuracies.
    """
    table = read_table(path)
    fix = "Name the space that the table was made for."
    check_same(path, repr(space), space=({"fingerprint": table.space}, space), fix=fix)
    found = [one for one in standings(table.trials) if one.valid == one.valid]  # not NaN
    if not found:
        raise DataError("No record of the table has a validation accuracy. Name a table of trained children.")
    return TableFacts(space, table, found, space.num_keys or len(set(map(space.key, space.enumerate()))))
