"""The interface of a strategy: it is asked for proposals and told their rewards. It never sees a child.

Random numbers are counter-based: the generator of batch b is seeded with [seed, purpose, b], so that no generator has
to be saved.

Legend: `m` proposals in a batch, `T` decisions of the space, `M` trials.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_keras.errors import InvalidValueError, check_at_least, check_seed, check_type, shown
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Proposals, Trial

State = dict[str, Any]
MOST_ASKED = 1_000_000  # proposals in a batch; a larger number is a slip
_LARGEST = 2.0**400  # the square of a larger reward may overflow


class Strategy:
    """Base class of all strategies. It counts batches; a strategy implements `_ask`, `_tell`, `_state` and `_restore`.

    Args:
        space: the space to search.
        seed: seed of all random numbers, 0 to 2**31 - 1.

    Attributes:
        config: settings of the strategy, a dataclass of JSON values. They are stored with a run, which is continued
            with the same settings only.
        metrics: metrics of the latest `tell`, name to number, for TensorBoard.
        num_asked: number of batches asked.
        num_told: number of batches told.
    """

    def __init__(self, space: SearchSpace, *, seed: int = 0):
        check_type("space", space, SearchSpace, "an nk.SearchSpace; see nk.spaces")
        check_seed(seed)
        self.space, self.seed = space, seed
        self.config: Any = None
        self.metrics: dict[str, float] = {}
        self.num_asked = 0
        self.num_told = 0

    def ask(self, n: int) -> Proposals:
        """Proposes m <= n encodings; m = 0 means that the strategy has nothing more to propose.

        A strategy that proposes m < n encodings must propose the same m when it is asked for m: a run that is started
        again asks for each stored batch in this way.

        Raises:
            InvalidValueError: if `n` is not a possible number, or `_ask` returns anything but proposals of the space.
        """
        check_at_least("n", n, 0, at_most=MOST_ASKED)
        proposals = check_proposals(self._ask(int(n), self.num_asked), n, self.space, type(self).__name__)
        self.num_asked += 1
        return proposals

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learns from the earliest batch that was asked and not told.

        Args:
            trials: the batch's trials, in the order asked. A reward of NaN is a failure, worse than every number.
        """
        self._tell(trials, self.num_told)
        self.num_told += 1

    def state(self) -> State:
        """Returns everything learned so far: name to NumPy array or JSON value."""
        return {"num_asked": self.num_asked, "num_told": self.num_told, **self._state()}

    def restore(self, state: State) -> None:
        """Restores the `state` of a strategy with the same space, settings and seed."""
        self.num_asked, self.num_told = int(state["num_asked"]), int(state["num_told"])
        self._restore(state)

    def _ask(self, n: int, iteration: int) -> Proposals:
        raise NotImplementedError

    def _tell(self, trials: Sequence[Trial], iteration: int) -> None:
        raise NotImplementedError

    def _state(self) -> State:
        return {}

    def _restore(self, state: State) -> None:
        del state


def check_proposals(proposals: Any, n: int, space: SearchSpace, strategy: str) -> Proposals:
    """Returns proposals with their actions as int32 [m, T] and log-probs as float32 [m, T] or None.

    Args:
        proposals: value that the strategy's method `_ask` returned.
        n: number of proposals that the strategy was asked for.
        space: the space that is searched.
        strategy: name of the strategy, for the message.

    Raises:
        InvalidValueError: unless they are at most n encodings of the space, with finite log-probs or none.
    """

    def refuse(what: str) -> InvalidValueError:
        return InvalidValueError(
            f"The strategy {strategy} gave {what}. Its method _ask must give nk.Proposals(actions, log_probs): actions "
            f"are integers [m, {len(space.decisions)}] with m <= {n}, each the index of a choice; log_probs are finite "
            "numbers of the same shape, or None."
        )

    if not isinstance(proposals, Proposals):
        raise refuse(shown(proposals))
    try:
        actions, log_probs = np.asarray(proposals.actions), proposals.log_probs
        if log_probs is not None and np.iscomplexobj(log_probs):
            raise TypeError("complex numbers")
        if actions.ndim and not len(actions):  # an empty list has no second axis
            actions = np.zeros((0, len(space.decisions)), np.int32)
            log_probs = None if log_probs is None else np.zeros(actions.shape)
        if log_probs is not None:
            log_probs = np.asarray(log_probs, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise refuse(f"{shown(proposals)} ({error})") from error
    if actions.ndim != 2 or actions.shape[1] != len(space.decisions) or not np.issubdtype(actions.dtype, np.integer):
        raise refuse(f"actions of type {actions.dtype} and shape {list(actions.shape)}")
    if len(actions) > n:
        raise refuse(f"{len(actions):,} encodings where at most {n:,} were asked for")
    wrong = np.argwhere((actions < 0) | (actions >= space.num_choices))
    if len(wrong):
        row, decision = wrong[0].tolist()
        raise refuse(f"action {actions[row, decision]} for decision {space.decisions[decision].name!r}")
    if log_probs is not None and (log_probs.shape != actions.shape or not np.isfinite(log_probs).all()):
        raise refuse(f"log_probs {shown(log_probs)} of shape {list(log_probs.shape)}")
    return Proposals(actions.astype(np.int32), log_probs)


def config_or_default(config: Any, kind: type) -> Any:
    """Returns `config`, or the default of its class `kind` for None.

    Raises:
        InvalidValueError: if `config` is an object of another class.
    """
    config = kind() if config is None else config
    check_type("config", config, kind, f"an nk.strategies.{kind.__name__}, or None")
    return config


def finite_rewards(rewards: np.ndarray) -> np.ndarray:
    """Returns rewards [M] in which each NaN is one standard deviation below the lowest number.

    If a reward is larger than 2**400, all are divided by a power of two, so that their squares are finite.
    """
    rewards = np.asarray(rewards, np.float64)
    largest = np.nanmax(np.abs(rewards), initial=0)
    if largest > _LARGEST:
        rewards = np.ldexp(rewards, -int(np.frexp(largest)[1]))
    failed = np.isnan(rewards)
    if failed.all():
        return np.zeros_like(rewards)
    finite = rewards[~failed]
    return np.where(failed, finite.min() - max(finite.std(), 1e-3), rewards)
