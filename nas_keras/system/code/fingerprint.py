"""The identity of a user's code: a reward function, an operation, a builder; equal in every process that runs it.

An identity is a dict of parts, name -> text, so that a message can name the part that changed:

- the text of the function (`system/code/source.py`), and of each function and class of the user's that it reads by
  name, at any depth, through closures, globals, modules, decorators, `functools.partial` and methods;
- the values that those read: defaults, closure values, globals, arguments of a partial, attributes of an object. Plain
  values, lists, dicts, sets, arrays, numbers and dates of the standard library, and objects of the user's classes count
  by their contents, each in its place.

- for code in a file that was imported by its path (`system/user_files.py`), the digest of the whole file.

The following count by name alone: everything that an installed package, Python or this package defines, modules, and
objects of their classes (a Keras model, a data frame, a random generator). The identity does not cover what is imported
inside a function, found by `getattr` or read from a file, nor values that the code itself changes in place (a counter,
a log, a cache, a heap), which are its state.
"""

from typing import Any

from nas_keras.errors import InvalidValueError, check_name
from nas_keras.system.code.parts import is_digest
from nas_keras.system.code.walk import CodeWalk

_VERSION = "given version"
_FILE = "file "  # begins the name of a part that is the digest of an imported file


def code_parts(function: Any, *, version: str | None = None) -> dict[str, str]:
    """Returns the parts of a callable's identity; `{}` for a function of Python's own.

    Args:
        function: any callable of the user's.
        version: replaces all parts, so that the user decides which code counts as the same.

    Raises:
        InvalidValueError: if the version is not a string, or the values are nested too deeply to be read.
    """
    if version is not None:
        check_name("version", version)
        return {_VERSION: version}
    walk = CodeWalk()
    try:
        name = walk.refer(function)
        if walk.changed:  # a function that was read before may know them under other names
            walk = CodeWalk(walk.changed)
            name = walk.refer(function)
    except RecursionError as error:
        raise InvalidValueError(
            'The values that a function reads are nested too deeply to identify it. Give it a version: version="1".'
        ) from error
    if not walk.found and not name.startswith("builtins."):
        walk.found["function"] = name
    return walk.found


def given_version(parts: dict[str, str]) -> str | None:
    """Returns the version that replaces the code in an identity; None if the code itself counts."""
    return parts.get(_VERSION)


def values_difference(there: dict[str, str], here: dict[str, str]) -> str:
    """Describes in words how the values that a function reads differ between two processes; "" if they do not.

    Texts of functions are left out: a function that was sent by value has no source in the process that received it.
    """
    read = [part for part in there.keys() & here.keys() if not is_digest(there[part]) and not is_digest(here[part])]
    return parts_difference({part: there[part] for part in read}, {part: here[part] for part in read})


def parts_difference(old: dict[str, str], new: dict[str, str]) -> str:
    """Describes in words how the parts of two identities differ; "" if they do not."""
    if (_VERSION in old) != (_VERSION in new) and old and new:
        one = old.get(_VERSION, new.get(_VERSION))
        return f"it had version={one!r}, and has none now" if _VERSION in old else f"it had no version, and has {one!r}"
    said = []
    for name in sorted({**old, **new}):
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        if before is None or now is None:
            said.append(f"{name} is {'new' if before is None else 'gone'}")
        elif is_digest(before) and is_digest(now):
            said.append(f"{name} has changed")
        else:
            said.append(f"{name} was {before}, is {now}")
    text = "; ".join(said)
    if said and all(part.startswith(_FILE) for part in said):
        text += ", although the code itself has not (but code beside it, or a comment)"
    return text
