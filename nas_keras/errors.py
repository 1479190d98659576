"""Errors that a user can meet, and checks of the values that a user passes.

A child network that fails raises no error: it becomes an `Evaluation` with a status, and the search continues.
"""

import dataclasses
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

_MAX_WORKERS = 1_024  # processes; more than any machine has GPUs or cores for
_MAX_SECONDS = 1_000_000  # 11 days; the operating system counts milliseconds in 32 bits
_MAX_LENGTH = 1_000_000  # items of a list
_MAX_SHOWN = 200  # characters of a value
_MAX_ERROR = 400  # characters of an error of the user's code


class NasKerasError(Exception):
    """Base of this package's errors. The launch scripts print its text alone and exit with code 2."""

    def __str__(self) -> str:
        return printable(super().__str__())  # it may quote names from files, whose control codes a terminal would obey


class InvalidValueError(NasKerasError, ValueError):
    """A value that cannot be used; the message shows the value, what is allowed, and how to fix it."""


class DataError(NasKerasError):
    """A file or folder that is missing, corrupt or of another search; the message names it and says how to fix it."""


class DependencyError(NasKerasError, ImportError):
    """A package that is missing, or that this process has imported in an unsuitable version or order."""


class StopSearch(Exception):  # noqa: N818  (it is not an error)
    """Ends a search cleanly: the result is returned and can be continued.

    A callback of `nk.search` raises it, an evaluator in `evaluate`, or a strategy in `ask` or `tell`.
    """


class FolderMovedError(DataError):
    """A folder, or a part of it, that was moved, removed or replaced while this process wrote to it."""


def printable(text: str) -> str:
    r"""Returns a text with its control characters and line breaks escaped as Python does: "\x1b", "\n"."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(value: object) -> str:
    """Returns the `repr` of a value for a message, shortened if it is long."""
    try:
        text = repr(value)
    except Exception:  # the value may be of any class, and Python refuses integers of thousands of digits
        text = f"a {type(value).__name__} that cannot be written"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def in_one_line(error: BaseException) -> str:
    """Returns the message of an error, without line breaks and the last full stop, truncated if it is long."""
    text = " ".join(str(error).split()).removesuffix(".")
    return text if len(text) <= _MAX_ERROR else f"{text[:_MAX_ERROR]} [...]"


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raises InvalidValueError unless `value` is one of `allowed`."""
    allowed = list(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise InvalidValueError(f"{name}={shown(value)} is unknown. Allowed: {', '.join(allowed)}.")


def check_at_least(
    name: str, value: object, minimum: float, *, integer: bool = True, at_most: float = float("inf")
) -> None:
    """Raises InvalidValueError unless `value` is a finite number, by default an integer, of at least `minimum`.

    Args:
        name: name of the value, for the message.
        value: any object.
        minimum: smallest allowed value.
        integer: whether only integers are allowed.
        at_most: largest allowed value, where more would be a slip: memory or time that no machine has.
    """
    kind = "an integer" if integer else "a number"
    right_type = isinstance(value, numbers.Integral if integer else numbers.Real) and not isinstance(value, bool)
    number: Any = value
    if not right_type or not minimum <= (number if integer else _to_float(number)) < float("inf"):
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be {kind} of at least {minimum}.")
    if number > at_most:
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be {kind} of at most {at_most:,}.")


def check_type(name: str, value: object, kind: type, what: str) -> None:
    """Raises InvalidValueError unless `value` is an instance of `kind`, which `what` describes in the message."""
    if not isinstance(value, kind):
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be {what}.")


def use_python_numbers(config: Any) -> None:
    """Converts numbers in a frozen dataclass, such as NumPy's, to Python numbers.

    JSON cannot hold NumPy's numbers, and its small integers would wrap around in the arithmetic of the settings.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, numbers.Real) and type(value) not in (bool, int, float):
            number = int(value) if isinstance(value, numbers.Integral) else _to_float(value)
            object.__setattr__(config, field.name, number)


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")


def check_length(name: str, value: Sequence) -> None:
    """Raises InvalidValueError if a sequence is too long to be listed item by item."""
    try:
        length = len(value)
    except OverflowError:  # len() cannot return the length of a huge range
        length = _MAX_LENGTH + 1
    if length > _MAX_LENGTH:
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it has more than {_MAX_LENGTH:,} items.")


def check_flag(name: str, value: object) -> None:
    """Raises InvalidValueError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be True or False.")


def check_seed(seed: object) -> None:
    """Raises InvalidValueError unless `seed` is an integer that every random generator accepts."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise InvalidValueError(f"seed={shown(seed)} is not allowed: it must be an integer from 0 to 2**31 - 1.")


def check_workers(workers: object) -> None:
    """Raises InvalidValueError unless `workers` is a possible number of processes, or None for as many as fit."""
    if workers is not None:
        check_at_least("workers", workers, 1, at_most=_MAX_WORKERS)


def check_child_timeout(seconds: object) -> None:
    """Raises InvalidValueError unless `seconds` is a possible time limit of a training, or None for no limit."""
    if seconds is not None:
        check_at_least("child_timeout", seconds, 1, integer=False, at_most=_MAX_SECONDS)


def check_name(what: str, name: object) -> None:
    """Raises InvalidValueError unless `name` is a non-empty string of printable characters."""
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidValueError(f"{what} must be a non-empty string of printable characters, not {shown(name)}.")
