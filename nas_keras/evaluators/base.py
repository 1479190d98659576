"""The interface of an evaluator: jobs in, evaluations out, as they finish. It never sees a policy."""

import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from nas_keras.errors import InvalidValueError, shown
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Evaluation, Job, Trial


class Evaluates(Protocol):
    """All that `nk.search` needs: any object with this method is an evaluator."""

    def evaluate(self, jobs: Sequence[Job]) -> Iterable[tuple[Job, Evaluation]]:
        """Yields each job with its evaluation, in whatever order they finish.

        A child that fails is an `Evaluation.failure`; one that is turned down before any work, such as one over a size
        limit, is an `Evaluation.refusal`, and uses up no evaluation. An exception ends the search.
        """


class Evaluator:
    """Base class of the evaluators here, with defaults for what an evaluator may also say of itself.

    Attributes:
        recipe: all a reward depends on besides key and seed, a JSON object.
        variants: recipes that it falls back to for a child that cannot be evaluated by `recipe`.
        source: where its data came from, a JSON object, so that `export_best` can load them again.
        environment: what rewards also depend on in their last digits, such as versions; recorded, never compared.
        lag: how many batches may be open at once beyond the first, so that workers stay busy; more than 0 means that
            `evaluate` is called from several threads.
    """

    recipe: dict[str, Any] = {}
    variants: Sequence[dict[str, Any]] = ()
    source: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    lag: int = 0

    def check(self, space: SearchSpace) -> None:
        """Raises InvalidValueError if this evaluator cannot evaluate the architectures of `space`."""
        del space

    def review(self, trials: Sequence[Trial]) -> None:
        """Called after a search with all its trials: says in a warning what their rewards do not bear out."""
        del trials

    def resume(self, environment: dict[str, Any]) -> None:
        """Called before the first job where a run or table goes on, with the environment that it recorded.

        What of it can be put back is; the rest is said in a warning.
        """
        del environment

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends what was started; the evaluator cannot be used again."""

    def __enter__(self):
        return self

    def __exit__(self, *exception_info):
        self.close()


class Description(NamedTuple):
    """What an evaluator says of itself; each as in `Evaluator`, whose defaults stand for what it does not say."""

    recipe: dict[str, Any]
    variants: list[dict[str, Any]]
    source: dict[str, Any]
    environment: dict[str, Any]
    lag: Any


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
    except (TypeError, ValueError):  # of a function that is not written in Python
        return
    try:
        signature.bind([])
    except TypeError as error:
        raise InvalidValueError(
            f"evaluator={shown(evaluator)} is not allowed: its method evaluate{signature} must take the jobs alone."
        ) from error


def describe_evaluator(evaluator: Any) -> Description:
    """Returns what an evaluator says of itself.

    Raises:
        InvalidValueError: if what must be a JSON object is none. Of the lag the caller is to judge.
    """
    variants = getattr(evaluator, "variants", ())
    if not isinstance(variants, list | tuple):
        raise InvalidValueError(f"evaluator.variants={shown(variants)} is not allowed: it must be a list of recipes.")
    objects = {name: getattr(evaluator, name, {}) for name in ("recipe", "source", "environment")}
    for name, value in [*objects.items(), *(("variants", variant) for variant in variants)]:
        try:
            if not isinstance(value, dict):
                raise TypeError("it is no dict")
            json.dumps(value, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidValueError(
                f"evaluator.{name} with {name}={shown(value)} is not allowed: {error}. It must be a JSON object: a "
                "dict of texts, finite numbers, lists and the like, such as {'epochs': 3}."
            ) from error
    copies = {name: dict(value) for name, value in objects.items()}
    return Description(variants=list(variants), lag=getattr(evaluator, "lag", 0), **copies)
