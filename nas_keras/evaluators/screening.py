"""Screening: the costs of a child are known before it is trained, and a child over a limit is not trained.

The parameters and FLOPs of a cell's child follow from those of its operations, so this process refuses thousands of
cells in a second. Everything else is measured in the worker process, once the model is built: the latency, and the
costs of a network that a user's function builds.
"""

import functools
import threading
import time
from typing import Any

from nas_keras.children.build import ChildConfig, build_child
from nas_keras.children.cell_costs import CellCosts
from nas_keras.children.flops import count_flops
from nas_keras.children.latency import measure_latency
from nas_keras.children.training import MakeModel
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.limits import Limits
from nas_keras.spaces.cell import Cell
from nas_keras.trial import Evaluation, Job


class RefusedError(Exception):
    """A child exceeds a limit; the argument is its refusal, an `Evaluation`."""


class CellScreening:
    """Refuses jobs whose cell has too many parameters or FLOPs; may be called from several threads.

    Args:
        limits: the largest child.
        costs: the costs of cells.
    """

    def __init__(self, limits: Limits, costs: CellCosts):
        self._limits, self._costs = Limits(limits.max_params, limits.max_flops), costs
        self._lock = threading.Lock()

    @classmethod
    def of_children(
        cls, limits: Limits, child: ChildConfig, input_shape: tuple[int, int, int], num_classes: int
    ) -> "CellScreening":
        """Makes the screening of children that are built around cells.

        Args:
            limits: the largest child.
            child: the network around a cell.
            input_shape: [H, W, C] of one image.
            num_classes: number of classes.
        """
        build = functools.partial(build_child, config=child, input_shape=input_shape, num_classes=num_classes)
        return cls(limits, CellCosts(build))

    def refuse(self, job: Job) -> Evaluation | None:
        """Returns the refusal of a job, or None if its child is within the limits as far as they are known here."""
        if self._limits == Limits() or not isinstance(job.architecture, Cell):
            return None
        with self._lock:
            num_params, flops = self._costs.of(job.architecture)
        return self._limits.refuse(Evaluation.refusal("", num_params=num_params, flops=flops))


class ScreenedModel:
    """A function that builds a child in a worker process, measures it, and refuses it if it exceeds a limit.

    Args:
        make_model: builds the child, see `train_child`.
        limits: the largest child.
        latency: whether to measure the latency.

    Attributes:
        latency_ms: the latency of the child that was built; NaN if it was not measured.
    """

    def __init__(self, make_model: MakeModel, limits: Limits, *, latency: bool):
        self._make_model, self._limits, self._latency = make_model, limits, latency
        self.latency_ms = float("nan")

    def __call__(self, **arguments: Any) -> Any:
        """Builds the child.

        Raises:
            RefusedError: if it exceeds a limit.
            InvalidValueError: if its FLOPs are limited and cannot be counted.
        """
        start = time.monotonic()
        model = self._make_model(**arguments)
        costs = {"num_params": model.count_params(), "flops": count_flops(model)}
        # A child that is too large anyway is not measured.
        if self._latency and not self._limits.excess(Evaluation.refusal("", **costs)):
            self.latency_ms = measure_latency(model)
        seconds = time.monotonic() - start
        found = Evaluation.refusal("", **costs, latency_ms=self.latency_ms, seconds=seconds)
        refusal = self._limits.refuse(found)
        if refusal is not None:
            raise RefusedError(refusal)
        if self._limits.unknown(found):
            raise InvalidValueError(
                f"max_flops={self._limits.max_flops} is not allowed here: the child has a layer whose FLOPs cannot be "
                "counted (nas_keras/children/flops.py lists those that can). Limit the parameters or the latency "
                "instead."
            )
        return model
