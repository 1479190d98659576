"""The objective of a search: what it maximizes, computed from the accuracy and the costs of a child.

The form with powers of costs is that of M. Tan et al., *MnasNet: Platform-Aware Neural Architecture Search for Mobile*
(CVPR 2019), equation 2: ACC(m) * [LAT(m) / T]^w, where T is a target and w = -0.07 trades twice the latency for 5 % of
accuracy.
"""

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nas_keras.errors import InvalidValueError, shown
from nas_keras.storage.recipe import fingerprint
from nas_keras.system.code.fingerprint import code_parts
from nas_keras.trial import Evaluation

ACCURACY = "accuracy"
COSTS = {"params": "num_params", "flops": "flops", "latency": "latency_ms"}  # name in a formula -> in an evaluation

_NUMBER = r"[0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?"
_FACTOR = re.compile(rf"\*\(({'|'.join(COSTS)})/({_NUMBER})\)\^(-?{_NUMBER})")
_LONGEST = 200  # characters
_LARGEST_EXPONENT = 10.0  # more is a slip
_ALLOWED = (
    "Write accuracy, or accuracy*(params/20000)^-0.07 with params, flops or latency (in milliseconds), a positive "
    "number to divide it by and an exponent from -10 to 10; more such factors may follow."
)


class Factor(NamedTuple):
    """A factor (cost / target) ^ exponent of a formula; `cost` is the name of a field of an evaluation."""

    cost: str
    target: float
    exponent: float


class Objective:
    """What a search maximizes. The reward that is stored and told is its value; `valid_accuracy` stays the accuracy.

    Args:
        objective: "accuracy"; a formula such as "accuracy*(params/20000)^-0.07"; or a function of an `nk.Evaluation`
            that returns a number.

    Attributes:
        text: the objective as text; of a function, its name and a fingerprint of its code.
        costs: names of the fields of an evaluation that a formula needs, besides the accuracy.
        is_accuracy: whether the reward stays what the evaluator says.

    Raises:
        InvalidValueError: if it is none of these.
    """

    def __init__(self, objective: "str | Callable[[Evaluation], float]" = ACCURACY):
        self._function: Callable[[Evaluation], float] | None = None
        self._factors: list[Factor] = []
        if isinstance(objective, str):
            self._factors = _parse(objective)
            self.text = ACCURACY + "".join(
                f"*({name}/{factor.target:.15g})^{factor.exponent:.15g}"
                for factor in self._factors
                for name, cost in COSTS.items()
                if cost == factor.cost
            )
        elif callable(objective) and not isinstance(objective, type):
            self._function = objective
            name = getattr(objective, "__qualname__", type(objective).__qualname__)
            self.text = f"{name} (code {fingerprint(code_parts(objective))})"
        else:
            raise InvalidValueError(f"objective={shown(objective)} is not allowed. {_ALLOWED} Or give a function.")
        self.costs = tuple(dict.fromkeys(factor.cost for factor in self._factors))
        self.is_accuracy = self._function is None and not self._factors

    def to_json(self) -> str | None:
        """Returns the entry of a run's configuration by which another objective is refused; None for the accuracy."""
        return None if self.is_accuracy else self.text

    def judge(self, key: str, evaluation: Evaluation) -> Evaluation:
        """Returns an evaluation with the objective as its reward; it fails if that is not a finite number.

        Args:
            key: key of the architecture, for messages.
            evaluation: evaluation as the evaluator returns it, whose reward is the validation accuracy. A failure is
                returned as it is.

        Raises:
            InvalidValueError: if the evaluation lacks what the objective needs.
        """
        if self.is_accuracy or evaluation.failed:
            return evaluation
        if evaluation.reward != evaluation.valid_accuracy:
            raise InvalidValueError(
                f"The objective {self.text} is computed from the validation accuracy, but {key} has the reward "
                f"{evaluation.reward:g} and valid_accuracy={evaluation.valid_accuracy:g}. Use an evaluator whose "
                "reward is valid_accuracy, or leave the objective out and let the evaluator compute it."
            )
        if self._function is not None:
            return dataclasses.replace(evaluation, reward=_to_number(self._function(evaluation), key))
        value = evaluation.valid_accuracy
        for cost, target, exponent in self._factors:
            value *= _power(_cost(evaluation, cost, key) / target, exponent)
        return dataclasses.replace(evaluation, reward=value)


def _parse(text: str) -> list[Factor]:
    """Parses a formula: "accuracy", followed by factors "*(cost/target)^exponent"."""
    compact = "".join(text.split())
    factors, rest = [], compact.removeprefix(ACCURACY)
    if len(text) > _LONGEST or rest == compact:
        raise InvalidValueError(f"objective={shown(text)} is not allowed. {_ALLOWED}")
    while rest:
        match = _FACTOR.match(rest)
        if not match:
            raise InvalidValueError(f"objective={shown(text)} is not allowed: {shown(rest)} is unclear. {_ALLOWED}")
        name, target, exponent = match[1], float(match[2]), float(match[3])
        if not 0 < target < math.inf or abs(exponent) > _LARGEST_EXPONENT:
            raise InvalidValueError(f"objective={shown(text)} is not allowed: see {shown(match[0])}. {_ALLOWED}")
        factors.append(Factor(COSTS[name], target, exponent))
        rest = rest[match.end() :]
    return factors


def _cost(evaluation: Evaluation, name: str, key: str) -> float:
    value = float(getattr(evaluation, name))
    if not value > 0:
        raise InvalidValueError(
            f"The objective needs {name}, but the evaluation of {key} has {name}={value:g}. Use an evaluator that "
            "measures it, such as nk.TrainingEvaluator(..., measure_latency=True) for a latency, or another objective."
        )
    return value


def _power(base: float, exponent: float) -> float:
    try:
        return base**exponent
    except OverflowError:
        return math.inf


def _to_number(value: Any, key: str) -> float:
    try:
        if value is None or isinstance(value, str | bytes) or np.iscomplexobj(value):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValueError(
            f"The objective gave {shown(value)} for {key}: it must give a number for an nk.Evaluation."
        ) from error
