"""Features phi(x) of an architecture, from which predictors estimate its reward.

A cell is described by counts over its canonical form, any other encoding by its decisions, one-hot.

Legend: `N`, `M` encodings, `T` decisions, `A` operations, `F` features.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras.spaces.cell import ADD, COMBINERS, IDENTITY, Cell, Tree
from nas_keras.spaces.search_space import SearchSpace


def count_equal(encodings: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Counts the decisions in which encodings agree: [N, T], [M, T] -> int32 [N, M].

    This is the inner product phi(x) . phi(y) of one-hot features. The features themselves are never built, since a
    space may have a thousand choices in each of a hundred decisions.
    """
    equal = np.zeros((len(encodings), len(others)), np.int32)
    for t in range(encodings.shape[1]):
        equal += encodings[:, t, None] == others[None, :, t]
    return equal


def cell_features(cell: Cell, operations: Sequence[str]) -> np.ndarray:
    """Counts the parts of a cell's canonical form, so that cells with equal keys have equal features.

    Args:
        cell: the cell.
        operations: names of the operations of its space, [A].

    Returns:
        Whole numbers, float64 [F] with F = A + (A + 1) A + 3: how often each operation occurs; how often each operation
        reads each operation's output or the cell's input; the length of the longest path; the number of loose ends;
        and 1 if several loose ends are added, else 0.
    """
    index = {name: i for i, name in enumerate(operations)}
    single = np.zeros(len(operations))
    pairs = np.zeros((len(operations) + 1, len(operations)))  # [read, reader]; the last row is the cell's input

    def count(trees: Sequence[Tree], read: int) -> int:
        """Counts the readers of a tensor and returns the length of the longest path from it."""
        for tree in trees:
            single[index[tree.operation]] += 1
            pairs[read, index[tree.operation]] += 1
        return max((1 + count(tree.readers, index[tree.operation]) for tree in trees), default=0)

    depth = count(cell.trees, len(operations))
    is_sum = cell.num_loose_ends > 1 and cell.combine == ADD
    return np.concatenate([single, pairs.ravel(), [depth, cell.num_loose_ends, is_sum]])


def graph_features(cell: Cell, operations: Sequence[str], num_nodes: int) -> np.ndarray:
    """Describes the graph of a cell by counts and categories, as a vector of unit length.

    In addition to `cell_features`: how often each operation is a loose end, and the length of the longest path and the
    number of loose ends as categories too, since accuracy need not grow with them. Simple counts of this kind predict
    accuracies of cells well (Kadlecova et al. 2024, GRAF, https://arxiv.org/abs/2404.16551). The length is 1 so that
    a Gaussian process knows equally little of all cells beforehand; otherwise it would seek large cells first.

    Args:
        cell: the cell.
        operations: names of the operations of its space, [A].
        num_nodes: number of nodes that a cell of its space has at most, n.

    Returns:
        float64 [F + A + 2 n], F as in `cell_features`.
    """
    counts = cell_features(cell, operations)
    ends = np.zeros(len(operations))
    trees = list(cell.trees)
    while trees:
        tree = trees.pop()
        trees += tree.readers
        ends[operations.index(tree.operation)] += not tree.readers
    depth, num_ends = counts[-3:-1].astype(int)
    features = np.concatenate([counts, ends, np.eye(num_nodes)[depth - 1], np.eye(num_nodes)[num_ends - 1]])
    return features / np.linalg.norm(features)


def count_nodes(space: SearchSpace) -> int | None:
    """Returns the number of nodes of a large space in which a shorter cell can be written; None for any other space.

    A large space is recognised by its decisions, since a strategy is given nothing else and a user may have written
    the same decisions.
    """
    operations = space.decisions[0].choices
    n = len(space.decisions) // 2
    decisions = [("op_1", operations)]
    for number in range(2, n + 1):
        decisions += [(f"input_{number}", tuple(range(number))), (f"op_{number}", operations)]
    decisions.append(("combine", COMBINERS))
    if [(decision.name, decision.choices) for decision in space.decisions] != decisions or IDENTITY not in operations:
        return None
    first = (0,) * len(space.decisions)
    cell = space.decode(first)
    return n if isinstance(cell, Cell) and cell.key == space.key(first) else None
