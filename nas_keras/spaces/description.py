"""Descriptions of search spaces as JSON, which are stored with a run.

A description consists of the names of decisions and choices. The name of a choice is its `repr`, on which the space's
fingerprint depends too. `description_difference.py` compares descriptions, and `rebuilding.py` makes a space of one.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from nas_keras.errors import DataError, InvalidValueError, shown
from nas_keras.spaces import families
from nas_keras.spaces.search_space import SearchSpace, fingerprint_of
from nas_keras.system.code.fingerprint import code_parts

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+|\bid=\d{9,}")
_ABBREVIATED = re.compile(r"\.\.\.,|, \.\.\.|\n *\.\.\.?")


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
            choices = choices_of(described)
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


def name_space(fingerprint: str) -> str:
    """Returns the name of a built-in space with this fingerprint, or else the fingerprint."""
    return next((name for name, space in built_in().items() if space.fingerprint == fingerprint), fingerprint)


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


@functools.cache
def built_in() -> dict[str, SearchSpace]:
    """Returns the built-in spaces by name."""
    return {name: families.by_name(name) for name in families.NAMES}


def completed(described: dict[str, Any]) -> dict[str, Any]:
    """Returns a description, completed with decisions if it is of a built-in space and older versions wrote none."""
    known = built_in().get(name_space(described.get("fingerprint", "")))
    return describe_space(known) if known and "decisions" not in described else described


def choices_of(described: dict[str, Any]) -> dict[str, list[str]]:
    """Returns the names of the choices of each decision in a description."""
    return {decision["name"]: decision["choices"] for decision in described["decisions"]}
