"""Descriptions of search spaces as JSON, which are stored with a run, compared, and turned into a space again.

A description consists of the names of decisions and choices. The name of a choice is its `repr`, on which the space's
fingerprint depends too.
"""

import ast
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nas_keras.errors import DataError, InvalidValueError, shown
from nas_keras.spaces import families
from nas_keras.spaces.search_space import Decision, SearchSpace, fingerprint_of
from nas_keras.system.code_fingerprint import code_parts, parts_difference
from nas_keras.system.user_files import values_of

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+|\bid=\d{9,}")
_ABBREVIATED = re.compile(r"\.\.\.,|, \.\.\.|\n *\.\.\.?")
_MAX_LITERAL = 10_000  # characters of a choice that is read as a value
_MAX_NAMED = 5  # choices in a message


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


def describe_space(space: SearchSpace) -> dict[str, Any]:
    """Describes a space as a JSON object: name, fingerprint, decisions with choices, and the user's functions."""
    described = {
        "name": space.name,
        "fingerprint": space.fingerprint,
        "decisions": [{"name": d.name, "choices": [repr(choice) for choice in d.choices]} for d in space.decisions],
    }
    functions = {name: code_parts(function) for name, function in _functions_of(space).items()}
    return {**described, **({"functions": functions} if functions else {})}


def check_description(described: Any, place: object) -> None:
    """Raises DataError unless this is a valid description of a space; older versions wrote no decisions."""
    try:
        name, fingerprint, functions = described.get("name"), described["fingerprint"], described.get("functions", {})
        right = isinstance(name, str) and isinstance(fingerprint, str) and _are_functions(functions)
        if right and "decisions" in described:
            choices = _choices_of(described)
            texts = [name, *choices, *(text for some in choices.values() for text in some)]
            right = all(isinstance(text, str) for text in texts) and len(choices) == len(described["decisions"])
            right = right and fingerprint_of(name, choices.items()) == fingerprint
    except (AttributeError, KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise DataError(f"The space in {place} does not match its fingerprint. Restore the file from a copy.")


def _are_functions(functions: Any) -> bool:
    parts = list(functions.values())
    return all(isinstance(part, dict) and all(isinstance(text, str) for text in part.values()) for part in parts)


def space_difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Returns the differences between two descriptions, in words; an older one may hold only a fingerprint."""
    old, new = (_decided(described) for described in (old, new))
    if "decisions" not in old or "decisions" not in new:
        return f"{_title(old)} before, {_title(new)} now; the decisions of the older one were not recorded"
    if old.get("name") != new.get("name"):
        return f"name {old.get('name')!r} before, {new.get('name')!r} now"
    said = []
    before, now = (_choices_of(described) for described in (old, new))
    said += [f"decision {name!r} is {'new' if name in now else 'gone'}" for name in _apart(before, now)]
    common = [name for name in before if name in now]
    if common != [name for name in now if name in before]:
        said.append(f"the order of decisions {list(before)} before, {list(now)} now")
    for name in common:
        gone = [choice for choice in before[name] if choice not in now[name]]
        added = [choice for choice in now[name] if choice not in before[name]]
        if gone or added:
            changes = [f"{_list(some)} {what}" for some, what in ((gone, "is gone"), (added, "is new")) if some]
            said.append(f"decision {name!r}: choice {', '.join(changes)}")
        elif before[name] != now[name]:
            said.append(f"decision {name!r}: choices in the order {_list(before[name])} before, {_list(now[name])} now")
    functions = [described.get("functions", {}) for described in (old, new)]
    for name in sorted({*functions[0], *functions[1]}):
        changed = parts_difference(*(described.get(name, {}) for described in functions))
        said += [f"its function {name}: {changed}"] if changed else []
    return "; ".join(said)


def choice_places(old: dict[str, Any], new: dict[str, Any]) -> list[list[int | None]] | None:
    """Maps the choices of one space to those of another, by their names.

    Args:
        old: description of the one space.
        new: description of the other space.

    Returns:
        For each decision and choice of `old` the index in `new`, or None if `new` has no such choice. None as a whole
        if the spaces differ in their names or decisions, or have functions of the user's, which may depend on indices.
    """
    old, new = (_decided(described) for described in (old, new))
    if "decisions" not in old or old["name"] != new["name"] or "functions" in old or "functions" in new:
        return None
    before, now = (_choices_of(described) for described in (old, new))
    if list(before) != list(now):  # a tuple in another order is another architecture
        return None
    index = {name: {choice: place for place, choice in enumerate(choices)} for name, choices in now.items()}
    return [[index[name].get(choice) for choice in choices] for name, choices in before.items()]


def name_space(fingerprint: str) -> str:
    """Returns the name of a built-in space with this fingerprint, or else the fingerprint."""
    return next((name for name, space in _built_in().items() if space.fingerprint == fingerprint), fingerprint)


def find_space(fingerprint: str) -> SearchSpace | None:
    """Returns the built-in space, or else the space of an imported file, with this fingerprint; None if none has it."""
    spaces = [*_built_in().values(), *(space for _, _, space in values_of(SearchSpace))]
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
    if name in _built_in() and _built_in()[name].fingerprint == fingerprint:
        return families.by_name(name)
    if "decisions" not in described:
        raise DataError(
            f"{place} does not say the decisions of its space {shown(name)}: an older version of nas_keras wrote it. "
            "Pass the space where that is possible, or start the search again in that folder."
        )
    functions = described.get("functions", {})
    try:
        decisions = [Decision(n, tuple(map(_read_choice, some))) for n, some in _choices_of(described).items()]
        space = _large(name, decisions) or SearchSpace(name, decisions, key=_no_key if "key" in functions else None)
        same = space.fingerprint == fingerprint
    except InvalidValueError:
        same = False
    if not same:
        raise DataError(f"The space in {place} does not match its fingerprint. Restore the file from a copy.")
    return space


def check_names(space: SearchSpace) -> None:
    """Raises InvalidValueError if a choice may have another name in another process, which rules out resuming a run."""
    for decision in space.decisions:
        for number, choice in enumerate(decision.choices):
            why = _unstable(choice)
            if why:
                raise InvalidValueError(
                    f"Choice {number} of decision {decision.name!r} is {shown(choice)}, {why}: the run could not be "
                    "continued by another process. Give each choice a name: keep the objects in a dict of name -> "
                    f"object, write nk.Decision({decision.name!r}, tuple(objects)), and look the object up by its name "
                    "where it is used. Without a workdir any choice is allowed."
                )


def _unstable(value: Any) -> str:
    """Returns why the name of a value may differ between processes, or be shared with another value; "" if not."""
    if value is None or isinstance(value, str | bytes | bool | int | float | complex | np.generic):
        return ""
    if isinstance(value, set | frozenset) and len(value) > 1:
        return "a set, whose order changes from process to process"
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if type(value) in (list, tuple):
        return next(filter(None, map(_unstable, value)), "")
    text = repr(value)
    if _ADDRESS.search(text):
        return "whose text holds an address in memory, which changes from process to process"
    return "whose text is abbreviated, so that others have the same" if _ABBREVIATED.search(text) else ""


def _functions_of(space: SearchSpace) -> dict[str, Callable]:
    """Returns the user's functions in a space; those of small and large belong to this package."""
    functions = {"key": space._key, "decode": space._decode}
    package = __name__.partition(".")[0]
    return {
        name: function
        for name, function in functions.items()
        if function is not None and (getattr(function, "__module__", None) or "").partition(".")[0] != package
    }


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


@functools.cache
def _built_in() -> dict[str, SearchSpace]:
    return {name: families.by_name(name) for name in families.NAMES}


def _decided(described: dict[str, Any]) -> dict[str, Any]:
    """Returns a description, completed with decisions if it is of a built-in space and older versions wrote none."""
    known = _built_in().get(name_space(described.get("fingerprint", "")))
    return describe_space(known) if known and "decisions" not in described else described


def _title(described: dict[str, Any]) -> str:
    name, fingerprint = described.get("name"), described.get("fingerprint")
    return f"{name} ({fingerprint})" if name else f"fingerprint {fingerprint}"


def _choices_of(described: dict[str, Any]) -> dict[str, list[str]]:
    return {decision["name"]: decision["choices"] for decision in described["decisions"]}


def _apart(before: dict, now: dict) -> list[str]:
    return [name for name in {**before, **now} if name not in before or name not in now]


def _list(choices: Sequence[str]) -> str:
    named = ", ".join(map(str, choices[:_MAX_NAMED]))
    return named if len(choices) <= _MAX_NAMED else f"{named} and {len(choices) - _MAX_NAMED} more"


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
