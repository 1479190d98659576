"""Mutation: encodings with one decision changed.

Legend: `N` encodings, `T` decisions.
"""

from collections.abc import Sequence

import numpy as np


def mutate(encodings: np.ndarray, num_choices: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Encodings that differ from the given ones in one decision, chosen evenly, as is its new choice.

    Args:
        encodings: int [N, T].
        num_choices: of each decision, [T].
        rng: draws decisions and choices.

    Returns:
        int [N, T], a copy; the same encodings where no decision has a choice.
    """
    mutated = np.array(encodings)
    sizes = np.asarray(num_choices)
    mutable = np.flatnonzero(sizes > 1)
    if len(mutable) and len(mutated):
        t = mutable[rng.integers(len(mutable), size=len(mutated))]
        rows = np.arange(len(mutated))
        choices = rng.integers(sizes[t] - 1)  # of the others: those after the present one move up by one
        mutated[rows, t] = choices + (choices >= mutated[rows, t])
    return mutated
