"""What functions, classes, objects and modules hold and can reach, and which of them are installed code."""

import operator
import sys
import sysconfig
import types
from typing import Any

from nas_keras.system.code.source import first_arguments
from nas_keras.system.code.values import changes_argument

MAKERS = ("__init__", "__post_init__")  # attributes set there define an object; they are not its state

_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_PACKAGE = __name__.partition(".")[0]


def defaults_of(function: types.FunctionType) -> dict[str, Any]:
    """Returns the default values of a function's parameters by name."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    with_default = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    return {**with_default, **(function.__kwdefaults__ or {})}


def scope_of(function: types.FunctionType) -> dict[str, Any]:
    """Returns the values of the global and enclosing names that a function can read."""
    scope = dict(function.__globals__)
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            scope[variable] = cell.cell_contents
        except ValueError:  # not filled yet
            scope.pop(variable, None)
    return scope


def changed_arguments(function: types.FunctionType) -> set[str]:
    """Returns the names that a function gives to functions like `heapq.heappush`; ".name" for attributes."""
    scope, changed = scope_of(function), set()
    for (name, *attributes), argument in filter(operator.itemgetter(0), first_arguments(function.__code__)):
        called = scope.get(name)
        for attribute in attributes:
            called = attribute_of(called, attribute)
        if changes_argument(called):
            changed.add(argument)
    return changed


def methods_of(kind: type) -> list[types.FunctionType]:
    """Returns the functions of a class and its bases, but for those that make an object."""
    methods = [m for c in kind.__mro__ for n, m in vars(c).items() if n not in MAKERS]
    functions = [
        attribute_of(m, "__func__") or attribute_of(m, "func") or attribute_of(m, "fget") or m for m in methods
    ]
    return [function for function in functions if isinstance(function, types.FunctionType)]


def attribute_of(value: Any, name: str) -> Any:
    """Returns an attribute of a value of any class; None if it has none, or raises an exception instead."""
    try:
        return getattr(value, name, None)
    except Exception:
        return None


def attributes_of(value: Any) -> dict[str, Any]:
    """Returns the attributes that an object holds itself, those in `__slots__` included."""
    slots = [slot for c in type(value).__mro__ for slot in vars(c).get("__slots__", ()) if hasattr(value, slot)]
    return {**{slot: getattr(value, slot) for slot in slots}, **getattr(value, "__dict__", {})}


def is_users_module(value: Any) -> bool:
    """Returns whether a value is a module that is not installed."""
    return isinstance(value, types.ModuleType) and not is_installed(value.__name__, attribute_of(value, "__file__"))


def is_installed(module: str | None, file: str | None) -> bool:
    """Returns whether code belongs to Python, an installed package or this one, so that its name identifies it."""
    top = (module or "").partition(".")[0]
    if top in (_PACKAGE, "builtins"):
        return True
    if file is None:
        loaded = sys.modules.get(module or "")
        file = attribute_of(loaded, "__file__")
        if file is None:
            return loaded is not None and top != "__main__"  # built into Python
    return file.startswith("<frozen") or file.startswith(_INSTALLED) or "site-packages" in file
