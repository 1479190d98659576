"""Search spaces as lists of categorical decisions, independent of cells and networks.

`spaces/families.py` defines the two families of cell spaces; a user defines any other space with `SearchSpace`.

Legend: `T` decisions; `actions` is one encoding of the space, integers `[T]`, `actions[t]` the index of a choice.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nas_keras.errors import InvalidValueError, check_at_least, check_flag, check_length, check_name, shown

Actions = tuple[int, ...]

_MOST_DECISIONS = 100_000
_MAX_CACHED_KEYS = 4_096  # a megabyte or two


@dataclasses.dataclass(frozen=True)
class Decision:
    """A categorical decision.

    Attributes:
        name: its name, unique in the space.
        choices: the values to choose from, at least one, all different. Any object with a stable `repr` will do.
    """

    name: str
    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        if isinstance(self.choices, str) or not isinstance(self.choices, Sequence):
            raise InvalidValueError(
                f"choices of decision {shown(self.name)} must be a tuple or list, not {shown(self.choices)}."
            )
        check_length("choices", self.choices)
        object.__setattr__(self, "choices", tuple(self.choices))
        check_name("A decision's name", self.name)
        if not self.choices:
            raise InvalidValueError(f"Decision {self.name!r} has no choices: give at least one.")
        if len(set(map(repr, self.choices))) != len(self.choices):
            raise InvalidValueError(f"Decision {self.name!r} has equal choices: {shown(self.choices)}. Name each once.")


def fingerprint_of(name: str, decisions: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Computes the fingerprint of a space from its name and the names of its decisions and choices."""
    described = [name, [[decision, list(choices)] for decision, choices in decisions]]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


class SearchSpace:
    """A space of architectures, described by a list of categorical decisions.

    Args:
        name: name of the space, part of its fingerprint.
        decisions: the decisions, in the order in which a controller makes them.
        key: function `key(actions) -> str`, equal for two encodings if and only if they mean the same architecture. By
            default the key is the encoding itself, `"1,7"`.
        decode: function `decode(actions) -> architecture`. By default the architecture is a tuple of the chosen values,
            in the order of decisions.
        encode: function `encode(architecture) -> actions` that returns the first encoding of an architecture in
            enumeration order.
        num_keys: number of distinct keys, if known.

    Raises:
        InvalidValueError: if there is no decision, or two decisions have the same name.
    """

    def __init__(
        self,
        name: str,
        decisions: Sequence[Decision],
        *,
        key: Callable[[Actions], str] | None = None,
        decode: Callable[[Actions], Any] | None = None,
        encode: Callable[[Any], Actions] | None = None,
        num_keys: int | None = None,
    ):
        check_name("A space's name", name)
        self.name = name
        try:
            self.decisions = tuple(itertools.islice(decisions, _MOST_DECISIONS))
        except TypeError:  # not iterable
            self.decisions = ()
        if not self.decisions or not all(isinstance(decision, Decision) for decision in self.decisions):
            raise InvalidValueError(f"decisions must be a non-empty list of nk.Decision, not {shown(decisions)}.")
        names = [decision.name for decision in self.decisions]
        if len(set(names)) != len(names):
            raise InvalidValueError(f"Two decisions of space {name!r} have the same name: {names}. Rename one.")
        for what, function in (("key", key), ("decode", decode), ("encode", encode)):
            if function is not None and not callable(function):
                raise InvalidValueError(f"{what}={shown(function)} is not allowed: it must be a function, or None.")
        if num_keys is not None:
            check_at_least("num_keys", num_keys, 1, at_most=self.size)
        self._key, self._decode, self._encode = key, decode, encode
        # A policy samples the same encodings again and again, and computing a cell's key is slow.
        self._key_of = functools.lru_cache(maxsize=_MAX_CACHED_KEYS)(self._make_key)
        self.num_keys = num_keys if num_keys is not None else (self.size if key is None else None)

    def __repr__(self) -> str:
        size = f"{self.size:,}" if self.size < 10**18 else f"10^{math.log10(self.size):.0f}"
        return f"SearchSpace({self.name!r}, T={len(self.decisions)}, size={size})"

    @property
    def num_choices(self) -> tuple[int, ...]:
        """The number of choices of each decision, [T]."""
        return tuple(len(decision.choices) for decision in self.decisions)

    @property
    def size(self) -> int:
        """The number of encodings."""
        return math.prod(self.num_choices)

    @functools.cached_property
    def fingerprint(self) -> str:
        """16 hex digits that depend on the name, the decisions, their choices, and the order of both."""
        return fingerprint_of(self.name, [(d.name, [repr(choice) for choice in d.choices]) for d in self.decisions])

    def check(self, actions: Sequence[int]) -> Actions:
        """Returns `actions` as a tuple of Python integers.

        Raises:
            InvalidValueError: if it is not an encoding `[T]` of this space.
        """
        try:
            array = np.asarray(actions)
        except ValueError:  # rows of unequal lengths
            array = np.asarray(None)
        if array.shape != (len(self.decisions),) or not np.issubdtype(array.dtype, np.integer):
            raise InvalidValueError(
                f"actions={shown(actions)} is not an encoding of space {self.name!r}, which takes "
                f"{len(self.decisions)} integers, one for each decision."
            )
        for action, decision in zip(array.tolist(), self.decisions, strict=True):
            if not 0 <= action < len(decision.choices):
                raise InvalidValueError(
                    f"Action {action} is out of range: decision {decision.name!r} has choices 0 to "
                    f"{len(decision.choices) - 1}."
                )
        return tuple(array.tolist())

    def decode(self, actions: Sequence[int]) -> Any:
        """Returns the architecture of an encoding `[T]`: a `Cell`, or a tuple of the chosen values."""
        actions = self.check(actions)
        if self._decode is not None:
            return self._decode(actions)
        return tuple(decision.choices[a] for decision, a in zip(self.decisions, actions, strict=True))

    def encode(self, architecture: Any) -> Actions:
        """Returns the first encoding of an architecture in enumeration order.

        Raises:
            InvalidValueError: if no encoding of this space means `architecture`.
        """
        if self._encode is not None:
            return self._encode(architecture)
        try:
            chosen = zip(self.decisions, architecture, strict=True)
            return tuple(decision.choices.index(value) for decision, value in chosen)
        except (ValueError, TypeError) as error:
            raise InvalidValueError(f"{shown(architecture)} does not fit space {self.name!r}: {error}.") from error

    def key(self, actions: Sequence[int]) -> str:
        """Returns the canonical key of an encoding `[T]`; equal keys mean the same architecture."""
        if type(actions) is tuple and all(type(action) is int for action in actions):
            return self._key_of(actions)
        return self._key_of(self.check(actions))

    def _make_key(self, actions: Actions) -> str:
        actions = self.check(actions)
        if self._key is None:
            return ",".join(map(str, actions))
        key = self._key(actions)
        if not isinstance(key, str) or not key or not key.isprintable():
            raise InvalidValueError(
                f"The key of {actions} in space {self.name!r} is {shown(key)}: the function key must return a "
                "string of printable characters, such as str(...)."
            )
        return key

    def enumerate(self, distinct: bool = False) -> Iterator[Actions]:
        """Yields all encodings, the last decision changing fastest; with `distinct`, the first encoding of each key."""
        check_flag("distinct", distinct)
        return self._enumerate(distinct)

    def _enumerate(self, distinct: bool) -> Iterator[Actions]:
        seen = set()
        for actions in itertools.product(*(range(n) for n in self.num_choices)):
            if distinct:
                key = self.key(actions)
                if key in seen:
                    continue
                seen.add(key)
            yield actions
