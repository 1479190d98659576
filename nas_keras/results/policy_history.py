"""What a search's policy learned: the probability of each choice at each decision, batch by batch.

A run keeps no policies but the newest. Its D can be told again to a new strategy of the same settings and seed, which
then goes through the same policies; that it proposes what stands in D shows that they are the same. Another processor
rounds differently, and a draw may fall on the other side of a bound once in a while. Where more differs, as after a
change of version, what was proposed is counted instead.

Legend: `P` policies, `T` decisions, `N` choices of a decision.
"""

from typing import NamedTuple

import numpy as np

from nas_keras.errors import InvalidValueError
from nas_keras.results.runs import Run
from nas_keras.strategies import Strategy, make_strategy

_MOST_POLICIES = 200  # a picture shows no more
_MOST_ENCODINGS = 20_000  # up to which marginals are exact: the policy's probability of every encoding, added up
_SAMPLES = 4_096  # drawn beyond that
_SAME = 0.9  # of the encodings, to be taken for the same policies: by another version hardly any are the same
_WINDOW = 8  # batches over which proposals are counted


class History(NamedTuple):
    """Policies over a search.

    Attributes:
        num_told: batches that each policy had been told, or up to which proposals are counted, [P].
        probabilities: of each decision, float [P, N], rows of sum 1.
        same: share of the encodings of D that were proposed again, where the probabilities are the policy's own; None
            where they are shares of the latest proposals.
    """

    num_told: np.ndarray
    probabilities: list[np.ndarray]
    same: float | None


def trace_policy(run: Run) -> History:
    """The probability of each choice at each decision, over a run."""
    return _replay(run) or _count(run)


def _replay(run: Run) -> History | None:
    """Tells D to a new strategy; None if that is not what the run did, or the strategy has no controller."""
    fixed = run.fixed
    try:
        strategy = make_strategy(run.strategy, run.space, options=fixed["strategy"]["config"], seed=fixed["seed"])
    except InvalidValueError:  # of another version, or a class of the user's
        return None
    if not hasattr(strategy, "controller"):
        return None
    every = -(-(len(run.batches) + 1) // _MOST_POLICIES)
    told, marginals = [0], [_marginals(strategy)]

    def tell() -> None:
        strategy.tell(run.batches[strategy.num_told])
        if strategy.num_told % every == 0 or strategy.num_told == len(run.batches):
            told.append(strategy.num_told)
            marginals.append(_marginals(strategy))

    # A budget may have cut the last batch: of those that are whole every encoding counts.
    total = sum(size for size in map(len, run.batches) if size >= fixed["batch_size"])
    others = 0
    for batch in run.batches:
        while strategy.num_told < batch[0].policy_version:
            tell()
        proposed = [tuple(row) for row in strategy.ask(len(batch)).actions.tolist()]
        if len(batch) >= fixed["batch_size"]:
            others += sum(encoding != trial.actions for encoding, trial in zip(proposed, batch, strict=False))
        if others > (1 - _SAME) * total:
            return None
    while strategy.num_told < len(run.batches):
        tell()
    same = 1 - others / total if total else 1.0
    return History(np.array(told), [np.array(rows) for rows in zip(*marginals, strict=True)], same)


def _marginals(strategy: Strategy) -> list[np.ndarray]:
    """[N] for each decision."""
    space = strategy.space
    if space.size <= _MOST_ENCODINGS:
        actions = np.array(list(np.ndindex(*space.num_choices)), np.int32)
        weights = np.exp(strategy.controller.log_probs(actions).numpy().sum(axis=1, dtype=np.float64))
    else:
        actions = strategy.controller.sample(_SAMPLES, np.zeros(2, np.int32))[0].numpy()
        weights = np.ones(len(actions))
    counts = [np.bincount(column, weights, n) for column, n in zip(actions.T, space.num_choices, strict=True)]
    return [count / count.sum() for count in counts]


def _count(run: Run) -> History:
    """Shares of the choices among the proposals of the latest batches."""
    ends = np.unique(np.linspace(1, len(run.batches), min(len(run.batches), _MOST_POLICIES)).astype(int))
    marginals = []
    for end in ends:
        actions = np.array([trial.actions for batch in run.batches[max(0, end - _WINDOW) : end] for trial in batch])
        columns = zip(actions.T, run.space.num_choices, strict=True)
        marginals.append([np.bincount(column, minlength=n) / len(actions) for column, n in columns])
    return History(ends, [np.array(rows) for rows in zip(*marginals, strict=True)], None)
