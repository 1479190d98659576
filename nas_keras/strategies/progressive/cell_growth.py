"""Candidates of progressive search in a large space: cells that grow node by node.

Liu et al. 2018, https://arxiv.org/abs/1712.00559, Algorithm 1. Cells of b nodes form a level, and levels take turns. A
cell of fewer than n nodes is written in the space of n nodes with identities before its first node, which contract away
(`spaces/cell.py`). `space.encode` would find an encoding too, but takes seconds in `large(8)`.

Legend: `n` nodes of the space, `b` nodes of a cell, `K` beam, `T` decisions, `N`, `M` cells, `F` features. `nodes` is
`op_1, input_2, op_2, ..., op_b`, [2b - 1]: an encoding of `spaces.large(b)` without its last decision, the combiner.
"""

from collections.abc import Collection, Mapping

import numpy as np

from nas_keras.spaces.cell import ADD, COMBINERS, IDENTITY, Cell
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.strategies.base import State
from nas_keras.strategies.predictors.features import cell_features
from nas_keras.strategies.progressive.candidates import Candidates, Observed, Predict, take_best

Nodes = tuple[int, ...]


class _Level:
    """The cells of b nodes, in the order found.

    Attributes:
        nodes: nodes of each cell.
        new: for each cell, the keys that no earlier cell has: none, one, or one for each combiner.
        encodings: new key -> its encoding [T] in the space of n nodes.
        expanded: indices of the cells that have been given a further node.
    """

    def __init__(self):
        self.nodes: list[Nodes] = []
        self.new: list[list[str]] = []
        self.encodings: dict[str, Actions] = {}
        self.expanded: set[int] = set()
        self._features: list[np.ndarray] = []
        self._stacked = np.zeros((0, 0))

    def add(self, key: str, encoding: Actions, features: np.ndarray) -> None:
        """Adds a new key of the cell that was found last."""
        self.new[-1].append(key)
        self.encodings[key] = encoding
        self._features.append(features)

    @property
    def features(self) -> np.ndarray:
        """Features of all new keys, [N, F]."""
        if len(self._stacked) < len(self._features):
            self._stacked = np.array(self._features)
        return self._stacked


class CellGrowth(Candidates):
    """Candidates in a large space.

    All cells of one node come first, then K cells of each further number of nodes, and in the end the best predicted of
    all cells found, whatever their number of nodes. When those are used up, more cells are expanded, K at a time, until
    every key of the space has been found.

    Args:
        space: a space for which `count_nodes` returns a number.
        num_nodes: n.
        beam: K.
    """

    def __init__(self, space: SearchSpace, num_nodes: int, *, beam: int):
        self._space, self._num_nodes, self._beam = space, num_nodes, beam
        self._operations = space.decisions[0].choices
        self._begin()

    def _begin(self) -> None:
        self._levels = [_Level() for _ in range(self._num_nodes)]
        self._found: set[str] = set()
        self._expansions: list[tuple[int, int]] = []  # (level, index in it), in the order made
        self._turn = 0  # index of the level whose turn it is
        for operation in range(len(self._operations)):
            self._add((operation,))

    @property
    def metrics(self) -> Mapping[str, float]:
        """The number of nodes whose turn it is."""
        return {"nodes": self._turn + 1}

    def features(self, actions: Actions) -> np.ndarray:
        """See `Candidates`."""
        return cell_features(self._space.decode(actions), self._operations)

    def inner_products(self, features: np.ndarray, others: np.ndarray) -> np.ndarray:
        """See `Candidates`. Features are whole numbers, so the sums are exact in any order."""
        return features @ others.T

    def propose(
        self,
        n: int,
        observed: Mapping[str, Observed],
        known: Collection[str],
        predict: Predict,
        rng: np.random.Generator,
    ) -> list[tuple[str, Actions]]:
        """See `Candidates`."""
        while self._turn < self._num_nodes - 1:
            level = self._levels[self._turn]
            quota = len(level.encodings) if self._turn == 0 else min(self._beam, len(level.encodings))
            missing = quota - sum(key in known for key in level.encodings)
            if missing > 0:
                return _best_new([level], min(n, missing), known, predict, rng)
            self._expand(self._turn, observed, predict)
            self._turn += 1
        while not (best := _best_new(self._levels, n, known, predict, rng)):
            # The largest cells that can still grow come first, since they are one node away from the goal.
            if not any(self._expand(index, observed, predict) for index in reversed(range(self._num_nodes - 1))):
                break
        return best

    def _expand(self, index: int, observed: Mapping[str, Observed], predict: Predict) -> bool:
        """Gives every possible further node to the K best unexpanded cells of a level; False if there are none.

        Observed cells come first, by reward, then the others, by prediction, then failures. The last ones are cells
        without a new key, which are smaller cells or cells found before, written in another way. Something new may
        still grow out of them.
        """
        level = self._levels[index]
        predicted = dict(zip(level.encodings, predict(level.features).tolist(), strict=True)) if level.encodings else {}

        def rank(key: str) -> tuple[int, float]:
            if key not in observed:
                return 1, -predicted[key]
            reward = observed[key].reward
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
        if cell.key in self._found:
            return  # and the cell with the other combiner was found with it
        for combined in [cell] if cell.num_loose_ends == 1 else [cell, Cell(cell.nodes, ADD)]:
            self._found.add(combined.key)
            encoding = self._encode(nodes, combined.combine)
            level.add(combined.key, encoding, cell_features(combined, self._operations))

    def _encode(self, nodes: Nodes, combine: str) -> Actions:
        """Returns an encoding [T] in the space of n nodes; nodes that read the cell's input read the last identity."""
        missing = self._num_nodes - (len(nodes) + 1) // 2
        sources = (*range(missing + 1), *(source + missing for source in nodes[1::2]))  # [n]
        operations = (*[self._operations.index(IDENTITY)] * missing, *nodes[::2])  # [n]
        flat = [value for pair in zip(sources, operations, strict=True) for value in pair]
        return (*flat[1:], COMBINERS.index(combine))

    def state(self) -> State:
        """See `Candidates`. Everything follows from the expansions, in the order made."""
        return {"turn": self._turn, "expansions": np.array(self._expansions, np.int32).reshape(-1, 2)}

    def restore(self, state: State) -> None:
        """See `Candidates`."""
        self._begin()
        for index, i in np.asarray(state["expansions"]).tolist():
            self._grow(index, i)
        self._turn = int(state["turn"])


def _best_new(levels, n: int, known, predict: Predict, rng: np.random.Generator) -> list[tuple[str, Actions]]:
    """Returns the n best predicted keys of some levels that are not known, each with its encoding."""
    keys: list[str] = []
    encodings: list[Actions] = []
    features: list[np.ndarray] = []
    for level in levels:
        free = [(i, *item) for i, item in enumerate(level.encodings.items()) if item[0] not in known]
        if free:
            indices, new_keys, new_encodings = zip(*free, strict=True)
            keys += new_keys
            encodings += new_encodings
            features.append(level.features[list(indices)])
    if not keys:
        return []
    return [(keys[i], encodings[i]) for i in take_best(n, predict(np.concatenate(features)), rng)]
