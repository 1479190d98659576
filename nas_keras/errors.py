"""The kinds of error a user can meet: a wrong value, and a file that cannot be trusted.

A child network that fails is neither: it is an `Evaluation` with a status, and the search goes on.
"""

import dataclasses
import numbers
from collections.abc import Iterable, Sequence

_MAX_WORKERS = 1_024  # processes; more than any machine has GPUs or cores for
_MAX_SECONDS = 1_000_000  # 11 days; the operating system counts milliseconds in 32 bits
_MAX_LENGTH = 1_000_000  # items of a list
_MAX_SHOWN = 200  # characters of a value


class NasKerasError(Exception):
    """Base of this package's errors. The launch scripts print its text alone and exit with code 2."""

    def __str__(self) -> str:
        return printable(super().__str__())  # names out of files stand in it, and a terminal obeys what it is sent


class InvalidValueError(NasKerasError, ValueError):
    """A value that cannot be used; the message says the value, what is allowed, and the way out."""


class DataError(NasKerasError):
    """A file or folder that is missing, damaged or of another search; the message names it and the way out."""


class DependencyError(NasKerasError, ImportError):
    """A package that is missing, or that this process has imported in an unsuitable version or order."""


class StopSearch(Exception):  # noqa: N818  (it is no error)
    """Raised in a callback of `nk.search`, ends the search cleanly: it returns its result and can be continued."""


class FolderMovedError(NasKerasError):
    """A folder that was moved, removed or replaced while this process wrote to it; nothing more was written."""


def printable(text: str) -> str:
    r"""Text in which control characters, line breaks among them, are written as Python does: "\x1b", "\n"."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(value: object) -> str:
    """A value for a message: its `repr`, cut where it is long; Python writes no integer of thousands of digits."""
    try:
        text = repr(value)
    except Exception:  # of whatever class a user's value is
        text = f"a {type(value).__name__} that cannot be written"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raises InvalidValueError unless `value` is one of `allowed`."""
    allowed = list(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise InvalidValueError(f"{name}={shown(value)} is unknown. Allowed: {', '.join(allowed)}.")


def check_at_least(
    name: str, value: object, minimum: float, *, integer: bool = True, at_most: float = float("inf")
) -> None:
    """Raises InvalidValueError unless `value` is a finite number (an integer, unless told otherwise) >= `minimum`.

    Args:
        name: of the value, in the message.
        value: any object.
        minimum: the smallest that is allowed.
        integer: whether a fraction is refused.
        at_most: the largest that is allowed, where more would be a slip: memory or time that no machine has.
    """
    kind = "an integer" if integer else "a number"
    right_type = isinstance(value, numbers.Integral if integer else numbers.Real) and not isinstance(value, bool)
    if not right_type or not minimum <= (value if integer else _to_float(value)) < float("inf"):
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be {kind} of at least {minimum}.")
    if value > at_most:
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be {kind} of at most {at_most:,}.")


def check_type(name: str, value: object, kind: type, what: str) -> None:
    """Raises InvalidValueError unless `value` is an instance of `kind`, which `what` describes in the message."""
    if not isinstance(value, kind):
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be {what}.")


def use_python_numbers(config: object) -> None:
    """Replaces the numbers of other classes in a frozen dataclass, such as NumPy's, by the Python numbers of JSON.

    NumPy's integers of a few bits would wrap around in the arithmetic of the settings, and JSON can hold none of them.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, numbers.Real) and type(value) not in (bool, int, float):
            number = int(value) if isinstance(value, numbers.Integral) else _to_float(value)
            object.__setattr__(config, field.name, number)


def _to_float(value: numbers.Real) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")


def check_length(name: str, value: Sequence) -> None:
    """Raises InvalidValueError if a sequence is longer than any that is listed one by one."""
    try:
        length = len(value)
    except OverflowError:  # a range may be longer than Python can count
        length = _MAX_LENGTH + 1
    if length > _MAX_LENGTH:
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it has more than {_MAX_LENGTH:,} items.")


def check_flag(name: str, value: object) -> None:
    """Raises InvalidValueError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be True or False.")


def check_seed(seed: object) -> None:
    """Raises InvalidValueError unless `seed` is one that every generator takes."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise InvalidValueError(f"seed={shown(seed)} is not allowed: it must be an integer from 0 to 2**31 - 1.")


def check_workers(workers: object) -> None:
    """Raises InvalidValueError unless `workers`, a number of processes, is None (as many as fit) or a possible one."""
    if workers is not None:
        check_at_least("workers", workers, 1, at_most=_MAX_WORKERS)


def check_child_timeout(seconds: object) -> None:
    """Raises InvalidValueError unless `seconds`, of one child's training, is None (no limit) or can be waited for."""
    if seconds is not None:
        check_at_least("child_timeout", seconds, 1, integer=False, at_most=_MAX_SECONDS)


def check_name(what: str, name: object) -> None:
    """Raises InvalidValueError unless `name` is a string that can be shown in a line."""
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidValueError(f"{what} must be a non-empty string of printable characters, not {shown(name)}.")
