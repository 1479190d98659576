"""Cells grown node by node: the candidates of `progressive/progressive.py` in a large space.

Liu et al. 2018, https://arxiv.org/abs/1712.00559, Algorithm 1. Cells of b nodes stand in a level of their own and are
proposed when it is their turn. A shorter cell is written in the space of n nodes by identities before its first node,
which contract away (`Cell`); `space.encode` would look for the first encoding of that meaning, for seconds in
`large(8)`.

Legend: `n` nodes of the space, `b` of a cell, `A` operations, `N`, `M` cells, `F` features. `nodes` is `op_1, input_2,
op_2, ..., op_b`, [2b - 1]: an encoding of `spaces.large(b)` but for its last decision, the combiner.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from nas_keras.spaces.cell import ADD, COMBINERS, IDENTITY, Cell, Tree
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.base import State
from nas_keras.strategies.progressive.candidates import Predict, Told, take_best

Nodes = tuple[int, ...]


class _Level:
    """Cells of b nodes, in the order found.

    Attributes:
        nodes: of each.
        new: for each, the keys that it was the first to have: none, one, or one for each combiner.
        encodings: key -> encoding [T] in the space of n nodes, for all new keys.
        expanded: the indices of those that were given a further node.
    """

    def __init__(self):
        self.nodes: list[Nodes] = []
        self.new: list[list[str]] = []
        self.encodings: dict[str, Actions] = {}
        self.expanded: set[int] = set()
        self._features: list[np.ndarray] = []
        self._stacked = np.zeros((0, 0))

    def add(self, key: str, encoding: Actions, features: np.ndarray) -> None:
        """Adds a new key of the latest nodes."""
        self.new[-1].append(key)
        self.encodings[key] = encoding
        self._features.append(features)

    @property
    def features(self) -> np.ndarray:
        """Of all new keys, [N, F]."""
        if len(self._stacked) < len(self._features):
            self._stacked = np.array(self._features)
        return self._stacked


class CellGrowth:
    """Cells of a large space, as `Candidates`.

    All cells of one node come first, then K of each further number of nodes, and in the end the best predicted of all
    that were found, of any number. Once those are used up more cells are expanded, K at a time, until every key of the
    space has been found.

    Args:
        space: one for which `count_nodes` gives a number.
        num_nodes: n.
        beam: K.
    """

    def __init__(self, space: SearchSpace, num_nodes: int, *, beam: int):
        self._space, self._num_nodes, self._beam = space, num_nodes, beam
        self._operations = space.decisions[0].choices
        self._begin()

    def _begin(self) -> None:
        self._levels = [_Level() for _ in range(self._num_nodes)]
        self._known: set[str] = set()
        self._expansions: list[tuple[int, int]] = []  # (level, index in it), in the order made
        self._turn = 0  # the level whose turn it is
        for operation in range(len(self._operations)):
            self._add((operation,))

    @property
    def metrics(self) -> Mapping[str, float]:
        """The number of nodes whose turn it is."""
        return {"nodes": self._turn + 1}

    def describe(self, actions: Actions) -> np.ndarray:
        """See `Candidates`."""
        return cell_features(self._space.decode(actions), self._operations)

    def share(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """See `Candidates`. Features are whole numbers, so that the sums are exact in any order."""
        return features @ others.T

    def choose(
        self, n: int, told: Mapping[str, Told], taken: Collection[str], predict: Predict, rng: np.random.Generator
    ) -> list[tuple[str, Actions]]:
        """See `Candidates`."""
        while self._turn < self._num_nodes - 1:
            level = self._levels[self._turn]
            quota = len(level.encodings) if self._turn == 0 else min(self._beam, len(level.encodings))
            missing = quota - sum(key in taken for key in level.encodings)
            if missing > 0:
                return _choose([level], min(n, missing), taken, predict, rng)
            self._expand(self._turn, told, predict)
            self._turn += 1
        while not (chosen := _choose(self._levels, n, taken, predict, rng)):
            # The largest that can still grow come first: they are one node away from what is sought.
            if not any(self._expand(index, told, predict) for index in reversed(range(self._num_nodes - 1))):
                break
        return chosen

    def _expand(self, index: int, told: Mapping[str, Told], predict: Predict) -> bool:
        """Gives every possible further node to the K best cells of a level that have none yet; False if all have.

        First those told, by reward, then the others, as predicted, then failures. Last come those that are a smaller
        cell, or one found before, written in another way: something new may grow out of them all the same.
        """
        level = self._levels[index]
        predicted = dict(zip(level.encodings, predict(level.features).tolist(), strict=True)) if level.encodings else {}

        def rank(key: str) -> tuple[int, float]:
            if key not in told:
                return 1, -predicted[key]
            reward = told[key].reward
            return (2, 0.0) if np.isnan(reward) else (0, -reward)

        waiting = [i for i in range(len(level.nodes)) if i not in level.expanded]
        waiting.sort(key=lambda i: min(map(rank, level.new[i]), default=(3, 0.0)))
        for i in waiting[: self._beam]:
            self._grow(index, i)
        return bool(waiting)

    def _grow(self, index: int, i: int) -> None:
        self._expansions.append((index, i))
        level = self._levels[index]
        level.expanded.add(i)
        for source in range(index + 2):  # the cell's input, or one of the index + 1 nodes
            for operation in range(len(self._operations)):
                self._add((*level.nodes[i], source, operation))

    def _add(self, nodes: Nodes) -> None:
        level = self._levels[len(nodes) // 2]
        level.nodes.append(nodes)
        level.new.append([])
        sources = (0, *nodes[1::2])
        cell = Cell(tuple((source, self._operations[op]) for source, op in zip(sources, nodes[::2], strict=True)))
        if cell.key in self._known:
            return  # and so is the sum, which was found with it
        for combined in [cell] if cell.num_loose_ends == 1 else [cell, Cell(cell.nodes, ADD)]:
            self._known.add(combined.key)
            encoding = self._write(nodes, combined.combine)
            level.add(combined.key, encoding, cell_features(combined, self._operations))

    def _write(self, nodes: Nodes, combine: str) -> Actions:
        """The encoding [T] in the space of n nodes: what read the cell's input reads the last of the identities."""
        missing = self._num_nodes - (len(nodes) + 1) // 2
        sources = (*range(missing + 1), *(source + missing for source in nodes[1::2]))  # [n]
        operations = (*[self._operations.index(IDENTITY)] * missing, *nodes[::2])  # [n]
        flat = [value for pair in zip(sources, operations, strict=True) for value in pair]
        return (*flat[1:], COMBINERS.index(combine))

    def state(self) -> State:
        """See `Candidates`: what grew out of what, in order, from which all else follows."""
        return {"turn": self._turn, "expansions": np.array(self._expansions, np.int32).reshape(-1, 2)}

    def restore(self, state: State) -> None:
        """See `Candidates`."""
        self._begin()
        for index, i in np.asarray(state["expansions"]).tolist():
            self._grow(index, i)
        self._turn = int(state["turn"])


def _choose(levels, n: int, taken, predict: Predict, rng: np.random.Generator) -> list[tuple[str, Actions]]:
    keys, encodings, features = [], [], []
    for level in levels:
        free = [(i, *item) for i, item in enumerate(level.encodings.items()) if item[0] not in taken]
        if free:
            indices, new_keys, new_encodings = zip(*free, strict=True)
            keys += new_keys
            encodings += new_encodings
            features.append(level.features[list(indices)])
    if not keys:
        return []
    return [(keys[i], encodings[i]) for i in take_best(n, predict(np.concatenate(features)), rng)]


def count_nodes(space: SearchSpace) -> int | None:
    """The n of a large space in which a shorter cell can be written; None for every other space.

    It is known by its decisions, which a user may have written too: nothing else is told to a strategy.
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


def cell_features(cell: Cell, operations: Sequence[str]) -> np.ndarray:
    """What the canonical form of a cell is made of: equal keys have equal features.

    Returns:
        Whole numbers as float64 [F], F = A + (A + 1) A + 3: how often each operation stands in it; how often each
        reads the cell's input or each operation; the longest path; the loose ends; 1 if more than one are added.
    """
    index = {name: i for i, name in enumerate(operations)}
    single = np.zeros(len(operations))
    pairs = np.zeros((len(operations) + 1, len(operations)))  # [read, reader]; the last row is the cell's input

    def count(trees: Sequence[Tree], read: int) -> int:
        """Counts what reads a tensor; returns the longest path from it."""
        for tree in trees:
            single[index[tree.operation]] += 1
            pairs[read, index[tree.operation]] += 1
        return max((1 + count(tree.readers, index[tree.operation]) for tree in trees), default=0)

    depth = count(cell.trees, len(operations))
    is_sum = cell.num_loose_ends > 1 and cell.combine == ADD
    return np.concatenate([single, pairs.ravel(), [depth, cell.num_loose_ends, is_sum]])
