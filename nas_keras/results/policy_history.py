"""The policies of a run: the probability of each choice at each decision, batch by batch.

A run stores only its newest policies. To recover the others, a new strategy with the same settings and seed observes D
again and thereby passes through the same policies; they are the same if the strategy proposes the encodings of D. On
another processor, rounding may change a few samples. If more encodings differ, as after a change of version, the
proposals in D are counted instead.

Legend: `P` policies, `T` decisions, `N` choices of a decision.
"""

from typing import NamedTuple

import numpy as np

from nas_keras.errors import InvalidValueError
from nas_keras.results.runs import Run
from nas_keras.strategies import Strategy, make_strategy

_MOST_POLICIES = 200  # as many as a plot can show
_MOST_ENCODINGS = 20_000  # of a space whose marginals are exact: sums of the probabilities of all encodings
_SAMPLES = 4_096  # drawn from the policy on larger spaces
_SAME = 0.9  # fraction of equal encodings that shows equal policies; after a change of version hardly any are equal
_WINDOW = 8  # number of batches whose proposals are counted


class History(NamedTuple):
    """The policies over a search.

    Attributes:
        num_told: number of batches that each policy has observed, or up to which proposals are counted, [P].
        probabilities: for each decision, float [P, N] whose rows sum to 1.
        same: fraction of the encodings of D that were proposed again, if the probabilities are those of the policy;
            None if they are frequencies among the latest proposals.
    """

    num_told: np.ndarray
    probabilities: list[np.ndarray]
    same: float | None


def trace_policy(run: Run) -> History:
    """Returns the probability of each choice at each decision over a run."""
    return _replay(run) or _count(run)


def _replay(run: Run) -> History | None:
    """Replays D with a new strategy; None if its proposals differ from D or it has no controller."""
    fixed = run.fixed
    try:
        strategy = make_strategy(run.strategy, run.space, options=fixed["strategy"]["config"], seed=fixed["seed"])
    except InvalidValueError:  # a strategy of another version or a class of the user's
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

    # The budget may have truncated the last batch; only the encodings of complete batches are compared.
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
    """Returns the probabilities of the choices at each decision, [N] each."""
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
    """Returns the frequencies of the choices among the proposals of the latest batches."""
    ends = np.unique(np.linspace(1, len(run.batches), min(len(run.batches), _MOST_POLICIES)).astype(int))
    marginals = []
    for end in ends:
        actions = np.array([trial.actions for batch in run.batches[max(0, end - _WINDOW) : end] for trial in batch])
        columns = zip(actions.T, run.space.num_choices, strict=True)
        marginals.append([np.bincount(column, minlength=n) / len(actions) for column, n in columns])
    return History(ends, [np.array(rows) for rows in zip(*marginals, strict=True)], None)
