"""How much each decision matters for good rewards, and which of its choices did best.

The importance is that of PED-ANOVA (Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
Importance in Arbitrary Subspaces", IJCAI 2023). With p the distribution of a decision's choices among all trials and p*
that among the best of them, it is the Pearson divergence

    v = E_{c ~ p} [(p*(c) / p(c) - 1)^2]

divided by the sum over decisions. Trials need not be a fair sample of the space, so that a search can be asked as well
as a whole table. Interactions are not seen: a decision counts for what it does alone.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from nas_keras.spaces.search_space import SearchSpace

BEST_SHARE = 0.1  # of the trials are the best
FEWEST = 20  # trials; fewer say nothing


class Importance(NamedTuple):
    """The importance of one decision.

    Attributes:
        decision: its name.
        share: its share of the importance of all decisions; the shares sum to 1.
        choice: the choice whose trials had the highest mean reward.
        mean: that mean.
        rest: the mean of all other trials; NaN if there are none.
    """

    decision: str
    share: float
    choice: str
    mean: float
    rest: float


def importances(space: SearchSpace, actions: Any, rewards: Any) -> list[Importance]:
    """Computes the importance of each decision, the largest first; empty for fewer than 20 trials or equal rewards.

    Args:
        space: the space.
        actions: encodings of trials that succeeded, [N, T].
        rewards: their rewards, [N].
    """
    encodings, values = np.asarray(actions, int), np.asarray(rewards, float)
    if len(values) < FEWEST or values.min() == values.max():
        return []
    best = values >= np.sort(values)[-max(2, math.ceil(BEST_SHARE * len(values)))]
    found = []
    for column, decision in zip(encodings.T, space.decisions, strict=True):
        counts, of_best = (np.bincount(some, minlength=len(decision.choices)) for some in (column, column[best]))
        tried = counts > 0
        p, p_best = counts[tried] / counts.sum(), of_best[tried] / of_best.sum()
        divergence = float(np.sum(p * (p_best / p - 1) ** 2))
        means = np.full(len(counts), -math.inf)
        means[tried] = np.bincount(column, values, len(counts))[tried] / counts[tried]
        top = int(means.argmax())
        others = values[column != top]
        rest = float(others.mean()) if len(others) else math.nan
        found.append(Importance(decision.name, divergence, str(decision.choices[top]), float(means[top]), rest))
    total = sum(one.share for one in found) or 1.0
    return sorted((one._replace(share=one.share / total) for one in found), key=lambda one: -one.share)
