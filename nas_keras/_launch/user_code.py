"""The flags --import and --build: a user's Python files, and the spaces and functions that they define.

Every launch script has --import. Its files are imported at the start of `main()`, before any other flag is read, so
that operations are registered and spaces are known when they are needed.
"""

import functools
import types
from collections.abc import Callable
from typing import Any

from absl import flags

from nas_keras.errors import InvalidValueError, check_choice
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.recipe import BUILD
from nas_keras.system.code.fingerprint import code_parts
from nas_keras.system.user_files import import_file, values_of

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script

_FUNCTIONS = (types.FunctionType, functools.partial)


class ImportFlags:
    """--import: Python files that register operations and define spaces and networks."""

    def __init__(self) -> None:
        flags.DEFINE_list(
            "import",
            [],
            "Your Python files, comma-separated: they register operations, and define spaces (--space) and networks "
            "(--build). Their text is part of the recipe. See docs/own_network.md.",
        )

    def load(self) -> None:
        """Imports the files, in order.

        Raises:
            InvalidValueError: if a file cannot be imported.
        """
        for path in flags.FLAGS["import"].value or ():
            import_file(path)


class BuildFlags:
    """--build: the function of an imported file that builds the children.

    Args:
        text: the description of --build in --help.
    """

    def __init__(self, text: str):
        self._build = flags.DEFINE_string("build", None, text)

    def function(self) -> Callable[..., Any] | None:
        """The function that the flag names; None without the flag.

        Raises:
            InvalidValueError: if no imported file defines it, or if several do.
        """
        if not self._build.value:
            return None
        return find_value("build", self._build.value, _FUNCTIONS)

    def function_of(self, recipe: dict[str, Any]) -> Callable[..., Any] | None:
        """The function that built the children of a run: that of the flag, or the one with the code of the run.

        Args:
            recipe: the recipe of the run; None is returned if it is one of cells, or no file has such a function.
        """
        code = recipe.get(BUILD)
        if self._build.value or not isinstance(code, dict):
            return self.function()
        found = [function for _, _, function in values_of(_FUNCTIONS)]
        same = [function for function in found if code_parts(function) == code]
        # One of the same name is refused later, with the parts that differ.
        named = [function for function in found if getattr(function, "__qualname__", None) in code]
        return next(iter([*same, *named]), None)


def imported_spaces() -> list[str]:
    """Returns the names of the search spaces that imported files define, each as the flag takes it."""
    return [name for _, name, _ in values_of(SearchSpace)]


def find_value(flag: str, name: str, kind: type | tuple[type, ...]) -> Any:
    """Returns the value `name`, or `file.name`, of an imported file.

    Args:
        flag: the flag that names it, for messages.
        name: name of a variable or function at the top of an imported file, or `file.name`.
        kind: its type.

    Raises:
        InvalidValueError: if no imported file defines it, or if several do.
    """
    known = {f"{module}.{attribute}": (attribute, value) for module, attribute, value in values_of(kind)}
    if not known:
        raise InvalidValueError(
            f"--{flag}={name} is not defined: name the file that defines it by --import, such as "
            f"--import=my_file.py --{flag}={name}."
        )
    found = {full: value for full, (attribute, value) in known.items() if name in (full, attribute)}
    if not found:
        check_choice(flag, name, [attribute for attribute, _ in known.values()])
    if len(found) > 1:
        raise InvalidValueError(f"--{flag}={name} is ambiguous: name one of {', '.join(found)}.")
    return next(iter(found.values()))
