"""The facts of a table that pages are written from: accuracies, ranks, well-known cells, and how it was filled."""

import dataclasses
import functools
import pathlib
import re
import shlex

import numpy as np

from nas_keras.children import named_recipes
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports import statistics
from nas_keras.spaces import human_cells as cells
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.table import Table, read_table

_KNOWN = (
    ("the paper's best", Cell.chain("conv_5x5", "conv_1x3_3x1")),
    ("the paper's best", Cell.chain("sep_conv_3x3", "conv_7x7")),
    ("VGG", cells.vgg()),
    ("Inception", cells.inception()),
    ("ResNet", cells.resnet()),
)


@dataclasses.dataclass(frozen=True)
class TableFacts:
    """The facts of a table. Cells are given by their index among the K keys of the space.

    Attributes:
        space: space of the table.
        table: the table as read.
        keys: keys of the whole space, in the order of their first encodings, [K].
        actions: the first encoding of each key, [K].
        values: validation accuracies, [K, S]; NaN where there is none.
        valid, test: mean accuracies over trainings.
        num_params: parameters of each key's child, [K]; 0 if no training succeeded.
    """

    space: SearchSpace
    table: Table
    keys: list[str]
    actions: list[Actions]
    values: np.ndarray
    valid: statistics.Means
    test: statistics.Means
    num_params: np.ndarray

    @functools.cached_property
    def best(self) -> list[int]:
        """Cells that have a validation accuracy, best first."""
        order = np.argsort(-self.valid.mean, kind="stable").tolist()
        return [k for k in order if self.valid.num_trainings[k]]

    @functools.cached_property
    def ranks(self) -> np.ndarray:
        """The rank of each cell, from 1; 0 for a cell without an accuracy."""
        return statistics.ranks(self.valid.mean)

    @functools.cached_property
    def names(self) -> list[str]:
        """The name of each cell."""
        return [name_architecture(self.space, actions) for actions in self.actions]

    @functools.cached_property
    def known(self) -> list[tuple[str, int]]:
        """Well-known cells of the space, each as (description, cell)."""
        places = {key: k for k, key in enumerate(self.keys)}
        found = []
        for what, cell in _KNOWN:
            try:
                found.append((what, places[self.space.key(self.space.encode(cell))]))
            except InvalidValueError:  # the cell is not in the space
                continue
        return found

    @property
    def noise(self) -> float:
        """The standard deviation of one training about its cell's mean, among the best quarter of the cells."""
        return statistics.noise_of(self.values[self.best[: max(3, len(self.best) // 4)]])

    @property
    def num_ties(self) -> int:
        """The number of cells within two standard errors of the best, itself included."""
        mean, count, best = self.valid.mean, self.valid.num_trainings, self.best[0]
        error = self.noise * (1 / count[best] + 1 / np.maximum(count, 1)) ** 0.5
        return int(sum(mean[best] - mean[k] <= 2 * error[k] for k in self.best))

    @property
    def missing_keys(self) -> int:
        """The number of keys without a record."""
        return len(set(self.keys) - {trial.key for trial in self.table.trials})

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
    check_same(
        path,
        repr(space),
        space=({"fingerprint": table.space}, space),
        fix="Name the space that the table was made for.",
    )
    encodings: dict[str, Actions] = {}
    for actions in space.enumerate():
        encodings.setdefault(space.key(actions), actions)
    found = statistics.trainings_by_key(table.trials)
    unknown = {trial.key for trial in table.trials} - set(encodings)
    if unknown:
        raise DataError(f"The table holds {min(unknown)!r}, which is not a key of {space!r}. Name the table's space.")
    by_key = {key: found.get(key, []) for key in encodings}
    values, tested = (statistics.matrix(by_key, name) for name in ("valid_accuracy", "test_accuracy"))
    if np.isnan(values).all():
        raise DataError("No record of the table has a validation accuracy. Name a table of trained children.")
    sizes = [some[-1].num_params if some else 0 for some in by_key.values()]
    means = statistics.summarize(values), statistics.summarize(tested)
    return TableFacts(
        space, table, list(encodings), list(encodings.values()), values, *means, np.array(sizes, np.int64)
    )


def table_command(facts: TableFacts, table: pathlib.Path) -> str:
    """The command that fills the table; empty if no flag can name its recipe or space."""
    found, space = facts.table.recipe, re.fullmatch(r"(small|large)(\d*)", facts.space.name)
    for name, named in named_recipes.NAMED.items():
        settings = named_recipes.settings_of(named.child), named_recipes.settings_of(named.train)
        data = found.get("data", {}).get("name")
        if space and data == named.dataset and (found.get("child"), found.get("train")) == settings:
            nodes = f" --num_nodes={space[2]}" if space[2] else ""
            return (
                f"python launch/precompute_rewards.py --space={space[1]}{nodes} --recipe={name} "
                f"--seeds={facts.valid.num_trainings.max()} --table={shlex.quote(str(table))}"
            )
    return ""
