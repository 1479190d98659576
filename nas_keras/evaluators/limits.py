"""Limits on the cost of a child: one that exceeds them is refused before it is trained."""

import dataclasses
import math
from typing import Any

from nas_keras.errors import check_at_least, use_python_numbers
from nas_keras.trial import Evaluation


@dataclasses.dataclass(frozen=True)
class Limits:
    """The largest child that a search may train. A child at a limit is allowed; None is no limit.

    A child over a limit is built and not trained. It uses up no evaluation of the budget; the strategy is told of it as
    of a failure, which is worse than any reward, and so learns to avoid it.

    Attributes:
        max_params: number of parameters.
        max_flops: floating-point operations for one image; a multiply-add counts as two (`children/flops.py`).
        max_latency_ms: median time of one image in milliseconds, in the worker process (`children/latency.py`).

    Raises:
        InvalidValueError: if a limit is not allowed.
    """

    max_params: int | None = None
    max_flops: float | None = None
    max_latency_ms: float | None = None

    def __post_init__(self) -> None:
        use_python_numbers(self)
        if self.max_params is not None:
            check_at_least("max_params", self.max_params, 1)
        if self.max_flops is not None:
            check_at_least("max_flops", self.max_flops, 1, integer=False)
        if self.max_latency_ms is not None:
            check_at_least("max_latency_ms", self.max_latency_ms, 0.001, integer=False)

    def to_json(self) -> dict[str, Any] | None:
        """Returns the limits that are set as a JSON object, for a run's configuration; None if there are none."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None} or None

    def unknown(self, evaluation: Evaluation) -> list[str]:
        """Returns the names of the costs that are limited and that the evaluation does not state."""
        return [name for name, value, limit, _ in self._costs(evaluation) if limit is not None and math.isnan(value)]

    def excess(self, evaluation: Evaluation) -> str:
        """Describes the limits that an evaluation exceeds, such as "21,000 parameters, limit 20,000"; "" if none."""
        exceeded = [
            f"{value:,.{digits}f} {name}, limit {limit:,.{digits}f}"
            for name, value, limit, digits in self._costs(evaluation)
            if limit is not None and value > limit
        ]
        return "; ".join(exceeded)

    def refuse(self, evaluation: Evaluation) -> Evaluation | None:
        """Returns the refusal of a child whose costs `evaluation` states, or None if it is within the limits."""
        excess = self.excess(evaluation)
        if not excess:
            return None
        costs = {name: getattr(evaluation, name) for name in ("num_params", "flops", "latency_ms", "seconds")}
        return Evaluation.refusal(excess, **costs)

    def _costs(self, evaluation: Evaluation) -> list[tuple[str, float, float | None, int]]:
        """Returns (name, value or NaN, limit, digits to show) of each cost."""
        return [
            ("parameters", evaluation.num_params or math.nan, self.max_params, 0),
            ("FLOPs", evaluation.flops, self.max_flops, 0),
            ("ms", evaluation.latency_ms, self.max_latency_ms, 3),
        ]
