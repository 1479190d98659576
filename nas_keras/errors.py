"""The kinds of error a user can meet: a wrong value, and a file that cannot be trusted.

A child network that fails is neither: it is an `Evaluation` with a status, and the search goes on.
"""

import numbers
from collections.abc import Iterable


class NasKerasError(Exception):
    """Base of this package's errors. The launch scripts print its text alone and exit with code 2."""


class InvalidValueError(NasKerasError, ValueError):
    """A value that cannot be used; the message says the value, what is allowed, and the way out."""


class DataError(NasKerasError):
    """A file or folder that is missing, damaged or of another search; the message names it and the way out."""


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raises InvalidValueError unless `value` is one of `allowed`."""
    allowed = list(allowed)
    if value not in allowed:
        raise InvalidValueError(f"{name}={value!r} is unknown. Allowed: {', '.join(allowed)}.")


def check_at_least(name: str, value: object, minimum: float, *, integer: bool = True) -> None:
    """Raises InvalidValueError unless `value` is a finite number (an integer, unless told otherwise) >= `minimum`."""
    kind = "an integer" if integer else "a number"
    right_type = isinstance(value, numbers.Integral if integer else numbers.Real)
    if isinstance(value, bool) or not right_type or not minimum <= value < float("inf"):
        raise InvalidValueError(f"{name}={value!r} is not allowed: it must be {kind} of at least {minimum}.")
