"""Sampling without replacement: samples of a policy that are new, with their exact probabilities.

Sampling from a policy p until the encoding is outside a set X is sampling from p(a) / (1 - p(X)). Decision by decision,

    p'(a_t | a_{<t}) = p(a_t | a_{<t}) (1 - q_t) / (1 - q_{t-1}),
    q_t = sum over the x in X that begin with a_1, ..., a_t of p(x) / p(a_{<=t}),

which is exact and at most 1, with q_0 = p(X) and q_T = 0. X grows by every encoding that is returned, and by every
encoding that turns out to have a known key.

Legend: `n` proposals, `B` samples, `X` excluded encodings, `T` decisions.
"""

from collections.abc import Callable, Container, Sequence

import numpy as np

from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.trial import Proposals

Sampler = Callable[[int], Proposals]  # B -> encodings int32 [B, T], log-probs float32 [B, T]

FIRST_ROUND, _LATER_ROUND = 32, 256  # samples in the first round and in each later one
_MIN_LEFT = 1e-6  # probability outside X; below it single precision has no digits left


def sample_without_replacement(
    n: int,
    sample: Sampler,
    known_log_probs: Callable[[], np.ndarray],
    *,
    space: SearchSpace,
    known: Sequence[Actions],
    keys: Sequence[Container[str]],
    rounds: int,
) -> Proposals:
    """Samples up to n encodings with new keys, one after the other.

    Args:
        n: number of encodings. Fewer are found if the policy has converged or nothing new is left.
        sample: samples of the policy, different ones at each call.
        known_log_probs: returns the log-probs of `known` under the same policy, [X, T]; called at most once, when
            something new is found.
        space: the space to search.
        known: X at the start, some of the known encodings.
        keys: all known keys. Another encoding with one of them joins X when it is sampled.
        rounds: largest number of calls of `sample`.

    Returns:
        At most n proposals, each with the log-probs of the distribution that it was sampled from.
    """
    excluded = _Excluded(known, known_log_probs)
    seen: set[str] = set()
    actions, log_probs = [], []
    for round_ in range(rounds if len(excluded) < space.size else 0):
        for encoding, row in zip(*_lists(sample(FIRST_ROUND if round_ == 0 else _LATER_ROUND)), strict=True):
            if encoding in excluded:
                continue
            key = space.key(encoding)
            if key not in seen and not any(key in known_keys for known_keys in keys):
                actions.append(encoding)
                log_probs.append(excluded.conditional(encoding, row))
            seen.add(key)
            excluded.add(encoding, row)
            if len(actions) == n:
                break
        if len(actions) == n or len(excluded) == space.size:
            break
    shape = len(actions), len(space.decisions)
    return Proposals(np.array(actions, np.int32).reshape(shape), np.array(log_probs, np.float32).reshape(shape))


def prepend_samples(first: Proposals, sample: Sampler) -> Sampler:
    """Returns a sampler whose first call returns `first`, of `FIRST_ROUND` samples, and which then calls `sample`."""
    waiting = [first]
    return lambda count: waiting.pop() if waiting else sample(count)


def latin_hypercube(n: int, space: SearchSpace, rng: np.random.Generator) -> Proposals:
    """Samples n encodings in which each decision's choices occur equally often, to within one.

    This is a Latin hypercube (McKay, Beckman & Conover 1979, https://doi.org/10.2307/1268522): each encoding by itself
    is uniform, and its log-probs are those of the uniform policy.
    """
    columns = [np.concatenate([rng.permutation(num) for _ in range(-(-n // num))])[:n] for num in space.num_choices]
    columns = [rng.permutation(column) for column in columns]  # so that the last, incomplete round is not at the end
    log_probs = -np.log(np.array(space.num_choices, np.float32))
    return Proposals(np.array(columns, np.int32).T, np.tile(log_probs, (n, 1)))


class _Excluded:
    """The set X, with the probability of each of its encodings.

    Args:
        encodings: initial members.
        log_probs: returns their log-probs, [X, T].
    """

    def __init__(self, encodings: Sequence[Actions], log_probs: Callable[[], np.ndarray]):
        self._encodings = set(encodings)
        self._rows = [np.array(encodings, np.int32)] if len(encodings) else []  # parts of X, [., T]
        self._probs: list[np.ndarray] = []  # probabilities of each part
        # Computed when the first new encoding is found, since often there is none.
        self._initial_probs = (lambda: _probs(log_probs())) if len(encodings) else None

    def __contains__(self, encoding: Actions) -> bool:
        return encoding in self._encodings

    def __len__(self) -> int:
        return len(self._encodings)

    def add(self, encoding: Actions, log_probs: np.ndarray) -> None:
        """Adds an encoding with log-probs [T]."""
        self._encodings.add(encoding)
        self._rows.append(np.array([encoding], np.int32))
        self._probs.append(_probs(log_probs[None]))

    def conditional(self, encoding: Actions, log_probs: np.ndarray) -> np.ndarray:
        """Returns the log-probs [T] of an encoding outside X, given that it is outside.

        Args:
            encoding: an encoding outside X.
            log_probs: its log-probs under the policy, [T].
        """
        if not self._rows:
            return log_probs
        if self._initial_probs:
            self._probs.insert(0, self._initial_probs())
            self._initial_probs = None
        agrees = np.logical_and.accumulate(np.concatenate(self._rows) == np.array(encoding), axis=1)  # [X, T]
        probs = np.concatenate(self._probs)  # [X]
        excluded = np.concatenate([[probs.sum()], probs @ agrees])  # p of X with the first 0, 1, ..., T decisions equal
        # In logarithms, since a prefix may be as unlikely as an encoding of a hundred decisions.
        prefix = np.concatenate([[0.0], np.cumsum(log_probs, dtype=np.float64)])
        left = np.log(np.maximum(1 - excluded * np.exp(np.minimum(-prefix, 700)), _MIN_LEFT))  # log(1 - q_t), [T + 1]
        left[-1] = 0.0
        return np.minimum(log_probs + np.diff(left), 0).astype(np.float32)


def _probs(log_probs: np.ndarray) -> np.ndarray:
    """Returns probabilities [X] of whole encodings, from the log-probs [X, T] of their decisions."""
    return np.exp(log_probs.sum(axis=1, dtype=np.float64))


def _lists(samples: Proposals) -> tuple[list[Actions], np.ndarray]:
    """Returns the encodings as tuples of Python integers, and the log-probs."""
    actions, log_probs = samples
    return [tuple(row) for row in actions.tolist()], np.asarray(log_probs)
