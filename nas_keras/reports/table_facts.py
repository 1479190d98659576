"""What a page of results tells of: a table read, measured and ranked, and the cells in it that people know."""

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
_KNOWN = (  # what it is, the cell, the paper's validation and test accuracy of it
    (PAPER, Cell.chain("conv_5x5", "conv_1x3_3x1"), (0.9885, 0.9888)),
    (PAPER, Cell.chain("sep_conv_3x3", "conv_7x7"), (0.9885, 0.982)),
    ("VGG", cells.vgg(), None),
    ("Inception", cells.inception(), None),
    ("ResNet", cells.resnet(), None),
)


@dataclasses.dataclass(frozen=True)
class TableFacts:
    """What is known of a table; cells are places among the K keys of the space.

    Attributes:
        space: of the table.
        table: as read.
        measured: its accuracies as matrices.
        valid, test: means over trainings.
        best: cells that have a validation accuracy, best first.
        ranks, test_ranks: of each cell, from 1; 0 where there is no accuracy.
        effects: main effects.
        missing_keys: number of keys without any record.
    """

    space: SearchSpace
    table: Table
    measured: table_statistics.Measured
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
        """What people call each cell: its key, or, where that is only the encoding, the choices."""
        return [
            self._name(actions, key) for actions, key in zip(self.measured.actions, self.measured.keys, strict=True)
        ]

    @functools.cached_property
    def known(self) -> list[tuple[str, int, tuple[float, float] | None]]:
        """(what it is, cell, the paper's accuracies or None) of known cells that are in the space."""
        places = {key: k for k, key in enumerate(self.measured.keys)}
        found = []
        for what, cell, accuracies in _KNOWN:
            try:
                k = places[self.space.key(self.space.encode(cell))]
            except InvalidValueError:  # it does not fit
                continue
            found.append((what, k, accuracies))
        return found

    def _name(self, actions: Sequence[int], key: str) -> str:
        if key != ",".join(map(str, actions)):
            return key
        return ", ".join(str(d.choices[action]) for d, action in zip(self.space.decisions, actions, strict=True))


def gather_table(path: pathlib.Path, space: SearchSpace) -> TableFacts:
    """Reads and measures the table in folder `path`.

    Raises:
        InvalidValueError: if it is of another space.
        DataError: if it is missing, damaged, or holds no accuracies.
    """
    table = read_table(path)
    fix = "Name the space that the table was made for."
    check_same(path, repr(space), space=({"fingerprint": table.space}, space), fix=fix)
    measured = table_statistics.measure(space, table.trials)
    valid, test = table_statistics.summarize(measured.valid), table_statistics.summarize(measured.test)
    return TableFacts(
        space=space,
        table=table,
        measured=measured,
        valid=valid,
        test=test,
        best=[k for k in np.argsort(-valid.mean, kind="stable").tolist() if valid.count[k]],
        ranks=table_statistics.ranks(valid.mean),
        test_ranks=table_statistics.ranks(test.mean),
        effects=main_effects(space, measured),
        missing_keys=len(set(measured.keys) - {trial.key for trial in table.trials}),
    )
