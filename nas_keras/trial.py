"""Small frozen types that packages pass to each other: proposals, jobs, evaluations, trials. No files, no TensorFlow.

Legend: `m` proposals in a batch, `T` decisions of the space.
"""

import dataclasses
import hashlib
import math
from typing import Any, NamedTuple

import numpy as np

from nas_keras.errors import InvalidValueError, check_at_least, printable, shown

OK = "ok"

_REFUSED = "failed: refused: "
_MOST_COUNTED = 2**63 - 1  # records hold signed integers of 64 bits


class Proposals(NamedTuple):
    """A batch of architectures that a strategy wants to be evaluated.

    Attributes:
        actions: int32 [m, T].
        log_probs: float32 [m, T], log-probability of each decision under the policy that sampled it; None for
            strategies without a policy.
    """

    actions: np.ndarray
    log_probs: np.ndarray | None = None


class Job(NamedTuple):
    """One architecture to evaluate.

    Attributes:
        key: its canonical key.
        actions: [T], one of its encodings.
        architecture: `space.decode(actions)`.
        seed: seed of its training, 0 to 2**31 - 1.
    """

    key: str
    actions: tuple[int, ...]
    architecture: Any
    seed: int


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The result of an evaluation.

    Numbers are kept in double precision, as D stores them, so that a resumed run sees the same values.

    Attributes:
        reward: reward that the strategy is told; NaN if the evaluation failed, which counts as worse than any number.
        status: `"ok"` or `"failed: <what happened>"`, one line of printable characters.
        valid_accuracy: accuracy on the validation split, 0 to 1; NaN if it was not measured.
        loss: loss on the validation split; NaN if it was not measured.
        num_params: number of the child's parameters.
        epochs: number of epochs that the child was trained.
        seconds: wall time of the evaluation.
        test_accuracy: accuracy on the test split, 0 to 1; in tables only, no search sees it.
        recipe: fingerprint of the recipe if it is a variant of the run's; "" for the run's own recipe.
        flops: floating-point operations of the child for one image, as `children/flops.py` counts them; NaN where they
            were not counted.
        latency_ms: median time in milliseconds in which the child answers one image, as `children/latency.py` measures
            it; NaN if it was not measured.

    Raises:
        InvalidValueError: if a value has the wrong type.
    """

    reward: float
    status: str = OK
    valid_accuracy: float = math.nan
    loss: float = math.nan
    num_params: int = 0
    epochs: int = 0
    seconds: float = 0.0
    test_accuracy: float = math.nan
    recipe: str = ""
    flops: float = math.nan
    latency_ms: float = math.nan

    def __post_init__(self) -> None:
        for name in ("reward", "valid_accuracy", "loss", "seconds", "test_accuracy", "flops", "latency_ms"):
            value = _to_float(name, getattr(self, name))
            # The same NaN object everywhere: tuples that hold it compare equal, and D keeps many of them.
            object.__setattr__(self, name, math.nan if math.isnan(value) else value)
        for name in ("num_params", "epochs"):
            check_at_least(name, getattr(self, name), 0, at_most=_MOST_COUNTED)
        if not isinstance(self.recipe, str):
            raise InvalidValueError(
                f"recipe={shown(self.recipe)} is not allowed: it must be the fingerprint of a recipe, or ''."
            )
        if not isinstance(self.status, str):
            raise InvalidValueError(
                f"status={shown(self.status)} is not allowed: it must be 'ok' or 'failed: <what happened>'."
            )
        if not self.status.isprintable():  # it is printed to terminals and pages
            object.__setattr__(self, "status", printable(" ".join(self.status.split())))
        if self.status == OK and not math.isfinite(self.reward):
            object.__setattr__(self, "reward", math.nan)
            object.__setattr__(self, "status", "failed: the reward is not a finite number")
        elif self.failed:
            object.__setattr__(self, "reward", math.nan)

    def __eq__(self, other: object) -> bool:
        """Compares all fields; a value that was not measured equals another that was not measured."""
        # From Python 3.13 on, a dataclass compares field by field, and then NaN differs from itself.
        return self._fields() == other._fields() if isinstance(other, Evaluation) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._fields())

    def _fields(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    @property
    def failed(self) -> bool:
        """Whether the evaluation failed, so that there is no reward."""
        return self.status != OK

    @property
    def refused(self) -> bool:
        """Whether the architecture was refused before any work: a failure that uses no budget."""
        return self.status.startswith(_REFUSED)

    @classmethod
    def failure(cls, reason: str, *, seconds: float = 0.0) -> "Evaluation":
        """Returns an evaluation that failed for `reason`."""
        return cls(reward=math.nan, status=f"failed: {reason}", seconds=seconds)

    @classmethod
    def refusal(cls, reason: str, **measured: Any) -> "Evaluation":
        """Returns the failure of an architecture that was refused before any work, such as one over a size limit.

        It is stored and told to the strategy like any failure, and counts towards `max_trials`, but not towards
        `max_evaluations`.

        Args:
            reason: why it was refused.
            **measured: what is known of it, such as `num_params`.
        """
        return cls(reward=math.nan, status=f"{_REFUSED}{reason}", **measured)


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """A proposal and its evaluation.

    Attributes:
        trial: index in the run, from 0.
        iteration: index of its batch, from 0.
        policy_version: number of batches that had been told to the policy that sampled it.
        seed: seed of the child's training.
        actions: [T].
        log_probs: [T], log-probabilities when it was sampled; empty for strategies without a policy.
        key: canonical key.
        cached: whether it is a cache hit, answered from D at no cost.
        evaluation: result of the evaluation.
    """

    trial: int
    iteration: int
    policy_version: int
    seed: int
    actions: tuple[int, ...]
    log_probs: tuple[float, ...]
    key: str
    cached: bool
    evaluation: Evaluation

    @property
    def reward(self) -> float:
        """The reward of the evaluation."""
        return self.evaluation.reward


def training_seed(run_seed: int, key: str) -> int:
    """Returns the seed of a child's training: the first 31 bits of SHA-256 of "run seed/key"."""
    digest = hashlib.sha256(f"{run_seed}/{key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _to_float(name: str, value: Any) -> float:
    """Converts a real number of any class to double precision; strings and complex numbers are refused."""
    try:
        if value is None or isinstance(value, bool | str | bytes) or np.iscomplexobj(value):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValueError(
            f"{name}={shown(value)} is not allowed: it must be a number, or NaN if there is none."
        ) from error
