"""The facts of a table that pages are written from: accuracies, ranks, effects, and well-known cells in it."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import numpy as np

from nas_keras.errors import InvalidValueError
from nas_keras.reports import table_statistics
from nas_keras.reports.main_effects import Effect, main_effects
from nas_keras.spaces import human_cells as cells
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.table import Table, read_table

PAPER = "the paper's best"
_KNOWN = (  # description, cell, its validation and test accuracy in the paper
    (PAPER, Cell.chain("conv_5x5", "conv_1x3_3x1"), (0.9885, 0.9888)),
    (PAPER, Cell.chain("sep_conv_3x3", "conv_7x7"), (0.9885, 0.982)),
    ("VGG", cells.vgg(), None),
    ("Inception", cells.inception(), None),
    ("ResNet", cells.resnet(), None),
)


@dataclasses.dataclass(frozen=True)
class TableFacts:
    """The facts of a table. Cells are given by their index among the K keys of the space.

    Attributes:
        space: space of the table.
        table: the table as read.
        accuracies: its accuracies as matrices.
        valid, test: mean accuracies over trainings.
        best: cells that have a validation accuracy, best first.
        ranks, test_ranks: rank of each cell, from 1; 0 for a cell without an accuracy.
        effects: main effects of the choices.
        missing_keys: number of keys without a record.
    """

    space: SearchSpace
    table: Table
    accuracies: table_statistics.Accuracies
    valid: table_statistics.Means
    test: table_statistics.Means
    best: list[int]
    ranks: np.ndarray
    test_ranks: np.ndarray
    effects: list[Effect]
    missing_keys: int

    @property
    def quarter(self) -> list[int]:
        """The best quarter of the cells, at least three."""
        return self.best[: max(3, len(self.best) // 4)]

    @functools.cached_property
    def names(self) -> list[str]:
        """The name of each cell: its key, or its choices if the key is just the encoding."""
        return [
            self._name(actions, key) for actions, key in zip(self.accuracies.actions, self.accuracies.keys, strict=True)
        ]

    @functools.cached_property
    def known(self) -> list[tuple[str, int, tuple[float, float] | None]]:
        """Well-known cells of the space, each as (description, cell, the paper's accuracies or None)."""
        places = {key: k for k, key in enumerate(self.accuracies.keys)}
        found = []
        for what, cell, paper in _KNOWN:
            try:
                k = places[self.space.key(self.space.encode(cell))]
            except InvalidValueError:  # the cell is not in the space
                continue
            found.append((what, k, paper))
        return found

    def _name(self, actions: Sequence[int], key: str) -> str:
        if key != ",".join(map(str, actions)):
            return key
        return ", ".join(str(d.choices[action]) for d, action in zip(self.space.decisions, actions, strict=True))


def gather_table(path: pathlib.Path, space: SearchSpace) -> TableFacts:
    """Reads the table in folder `path` and computes its figures.

    Raises:
        InvalidValueError: if the table is of another space.
        DataError: if the table is missing or corrupt, or holds no accuracies.
    """
    table = read_table(path)
    fix = "Name the space that the table was made for."
    check_same(path, repr(space), space=({"fingerprint": table.space}, space), fix=fix)
    accuracies = table_statistics.collect_accuracies(space, table.trials)
    valid, test = table_statistics.summarize(accuracies.valid), table_statistics.summarize(accuracies.test)
    return TableFacts(
        space=space,
        table=table,
        accuracies=accuracies,
        valid=valid,
        test=test,
        best=[k for k in np.argsort(-valid.mean, kind="stable").tolist() if valid.num_trainings[k]],
        ranks=table_statistics.ranks(valid.mean),
        test_ranks=table_statistics.ranks(test.mean),
        effects=main_effects(space, accuracies),
        missing_keys=len(set(accuracies.keys) - {trial.key for trial in table.trials}),
    )
