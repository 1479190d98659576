"""The policies of a search over time: the probability of each choice at each decision, batch by batch.

A run stores only its latest policy. Replaying its D to a new strategy of the same settings and seed goes through the
same policies again; they are the same if the strategy proposes the encodings in D. A different processor rounds
differently, so a sample may differ now and then. If more samples differ, as with another version of the strategy, the
history consists of the shares of the choices among the latest proposals instead.

Legend: `P` policies, `T` decisions, `N` choices of a decision.
"""

from typing import Any, NamedTuple

import numpy as np

from nas_keras.errors import InvalidValueError
from nas_keras.results.loaded_run import Run
from nas_keras.strategies import make_strategy

_MAX_POLICIES = 200  # a picture cannot show more
_MAX_ENCODINGS = 20_000  # in spaces up to this size, marginals are exact: sums over all encodings
_NUM_SAMPLES = 4_096  # sampled in larger spaces
_MIN_REPRODUCED = 0.9  # share of the encodings; another version reproduces hardly any
_WINDOW = 8  # batches over which proposals are counted


class History(NamedTuple):
    """Policies over a search.

    Attributes:
        num_told: number of batches that each policy had been told, or up to which proposals are counted, [P].
        probabilities: for each decision, the probabilities of its choices, float [P, N]; each row sums to 1.
        reproduced: share of the encodings in D that the replay proposed again, if the probabilities are those of its
            policies; None if they are shares of the latest proposals.
    """

    num_told: np.ndarray
    probabilities: list[np.ndarray]
    reproduced: float | None


def trace_policy(run: Run) -> History:
    """Traces the probability of each choice at each decision over a run."""
    return _replay(run) or _count(run)


def _replay(run: Run) -> History | None:
    """Replays D to a new strategy; None if it proposes other encodings, or has no controller."""
    fixed = run.fixed
    try:
        strategy = make_strategy(run.strategy, run.space, options=fixed["strategy"]["config"], seed=fixed["seed"])
    except InvalidValueError:  # the run used another version, or a class of the user's
        return None
    if not hasattr(strategy, "controller"):
        return None
    interval = -(-(len(run.batches) + 1) // _MAX_POLICIES)
    told, marginals = [0], [_marginals(strategy)]

    def tell() -> None:
        strategy.tell(run.batches[strategy.num_told])
        if strategy.num_told % interval == 0 or strategy.num_told == len(run.batches):
            told.append(strategy.num_told)
            marginals.append(_marginals(strategy))

    # The budget may have truncated the last batch, so only full batches are compared.
    total = sum(size for size in map(len, run.batches) if size >= fixed["batch_size"])
    num_different = 0
    for batch in run.batches:
        while strategy.num_told < batch[0].policy_version:
            tell()
        proposed = [tuple(row) for row in strategy.ask(len(batch)).actions.tolist()]
        if len(batch) >= fixed["batch_size"]:
            num_different += sum(encoding != trial.actions for encoding, trial in zip(proposed, batch, strict=False))
        if num_different > (1 - _MIN_REPRODUCED) * total:
            return None
    while strategy.num_told < len(run.batches):
        tell()
    reproduced = 1 - num_different / total if total else 1.0
    return History(np.array(told), [np.array(rows) for rows in zip(*marginals, strict=True)], reproduced)


def _marginals(strategy: Any) -> list[np.ndarray]:
    """The probability of each choice of each decision under the current policy, [N] for each decision."""
    space = strategy.space
    if space.size <= _MAX_ENCODINGS:
        actions = np.array(list(np.ndindex(*space.num_choices)), np.int32)
        weights = np.exp(strategy.controller.log_probs(actions).numpy().sum(axis=1, dtype=np.float64))
    else:
        actions = strategy.controller.sample(_NUM_SAMPLES, np.zeros(2, np.int32))[0].numpy()
        weights = np.ones(len(actions))
    counts = [np.bincount(column, weights, n) for column, n in zip(actions.T, space.num_choices, strict=True)]
    return [count / count.sum() for count in counts]


def _count(run: Run) -> History:
    """The shares of the choices among the proposals of the latest batches."""
    ends = np.unique(np.linspace(1, len(run.batches), min(len(run.batches), _MAX_POLICIES)).astype(int))
    marginals = []
    for end in ends:
        actions = np.array([trial.actions for batch in run.batches[max(0, end - _WINDOW) : end] for trial in batch])
        columns = zip(actions.T, run.space.num_choices, strict=True)
        marginals.append([np.bincount(column, minlength=n) / len(actions) for column, n in columns])
    return History(ends, [np.array(rows) for rows in zip(*marginals, strict=True)], None)
