"""Mutation: encodings with one decision changed.

Legend: `N` encodings, `T` decisions.
"""

from collections.abc import Sequence

import numpy as np


def mutate(encodings: np.ndarray, num_choices: Sequence[int] | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes one uniformly random decision of each encoding to a uniformly random other choice.

    Args:
        encodings: int [N, T].
        num_choices: number of choices of each decision, [T].
        rng: random generator.

    Returns:
        The mutated encodings, a copy, int [N, T]. They are unchanged if no decision has more than one choice.
    """
    mutated = np.array(encodings)
    sizes = np.asarray(num_choices)
    mutable = np.flatnonzero(sizes > 1)
    if len(mutable) and len(mutated):
        t = mutable[rng.integers(len(mutable), size=len(mutated))]
        rows = np.arange(len(mutated))
        choices = rng.integers(sizes[t] - 1)  # among the others: those from the current choice on move up by one
        mutated[rows, t] = choices + (choices >= mutated[rows, t])
    return mutated
