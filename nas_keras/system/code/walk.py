"""A walk from a user's function to everything that it reads; `system/code/fingerprint.py` states what counts.

`CodeWalk.refer` writes a value as a text. Functions and classes of the user's are referred to by name and become parts
of their own; a value that a function reads becomes a part named after the variable and the function. A reference to an
object, a partial or a closure contains a digest of what it holds, so that two of one name are told apart.
"""

import dataclasses
import enum
import functools
import operator
import pathlib
import re
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nas_keras.system.code.objects import (
    MAKERS,
    attribute_of,
    attributes_of,
    changed_arguments,
    defaults_of,
    is_installed,
    is_users_module,
    methods_of,
    scope_of,
)
from nas_keras.system.code.parts import Parts, digest
from nas_keras.system.code.source import names_used, state_of, text_of
from nas_keras.system.code.values import emptied, is_computed, is_state, items_of

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), range, slice)
_LARGE = 10**100  # Python writes integers of thousands of digits only as hexadecimal ones
_GETTERS = operator.itemgetter | operator.attrgetter | operator.methodcaller


class CodeWalk:
    """Collects the parts of a function's identity.

    Args:
        changed: containers that an earlier walk found to be changed by the code, under whatever name: they count as if
            they were empty.

    Attributes:
        found: the parts, name -> text.
        changed: containers that the functions change, by their `id`.
    """

    def __init__(self, changed: Mapping[int, Any] | None = None):
        self._parts = Parts()
        self.found = self._parts.found
        self.changed: dict[int, Any] = {}
        self._known_changed = dict(changed or {})
        self._seen: dict[int, tuple[Any, str]] = {}  # holds the object, so that its id is not reused
        self._state: set[str] = set()  # ".name" of attributes that functions change

    def refer(self, value: Any) -> str:
        """Returns a value as a text; the user's functions and classes appear by name, and become parts of their own."""
        value = self._without_changes(value)
        if isinstance(value, enum.Enum):
            return f"{type(value).__qualname__}.{value.name}={self.refer(value.value)}"
        if type(value) in _PLAIN:
            return repr(value) if not isinstance(value, int) else hex(value) if abs(value) > _LARGE else repr(value)
        if isinstance(value, np.generic) or isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return f"{value.dtype.str}{list(value.shape)} {digest(np.ascontiguousarray(value).tobytes())}"
        if id(value) in self._seen:
            return self._seen[id(value)][1]
        self._seen[id(value)] = value, f"a {type(value).__qualname__} within itself"
        text = self._describe(value)
        self._seen[id(value)] = value, text
        return text

    def _describe(self, value: Any) -> str:
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.MethodType):
            return f"{self.refer(value.__func__)} of {self.refer(value.__self__)}"
        if isinstance(value, functools.partial | functools.partialmethod):
            name = self.refer(value.func)
            given = {**{f"argument {number}": held for number, held in enumerate(value.args)}, **value.keywords}
            return f"partial {name}{self._holding(name, given)}"
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__}"
        if isinstance(value, np.vectorize):
            held = {name: attribute_of(value, name) for name in ("otypes", "signature", "excluded")}
            return f"numpy.vectorize {self.refer(value.pyfunc)}{self._holding('numpy.vectorize', held)}"
        for wrapped in ("__wrapped__", "python_function"):
            if callable(inner := attribute_of(value, wrapped)):
                return f"{type(value).__qualname__} {self.refer(inner)}"
        if isinstance(value, types.BuiltinFunctionType):
            owner = value.__self__
            if owner is None or isinstance(owner, types.ModuleType):
                return f"{value.__module__}.{value.__qualname__}"
            return f"{value.__qualname__}{self._holding(value.__qualname__, {'itself': owner})}"  # as {"a": 1}.get
        if isinstance(value, np.ufunc):
            return f"numpy.{value.__name__}"
        if isinstance(value, pathlib.PurePath):
            return repr(str(value))
        if isinstance(value, re.Pattern):
            return repr((value.pattern, value.flags))
        if isinstance(value, _GETTERS):
            return f"{type(value).__name__}{self.refer(value.__reduce__()[1])}"
        contents = self._contents(value)
        return contents if type(value) in (list, tuple, dict, set, frozenset) else self._object(value) + contents

    def _contents(self, value: Any) -> str:
        items = items_of(value, self._state)
        if isinstance(items, dict):
            return "{" + ", ".join(sorted(f"{self.refer(k)}: {self.refer(v)}" for k, v in items.items())) + "}"
        if isinstance(items, frozenset):
            return "set(" + ", ".join(sorted(map(self.refer, items))) + ")"
        if isinstance(items, list | tuple):
            texts = ", ".join(map(self.refer, items))
            return f"({texts})" if isinstance(items, tuple) else f"[{texts}]"
        return ""

    def _function(self, function: types.FunctionType) -> str:
        code, name = function.__code__, function.__qualname__
        if is_installed(function.__module__, code.co_filename):
            return self._wrapped(function) or f"{function.__module__}.{name}"
        name = self._parts.add(name, digest(text_of(code)))
        self._parts.add_file(function.__module__)
        self._seen[id(function)] = function, name  # it may call itself
        state = state_of(code)
        if function.__name__ not in MAKERS:
            self._state |= {changed for changed in state if changed.startswith(".")}
        given = {variable: value for variable, value in defaults_of(function).items() if variable not in state}
        holding = self._holding(name, given)
        scope, enclosed = scope_of(function), {}
        changed = state | changed_arguments(function)
        self._note_changed(scope[variable] for variable in changed if variable in scope)
        for variable, attributes in dict.fromkeys(names_used(code)):
            value = scope.get(variable)
            is_code = isinstance(value, types.ModuleType | types.FunctionType | type)
            if variable not in scope or variable in state and not is_code:
                continue
            for attribute in attributes:
                inner = attribute_of(value, attribute) if is_users_module(value) else None
                if inner is None:
                    break
                if f".{attribute}" in changed:
                    self._note_changed([inner])
                    inner = emptied(inner)
                variable, value = f"{variable}.{attribute}", inner
            text = self._variable(variable, name, value)
            if variable.partition(".")[0] in code.co_freevars:
                enclosed[variable] = text
        return name + holding + (f" {digest(repr(sorted(enclosed.items())))}" if enclosed else "")

    def _wrapped(self, function: types.FunctionType) -> str:
        """Writes a function of the user's within one that an installed decorator made; "" for any other function."""
        inner, registry = attribute_of(function, "__wrapped__"), attribute_of(function, "registry")
        if not isinstance(inner, types.FunctionType) or is_installed(inner.__module__, inner.__code__.co_filename):
            return ""
        name = f"{function.__code__.co_name} of {self.refer(inner)}"
        if not isinstance(registry, types.MappingProxyType):
            return name
        by_type = sorted(f"{self.refer(kind)}: {self.refer(handler)}" for kind, handler in registry.items())
        return f"{name} {digest(repr(by_type))}"  # of `functools.singledispatch`

    def _class(self, kind: type) -> str:
        if is_installed(kind.__module__, None):
            return f"{kind.__module__}.{kind.__qualname__}"
        name = kind.__qualname__
        self._parts.add_file(kind.__module__)
        self._seen[id(kind)] = kind, name  # its methods refer to it
        bases = [self.refer(base) for base in kind.__bases__ if base is not object]
        self._parts.add(f"class {name}", ", ".join(bases) or "object")
        state = self._state_of(kind)
        generated = dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
        for attribute, value in list(vars(kind).items()):
            inner = attribute_of(value, "__func__") or attribute_of(value, "func") or value
            if isinstance(value, functools.partialmethod):
                self._variable(attribute, name, value)
            elif isinstance(value, functools.singledispatchmethod):
                self._variable(attribute, name, value.dispatcher)
            elif isinstance(value, property):
                for accessor in filter(None, (value.fget, value.fset, value.fdel)):
                    self.refer(accessor)
            elif isinstance(inner, types.FunctionType):
                if not (generated and inner.__code__.co_filename.startswith("<")):
                    self.refer(inner)
            elif isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType) or attribute == "_abc_impl":
                continue
            elif not attribute.startswith("_") or not attribute.endswith("_") and not is_state(attribute, kind, state):
                self._variable(attribute, name, value)
        return name

    def _state_of(self, kind: type) -> set[str]:
        return self._state.union(*(state_of(method.__code__) for method in methods_of(kind)))

    def _object(self, value: Any) -> str:
        kind = type(value)
        if is_installed(kind.__module__, None) and not dataclasses.is_dataclass(value):
            return f"a {kind.__module__}.{kind.__qualname__}"
        name, state = self.refer(kind), self._state_of(kind)
        held = attributes_of(value)
        changed = set[str]().union(*map(changed_arguments, methods_of(kind)))
        held = {
            attribute: emptied(inner) if is_state(attribute, kind, changed) else inner
            for attribute, inner in held.items()
            if not is_state(attribute, kind, state) and not is_computed(attribute, kind)
        }
        return f"a {name}{self._holding(f'{name} object', held)}"

    def _holding(self, owner: str, held: dict[str, Any]) -> str:
        """Adds each held value as a part; returns a digest of them all, to be written behind the name of the owner."""
        texts = [f"{variable}={self._variable(variable, owner, value)}" for variable, value in held.items()]
        return f" {digest(repr(sorted(texts)))}" if texts else ""

    def _variable(self, variable: str, owner: str, value: Any) -> str:
        """Adds the value of a variable as a part, and returns its text.

        A dict is added item by item, so that a new item changes no other.
        """
        value = self._without_changes(value)
        if type(value) is dict and all(isinstance(key, str) for key in value):
            self._seen[id(value)] = value, f"dict {variable}"
            texts = [f"{key!r}: {self._variable(f'{variable}[{key!r}]', owner, held)}" for key, held in value.items()]
            text = "{" + ", ".join(sorted(texts)) + "}"
            self._seen[id(value)] = value, text
            return text
        text = self.refer(value)
        if text != variable:  # a helper under its own name is already a part
            self._parts.add_value(f"{variable} in {owner}", text)
        return text

    def _note_changed(self, values: Iterable[Any]) -> None:
        self.changed.update({id(value): value for value in values if emptied(value) is not value})

    def _without_changes(self, value: Any) -> Any:
        return emptied(value) if id(value) in self._known_changed else value
