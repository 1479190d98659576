"""Samples of a policy that are new: encodings that are known already are drawn again, with probabilities to match.

Drawing from a policy p until the encoding is outside a set X is drawing from p(a) / (1 - p(X)). Decision by decision,
with p(x; a_<=t) the probability of encoding x if it begins as a does up to t, and 0 otherwise,

    p'(a_t | a_<t) = p(a_t | a_<t) (1 - q_t) / (1 - q_{t-1}),   q_t = sum_{x in X} p(x; a_<=t) / p(a_<=t),

which is exact, and at most 1; q_0 = p(X), q_T = 0. X grows by every encoding that is taken, and by those that are seen
to have a known key.

Legend: `n` proposals, `N` encodings, `X` encodings not to be drawn, `T` decisions, `A` the largest number of choices.
"""

from collections.abc import Callable, Container, Sequence

import numpy as np

from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.trial import Proposals

Draw = Callable[[int], tuple[np.ndarray, np.ndarray]]  # count B -> encodings int32 [B, T], log-probs float32 [B, T]

FEWEST, _MOST = 32, 256  # samples in the first round and in any later one
_SMALLEST = 1e-6  # of what is left of the probability; below it single precision has no digits


def draw_new(
    n: int,
    draw: Draw,
    known_log_probs: Callable[[], np.ndarray],
    *,
    space: SearchSpace,
    known: Sequence[Actions],
    keys: Sequence[Container[str]],
    rounds: int,
) -> Proposals:
    """Draws up to n encodings with keys that are new, one after the other.

    Args:
        n: how many; fewer are found if the policy has converged, or nothing new is left.
        draw: samples of the policy, others at each call.
        known_log_probs: of `known` under the same policy, [N, T]; called at most once, if something new is found.
        space: what is searched.
        known: X at the start, some of the encodings that are known.
        keys: of all that are known; another encoding with one of them is in X once it has been seen.
        rounds: at most so many calls of `draw` for new encodings.

    Returns:
        At most n proposals, with the log-probs of the distributions that each was drawn from.
    """
    excluded = _Excluded(known, known_log_probs)
    taken: set[str] = set()
    actions, log_probs = [], []
    for round_ in range(rounds if len(excluded) < space.size else 0):
        for encoding, row in zip(*_lists(draw(FEWEST if round_ == 0 else _MOST)), strict=True):
            if encoding in excluded:
                continue
            key = space.key(encoding)
            if key not in taken and not any(key in known_keys for known_keys in keys):
                actions.append(encoding)
                log_probs.append(excluded.conditional(encoding, row))
            taken.add(key)
            excluded.add(encoding, row)
            if len(actions) == n:
                break
        if len(actions) == n or len(excluded) == space.size:
            break
    shape = len(actions), len(space.decisions)
    return Proposals(np.array(actions, np.int32).reshape(shape), np.array(log_probs, np.float32).reshape(shape))


def begin_with(first: tuple[np.ndarray, np.ndarray], draw: Draw) -> Draw:
    """Like `draw`, but the first samples, `FEWEST` of them, are there already."""
    waiting = [first]
    return lambda count: waiting.pop() if waiting else draw(count)


def cover(n: int, space: SearchSpace, rng: np.random.Generator) -> Proposals:
    """n random encodings in which each decision's choices stand as often as one another, to within one.

    A Latin hypercube, McKay, Beckman & Conover 1979, https://doi.org/10.2307/1268522: each encoding by itself is
    uniform, and has the log-probs of that.
    """
    columns = [np.concatenate([rng.permutation(num) for _ in range(-(-n // num))])[:n] for num in space.num_choices]
    columns = [rng.permutation(column) for column in columns]  # the last, incomplete round is not always at the end
    log_probs = -np.log(np.array(space.num_choices, np.float32))
    return Proposals(np.array(columns, np.int32).T, np.tile(log_probs, (n, 1)))


class _Excluded:
    """X, and the probability of each of its encodings.

    Args:
        encodings: in it from the start.
        log_probs: of those, [N, T].
    """

    def __init__(self, encodings: Sequence[Actions], log_probs: Callable[[], np.ndarray]):
        self._encodings = set(encodings)
        self._rows = [np.array(encodings, np.int32)] if len(encodings) else []  # [N, T] each
        self._masses: list[np.ndarray] = []  # [N] each
        # Asked for the first encoding that is taken: often there is none.
        self._weigh = (lambda: _masses(log_probs())) if len(encodings) else None

    def __contains__(self, encoding: Actions) -> bool:
        return encoding in self._encodings

    def __len__(self) -> int:
        return len(self._encodings)

    def add(self, encoding: Actions, log_probs: np.ndarray) -> None:
        """Takes an encoding with log-probs [T] into X."""
        self._encodings.add(encoding)
        self._rows.append(np.array([encoding], np.int32))
        self._masses.append(_masses(log_probs[None]))

    def conditional(self, encoding: Actions, log_probs: np.ndarray) -> np.ndarray:
        """Log-probs [T] of an encoding outside X, given that it is outside, from its log-probs [T] under the policy."""
        if not self._rows:
            return log_probs
        if self._weigh:
            self._masses.insert(0, self._weigh())
            self._weigh = None
        agrees = np.logical_and.accumulate(np.concatenate(self._rows) == np.array(encoding), axis=1)  # [N, T]
        masses = np.concatenate(self._masses)  # [N]
        begins = np.concatenate([[masses.sum()], masses @ agrees])  # of X, with the first 0, 1, ... T decisions
        # In logarithms, since a prefix may be as unlikely as an encoding of a hundred decisions.
        prefix = np.concatenate([[0.0], np.cumsum(log_probs, dtype=np.float64)])
        left = np.log(np.maximum(1 - begins * np.exp(np.minimum(-prefix, 700)), _SMALLEST))  # log(1 - q_t), [T + 1]
        left[-1] = 0.0
        return np.minimum(log_probs + np.diff(left), 0).astype(np.float32)


def _masses(log_probs: np.ndarray) -> np.ndarray:
    """Probabilities [N] of encodings, from log-probs [N, T]."""
    return np.exp(log_probs.sum(axis=1, dtype=np.float64))


def _lists(drawn: tuple[np.ndarray, np.ndarray]) -> tuple[list[Actions], np.ndarray]:
    """The encodings as tuples of Python integers."""
    return [tuple(row) for row in drawn[0].tolist()], drawn[1]
