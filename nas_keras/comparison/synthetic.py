"""Synthetic tables of rewards, by name, on which strategies are compared and tuned at no cost.

A name is `<family>-<shape>-<instance>`, such as `pairwise-8x3-0`; it gives the same table on every machine.

Families, each with effects drawn from a standard normal distribution:

    additive  every choice has an effect of its own
    pairwise  half of the variance is additive, the other half comes from pairs of choices, over every pair of
              decisions
    noisy     a pairwise table plus a fixed draw of noise for each encoding, with 0.3 of the table's standard deviation,
              as if each network had been trained once
    accuracy  1 - exp(-2.5 - 0.6 z) for a pairwise table z: dense at the top with a long tail, as accuracies are
    rugged    the effect of every decision depends on two other decisions: an NK landscape with K = 2 (Kauffman & Levin
              1987), which has many local optima

Shapes: `2x8` has two decisions of 8 choices (64 encodings); likewise `6x5` (15,625) and `8x3` (6,561). `10xmixed` has
    ten decisions of 2 to 5 choices (34,560). Decisions of `2x40` (1,600), `3xwide` (600) and `4xwide` (14,400) have
    more choices than a batch has encodings. The shapes `large2` and `large3` are the large spaces of two and three
    nodes (129 and 2,000 keys) and have families of their own, `effects` and `network`; see `synthetic_cells.py`.

Legend: `T` decisions; a table is an array of rewards with an axis for each decision.
"""

import functools
import itertools
import re
import zlib
from collections.abc import Sequence

import numpy as np

from nas_keras.comparison import synthetic_cells
from nas_keras.comparison.synthetic_cells import standardize
from nas_keras.errors import InvalidValueError, check_choice
from nas_keras.spaces.search_space import Decision, SearchSpace

FAMILIES = ("additive", "pairwise", "noisy", "accuracy", "rugged")
SHAPES = {
    "2x8": (8,) * 2,
    "6x5": (5,) * 6,
    "8x3": (3,) * 8,
    "10xmixed": (2, 3, 4, 2, 5, 3, 2, 4, 3, 2),
    "2x40": (40,) * 2,
    "3xwide": (2, 60, 5),
    "4xwide": (30, 4, 20, 6),
}
ALLOWED = (
    f"families: {', '.join(FAMILIES)}, with the shapes {', '.join(SHAPES)}; and, of cells, "
    f"{', '.join(synthetic_cells.FAMILIES)}, with {' and '.join(synthetic_cells.SHAPES)}"
)
_NUM_INSTANCES = 2**31
_NAME = re.compile(r"(\w+)-(\w+)-(\d+)")
_NOISE = 0.3  # of the table's standard deviation


def make_synthetic(name: str) -> tuple[SearchSpace, np.ndarray]:
    """Makes a synthetic table.

    Args:
        name: `<family>-<shape>-<instance>`.

    Returns:
        The space, whose encodings decode to themselves or to cells, and float32 rewards with an axis for each decision.
        Except for accuracies and cells, rewards have mean 0 and standard deviation 1.

    Raises:
        InvalidValueError: if there is no table of that name.
    """
    match = _NAME.fullmatch(name)
    if not match or int(match[3]) >= _NUM_INSTANCES:
        raise InvalidValueError(
            f"{name!r} is not a synthetic table. Names are <family>-<shape>-<number>, such as pairwise-8x3-0; "
            f"{ALLOWED}; numbers from 0."
        )
    family, shape, instance = match.groups()
    check_choice("family", family, (*FAMILIES, *synthetic_cells.FAMILIES))
    check_choice("shape", shape, SHAPES if family in FAMILIES else synthetic_cells.SHAPES)
    # A CRC of the name, since Python's own hash differs between processes.
    rng = np.random.default_rng([zlib.crc32(f"{family}-{shape}".encode()), int(instance)])
    if family in synthetic_cells.FAMILIES:
        space, rewards = synthetic_cells.make_cells(family, synthetic_cells.SHAPES[shape], rng)
        return space, rewards.astype(np.float32)
    sizes = SHAPES[shape]
    return grid(f"synthetic {shape}", sizes), _TABLES[family](sizes, rng).astype(np.float32)


def grid(name: str, sizes: Sequence[int]) -> SearchSpace:
    """A space in which decision i has the choices 0 to sizes[i] - 1, so that an encoding decodes to itself."""
    return SearchSpace(name, [Decision(f"d{i}", tuple(range(size))) for i, size in enumerate(sizes)])


def _additive(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return standardize(functools.reduce(np.add, [_effects(sizes, (t,), rng) for t in range(len(sizes))]))


def _pairwise(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    pairs = itertools.combinations(range(len(sizes)), 2)
    interactions = standardize(functools.reduce(np.add, [_effects(sizes, pair, rng) for pair in pairs]))
    return standardize(_additive(sizes, rng) + interactions)


def _noisy(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return standardize(_pairwise(sizes, rng) + _NOISE * rng.normal(size=sizes))


def _accuracy(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return 1 - np.minimum(np.exp(-2.5 - 0.6 * _pairwise(sizes, rng)), 1)


def _rugged(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    decisions = range(len(sizes))
    table = np.zeros(sizes)
    for t in decisions:
        others = [other for other in decisions if other != t]
        chosen = rng.choice(others, size=min(2, len(others)), replace=False).tolist()
        table += _effects(sizes, sorted([t, *chosen]), rng)
    return standardize(table)


def _effects(sizes: Sequence[int], axes: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Standard normal numbers over some axes of a table, constant along the others."""
    return rng.normal(size=[size if t in axes else 1 for t, size in enumerate(sizes)])


_TABLES = {
    "additive": _additive,
    "pairwise": _pairwise,
    "noisy": _noisy,
    "accuracy": _accuracy,
    "rugged": _rugged,
}
