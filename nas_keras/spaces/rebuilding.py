"""Search spaces rebuilt from their descriptions, so that a run can be read without the program that made it."""

import ast
from collections.abc import Sequence
from typing import Any

from nas_keras.errors import DataError, InvalidValueError, shown
from nas_keras.spaces import families
from nas_keras.spaces.description import built_in, check_description, choices_of, describe_space
from nas_keras.spaces.description_difference import space_difference
from nas_keras.spaces.search_space import Decision, SearchSpace
from nas_keras.system.user_files import values_of

_MAX_LITERAL = 10_000  # characters of a choice that is read as a value


class NamedChoice:
    """A choice that was read from a file and is known by its name only."""

    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedChoice) and repr(other) == self._name

    def __hash__(self) -> int:
        return hash(self._name)


def find_space(fingerprint: str) -> SearchSpace | None:
    """Returns the built-in space, or else the space of an imported file, with this fingerprint; None if none has it."""
    spaces = [*built_in().values(), *(space for _, _, space in values_of(SearchSpace))]
    return next((space for space in spaces if space.fingerprint == fingerprint), None)


def rebuild_space(described: dict[str, Any], place: object) -> SearchSpace:
    """Rebuilds a space from its description.

    A small or large space is rebuilt completely, and one that an imported file defines is that of the file.
    Descriptions hold no functions, so any other space decodes to a tuple of its choices, a choice that is not a plain
    value becomes a `NamedChoice`, and the key of a space with a key function of its own cannot be computed.

    Args:
        described: a description from a file, see `describe_space`.
        place: the file, for messages.

    Raises:
        DataError: if the description is corrupt, or comes from a version that did not write decisions.
        InvalidValueError: if an imported file defines the space, but with functions of other code.
    """
    check_description(described, place)
    fingerprint, name = described.get("fingerprint"), described.get("name", "")
    if (imported := _imported(described, place)) is not None:
        return imported
    if name in built_in() and built_in()[name].fingerprint == fingerprint:
        return families.by_name(name)
    if "decisions" not in described:
        raise DataError(
            f"{place} does not say the decisions of its space {shown(name)}: an older version of nas_keras wrote it. "
            "Pass the space where that is possible, or start the search again in that folder."
        )
    functions = described.get("functions", {})
    try:
        decisions = [Decision(n, tuple(map(_read_choice, some))) for n, some in choices_of(described).items()]
        space = _large(name, decisions) or SearchSpace(name, decisions, key=_no_key if "key" in functions else None)
        same = space.fingerprint == fingerprint
    except InvalidValueError:
        same = False
    if not same:
        raise DataError(f"The space in {place} does not match its fingerprint. Restore the file from a copy.")
    return space


def _imported(described: dict[str, Any], place: object) -> SearchSpace | None:
    """Returns the space of an imported file (`system/user_files.py`) that has this description; None if none has."""
    changed = {}
    for module, name, space in values_of(SearchSpace):
        if space.fingerprint == described["fingerprint"]:
            changed[f"{module}.{name}"] = space_difference(described, describe_space(space))
            if not changed[f"{module}.{name}"]:
                return space
    for name, difference in changed.items():
        raise InvalidValueError(
            f"The space {name} of the imported file is not that of {place}: {difference}. Restore its code."
        )
    return None


def _large(name: str, decisions: Sequence[Decision]) -> SearchSpace | None:
    """Returns the large space of a name and its own operations; None for any other name."""
    if name not in families.NAMES or name == "small":
        return None
    return families.large(int(name.removeprefix("large")), operations=decisions[0].choices)


def _read_choice(name: str) -> Any:
    try:
        value = ast.literal_eval(name) if len(name) <= _MAX_LITERAL else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    return value if repr(value) == name else NamedChoice(name)


def _no_key(actions: Sequence[int]) -> str:
    raise InvalidValueError(
        f"The key of {actions} cannot be computed: the space has a key function of its own, which is not in the run's "
        "folder. Use the keys of its trials, or the space itself."
    )
