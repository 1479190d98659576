"""Synthetic rewards of cells: large spaces whose every reward is known without training anything.

Families, each with effects drawn from a standard normal distribution:

    effects  the sum of two parts of equal variance. The first adds an effect of each operation, raised by 0.5 because
             more operations tend to be better, and half an effect of combining by a sum. The second adds effects of
             pairs: an operation with what it reads, and two operations that read the same.
    network  the output of a small random network of the cell's form, with six numbers instead of an image, and a random
             matrix and tanh for each operation

A family gives z; the reward is -exp(-0.6 z), dense at the top with a long tail, plus a fixed draw of noise for each
key. The standard deviation of the noise is a tenth of the distance from the best to the median, about that of one short
training, so the order of the best is mostly chance. (In the shipped tables, noise is 0.07 points among the best of the
small space, and the best of the large one is 0.48 points above the median.)

Legend: `K` keys.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from nas_keras import spaces
from nas_keras.spaces.cell import ADD, IDENTITY, Cell, Tree
from nas_keras.spaces.operations import OPERATIONS
from nas_keras.spaces.search_space import SearchSpace

SHAPES = {f"large{n}": n for n in (2, 3)}  # nodes
_MEAN_EFFECT = 0.5  # of an operation
_NOISE = 0.1  # of the distance from the best to the median
_SIZE = 6  # units in each layer of a random network


def make_cells(family: str, num_nodes: int, rng: np.random.Generator) -> tuple[SearchSpace, np.ndarray]:
    """Makes a large space and its rewards.

    Args:
        family: a key of `FAMILIES`.
        num_nodes: number of nodes in a cell.
        rng: draws effects and noise.

    Returns:
        The space, and float64 rewards with an axis for each decision. Encodings of the same key have the same reward.
    """
    space = spaces.large(num_nodes)
    cells = {space.key(actions): space.decode(actions) for actions in space.enumerate(distinct=True)}
    z = standardize(FAMILIES[family](list(cells.values()), rng))  # [K]
    rewards = -np.exp(-0.6 * z)
    rewards += _NOISE * (rewards.max() - np.median(rewards)) * rng.normal(size=len(rewards))
    by_key = dict(zip(cells, rewards.tolist(), strict=True))
    values = [by_key[space.key(actions)] for actions in space.enumerate()]
    return space, np.array(values).reshape(space.num_choices)


def standardize(values: np.ndarray) -> np.ndarray:
    """Shifts and scales values of any shape to mean 0 and standard deviation 1."""
    return (values - values.mean()) / values.std()


def _effects(cells: Sequence[Cell], rng: np.random.Generator) -> np.ndarray:
    """Returns z [K] of the family `effects`."""
    single = dict(zip(OPERATIONS, rng.normal(_MEAN_EFFECT, size=len(OPERATIONS)), strict=True))
    is_sum = 0.5 * rng.normal()
    reads = {pair: rng.normal() for pair in itertools.product(("input", *OPERATIONS), OPERATIONS)}
    beside = {pair: rng.normal() for pair in itertools.combinations_with_replacement(sorted(OPERATIONS), 2)}

    def sum_of_pairs(read: str, readers: Sequence[Tree]) -> float:
        names = sorted(tree.operation for tree in readers)
        return (
            sum(reads[read, name] for name in names)
            + sum(beside[pair] for pair in itertools.combinations(names, 2))
            + sum(sum_of_pairs(tree.operation, tree.readers) for tree in readers)
        )

    singles = [sum(single[tree.operation] for tree in _walk(cell.trees)) + is_sum * _is_sum(cell) for cell in cells]
    pairs = [sum_of_pairs("input", cell.trees) for cell in cells]
    return standardize(np.array(singles)) + standardize(np.array(pairs))


def _network(cells: Sequence[Cell], rng: np.random.Generator) -> np.ndarray:
    """Returns z [K] of the family `network`."""
    matrices = {name: 1.5 * rng.normal(size=(_SIZE, _SIZE)) / np.sqrt(_SIZE) for name in OPERATIONS}
    image, linear, quadratic = rng.normal(size=(3, _SIZE))

    def loose_ends(tensor: np.ndarray, readers: Sequence[Tree]) -> list[np.ndarray]:
        ends: list[np.ndarray] = []
        for tree in readers:
            output = tensor if tree.operation == IDENTITY else np.tanh(matrices[tree.operation] @ tensor)
            ends += loose_ends(output, tree.readers) if tree.readers else [output]
        return ends

    def run(cell: Cell) -> float:
        ends = loose_ends(image, cell.trees)
        combined = np.sum(ends, axis=0) / np.sqrt(len(ends)) if _is_sum(cell) else np.mean(ends, axis=0)
        return float(linear @ np.tanh(combined) + 0.7 * (quadratic @ combined) ** 2)

    return np.array([run(cell) for cell in cells])


def _is_sum(cell: Cell) -> bool:
    """Returns whether the cell has several loose ends and adds them up."""
    return cell.num_loose_ends > 1 and cell.combine == ADD


def _walk(trees: Sequence[Tree]) -> Iterator[Tree]:
    for tree in trees:
        yield tree
        yield from _walk(tree.readers)


FAMILIES = {"effects": _effects, "network": _network}
