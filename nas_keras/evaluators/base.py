"""The interface of an evaluator: it takes jobs and yields evaluations as they finish. It never sees a policy."""

import inspect
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, Self

from nas_keras.errors import InvalidValueError, check_type, shown
from nas_keras.evaluators.limits import Limits
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Evaluation, Job, Trial


class Evaluates(Protocol):
    """The protocol of an evaluator: any object with this method can be given to `nk.search`."""

    def evaluate(self, jobs: Sequence[Job]) -> Iterable[tuple[Job, Evaluation]]:
        """Yields each job with its evaluation, in whatever order they finish.

        A child that fails is an `Evaluation.failure`. A child that is rejected before any work, such as one over a size
        limit, is an `Evaluation.refusal`, which uses up no evaluation of the budget. An exception ends the search.

        A search that ends early closes a generator before its last item, so a `finally` in it can cancel the rest. With
        a lag that happens only once the generator gives its next item; `cancel(jobs)`, if there is such a method, is
        called at once (see `Evaluator`).

        Args:
            jobs: jobs with different keys, at least one.
        """


class Evaluator:
    """Base class of the evaluators of this package, with defaults for everything but `evaluate`.

    Attributes:
        recipe: everything that a reward depends on besides key and seed, as a JSON object.
        variants: recipes to fall back to for a child that cannot be evaluated by `recipe`.
        source: origin of the evaluator's data, as a JSON object, from which `export_best` loads them again.
        environment: everything else that affects the last digits of a reward, such as versions, as a JSON object; it is
            recorded but never compared.
        lag: number of batches that may be open beyond the first, so that workers stay busy. If it is more than 0,
            `evaluate` is called from several threads.
        limits: the largest child; `evaluate` refuses larger ones. It is part of the run's configuration, not of the
            recipe, since it changes no reward.
        costs: names of the costs that the evaluations state, such as "num_params"; None if that is not known.
    """

    recipe: dict[str, Any] = {}
    variants: Sequence[dict[str, Any]] = ()
    source: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    lag: int = 0
    limits: Limits = Limits()
    costs: Collection[str] | None = None

    @property
    def num_parallel(self) -> int:
        """The number of jobs that are evaluated at once, to be shown."""
        return 1

    def check(self, space: SearchSpace) -> None:
        """Raises InvalidValueError if this evaluator cannot evaluate the architectures of `space`."""
        del space

    def review(self, trials: Sequence[Trial]) -> str | None:
        """Returns why the best of a finished search may be chance, and what to change; None if nothing is known of it.

        Args:
            trials: all trials of the search.
        """
        del trials
        return None

    def resume(self, environment: dict[str, Any]) -> None:
        """Restores what it can of a recorded environment and warns about the rest.

        Called before the first job when a run or table is continued.

        Args:
            environment: the environment that the run or table recorded when it was begun.
        """
        del environment

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`."""
        raise NotImplementedError

    def cancel(self, jobs: Sequence[Job]) -> None:
        """Drops those of the jobs that `evaluate` was given and that have not started; a search ends early.

        Nobody waits for their evaluations any more. It is called from another thread than `evaluate` if there is a lag.
        """
        del jobs

    def close(self) -> None:
        """Releases the evaluator's resources, such as processes; it cannot be used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception_info: object) -> None:
        self.close()


class Description(NamedTuple):
    """Description of an evaluator: its attributes as in `Evaluator`, with the defaults for those that it lacks."""

    recipe: dict[str, Any]
    variants: list[dict[str, Any]]
    source: dict[str, Any]
    environment: dict[str, Any]
    lag: Any
    limits: Limits
    costs: Collection[str] | None


def check_evaluator(evaluator: Any) -> None:
    """Raises InvalidValueError unless `evaluator` is an object with a method `evaluate(jobs)`."""
    evaluate = getattr(evaluator, "evaluate", None)
    if isinstance(evaluator, type) or not callable(evaluate):
        raise InvalidValueError(
            f"evaluator={shown(evaluator)} is not allowed: it must be an object with a method evaluate(jobs). For a "
            "function use nk.FunctionEvaluator(function)."
        )
    try:
        signature = inspect.signature(evaluate)
    except (TypeError, ValueError):  # a function that is not written in Python has no signature
        return
    try:
        signature.bind([])
    except TypeError as error:
        raise InvalidValueError(
            f"evaluator={shown(evaluator)} is not allowed: its method evaluate{signature} must take the jobs and "
            "nothing else."
        ) from error


def describe_evaluator(evaluator: Any) -> Description:
    """Returns the description of an evaluator.

    Raises:
        InvalidValueError: if an attribute that must be a JSON object is not one. The lag is left to the caller.
    """
    variants = getattr(evaluator, "variants", ())
    if not isinstance(variants, list | tuple):
        raise InvalidValueError(f"evaluator.variants={shown(variants)} is not allowed: it must be a list of recipes.")
    limits, costs = getattr(evaluator, "limits", Limits()), getattr(evaluator, "costs", None)
    check_type("evaluator.limits", limits, Limits, "an nk.Limits")
    objects = {name: getattr(evaluator, name, {}) for name in ("recipe", "source", "environment")}
    for name, value in [*objects.items(), *(("variants", variant) for variant in variants)]:
        try:
            if not isinstance(value, dict):
                raise TypeError("it is not a dict")
            json.dumps(value, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidValueError(
                f"evaluator.{name} with {name}={shown(value)} is not allowed: {error}. It must be a JSON object: a "
                "dict of texts, finite numbers, lists and the like, such as {'epochs': 3}."
            ) from error
    copies = {name: dict(value) for name, value in objects.items()}
    lag = getattr(evaluator, "lag", 0)
    return Description(variants=list(variants), lag=lag, limits=limits, costs=costs, **copies)
