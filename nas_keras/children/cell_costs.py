"""The size of a cell's child without building it, so that thousands of proposals are judged in a second.

Each stage has the same cells, and an operation costs the same wherever it is in a cell. So the cost of a child is
that of the child of `identity`, plus what each operation adds, plus what the concatenation of k loose ends adds. Each
of these is found once, by building the child that has nothing else.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from nas_keras.children.flops import count_flops
from nas_keras.spaces.cell import CONCAT, IDENTITY, Cell, Tree


class Cost(NamedTuple):
    """The cost of a child.

    Attributes:
        num_params: number of parameters.
        flops: see `children/flops.py`.
    """

    num_params: int
    flops: float


class CellCosts:
    """The costs of the children of cells.

    Args:
        build: function that builds the child of a cell, such as `build_child` with its other arguments.
    """

    def __init__(self, build: Callable[[Cell], Any]):
        self._build = build
        self._known: dict[Cell, Cost] = {}

    def of(self, cell: Cell) -> Cost:
        """Returns the cost of the child of `cell`, equal to that of the model itself."""
        frame = self._measure(Cell.chain(IDENTITY))
        parts = [Cell.chain(operation) for operation in _operations(cell.trees)]
        if cell.num_loose_ends > 1 and cell.combine == CONCAT:
            parts.append(Cell(((0, IDENTITY),) * cell.num_loose_ends, CONCAT))
        added = [self._measure(part) for part in parts]
        return Cost(
            frame.num_params + sum(cost.num_params - frame.num_params for cost in added),
            frame.flops + sum(cost.flops - frame.flops for cost in added),
        )

    def _measure(self, cell: Cell) -> Cost:
        """Builds a child, unless it was built before."""
        if cell not in self._known:
            model = self._build(cell)
            self._known[cell] = Cost(model.count_params(), count_flops(model))
        return self._known[cell]


def _operations(trees: Iterable[Tree]) -> list[str]:
    """Returns the operations of trees, each as often as it occurs."""
    return [name for tree in trees for name in (tree.operation, *_operations(tree.readers))]
