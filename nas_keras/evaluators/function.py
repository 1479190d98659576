"""FunctionEvaluator: the reward is the value of a function that the user gives."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras.errors import InvalidValueError, check_type, shown
from nas_keras.evaluators.base import Evaluator
from nas_keras.storage.recipe import with_code
from nas_keras.system.code.fingerprint import code_parts
from nas_keras.trial import Evaluation, Job


class FunctionEvaluator(Evaluator):
    """Evaluates one architecture after another in this process.

    Args:
        function: `function(space.decode(actions))` returns the reward, or an `nk.Evaluation` with further results.
        recipe: everything that the rewards depend on, as a JSON object. It is stored with D, and a run with another
            recipe is not continued. The default holds the function's name and a fingerprint of its code, which
            `system/code/fingerprint.py` defines.
        version: text that replaces the code in the recipe; change it whenever the rewards change.

    Raises:
        InvalidValueError: if `function` is not callable, or `recipe` or `version` cannot be used.
    """

    def __init__(
        self,
        function: Callable[[Any], float | Evaluation],
        *,
        recipe: dict[str, Any] | None = None,
        version: str | None = None,
    ):
        if not callable(function):
            raise InvalidValueError(f"function={shown(function)} is not allowed: it must take an architecture.")
        if recipe is not None:
            check_type("recipe", recipe, Mapping, "a JSON object, or None")
        self._function = function
        name = getattr(function, "__qualname__", type(function).__qualname__)
        # A recipe that the user gives identifies the code as well.
        code = None if recipe and version is None else code_parts(function, version=version)
        self.recipe = recipe if recipe and not code else with_code(recipe or {"function": name}, function=code)

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`. An exception that the function raises is not caught, and so ends the search."""
        for job in jobs:
            start = time.monotonic()
            result = self._function(job.architecture)
            if not isinstance(result, Evaluation):
                result = Evaluation(reward=_to_reward(result, job), seconds=time.monotonic() - start)
            yield job, result


def _to_reward(result: Any, job: Job) -> float:
    try:
        if np.iscomplexobj(result):
            raise TypeError  # NumPy would drop the imaginary part
        return float(result)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValueError(
            f"The function gave {shown(result)} for {job.key}: it must give a number, or an nk.Evaluation."
        ) from error
