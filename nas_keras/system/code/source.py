"""The text of one Python function, and the names that it uses; `system/code/fingerprint.py` forms an identity of them.

The text is the source without comments, docstrings and layout, so that it is the same for every version of Python. The
bytecode and its constants take its place if the source cannot be read, does not compile to them, or is ambiguous (two
lambdas in one line). No code is run here.
"""

import __future__

import ast
import copy
import dis
import functools
import itertools
import linecache
import operator
import types
from collections.abc import Iterator

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUTURE = functools.reduce(operator.or_, (getattr(__future__, n).compiler_flag for n in __future__.all_feature_names))
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_NAMES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")
# Methods that change a list, dict, set or array in place.
_CHANGES = {
    *("append", "extend", "insert", "remove", "pop", "popitem", "clear", "sort", "reverse", "add", "discard"),
    *("update", "setdefault", "fill", "appendleft", "popleft"),
}


def text_of(code: types.CodeType) -> str:
    """Returns the function's source in a uniform layout, or else its bytecode with its constants."""
    node = _node_of(code)
    return _bytecode(code) if node is None else ast.unparse(_without_docstrings(node))


def state_of(code: types.CodeType) -> set[str]:
    """Returns the names that the function changes, ".name" for attributes: its state between calls, not its code."""
    node = _node_of(code)
    if node is None:
        stored = {i.argval for i in dis.get_instructions(code) if i.opname in ("STORE_GLOBAL", "STORE_DEREF")}
        called = [(name, *attributes) for name, attributes in names_used(code) if attributes]
        changed = {name[0] if len(name) == 2 else f".{name[-2]}" for name in called if name[-1] in _CHANGES}
        return changed | stored - set(code.co_cellvars)
    changed = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Global | ast.Nonlocal):
            changed.update(part.names)
        elif isinstance(part, ast.Subscript) and not isinstance(part.ctx, ast.Load):
            changed.add(_called(part.value))
        elif isinstance(part, ast.Attribute) and (not isinstance(part.ctx, ast.Load) or part.attr in _CHANGES):
            changed.add(_called(part.value if isinstance(part.ctx, ast.Load) else part))
    return changed


def names_used(code: types.CodeType) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields the global and enclosing names that the function reads, each with the attributes that directly follow."""
    instructions = list(dis.get_instructions(code))
    for place, instruction in enumerate(instructions):
        if instruction.opname in _NAMES:
            attributes = []
            for following in instructions[place + 1 :]:
                if following.opname not in _ATTRIBUTES:
                    break
                attributes.append(following.argval)
            yield instruction.argval, tuple(attributes)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_used(constant)


def first_arguments(code: types.CodeType) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yields the name of each function that is called, with its attributes, and the name of its first argument.

    The name of an argument is written as in `state_of`. Without a source, only global and enclosing names are found.
    """
    node = _node_of(code)
    if node is None:
        names = list(names_used(code))
        for (name, attributes), (argument, inner) in itertools.pairwise(names):
            yield (name, *attributes), f".{inner[-1]}" if inner else argument
        return
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and part.args:
            yield tuple(_path(part.func)), _called(part.args[0])


def _path(node: ast.AST) -> list[str]:
    """Returns a name with its attributes, such as ["heapq", "heappush"]; [] for any other expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    path = _path(node.value) if isinstance(node, ast.Attribute) else []
    return [*path, node.attr] if path and isinstance(node, ast.Attribute) else []


def _called(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else f".{node.attr}" if isinstance(node, ast.Attribute) else ""


def _node_of(code: types.CodeType) -> _FUNCTIONS | None:
    """Returns the function's node in its file; None if there is none, several, or one that compiles to other code.

    The lines that were read first are tried first: the file may have been edited since, or even imported again.
    """
    for _ in range(2):
        text = "".join(linecache.getlines(code.co_filename))
        found = _functions_of(text).get(_place(code), ())
        if len(found) == 1 and _bytecode(code) in _compiled(text, code.co_flags & _FUTURE).get(_place(code), ()):
            return found[0]
        linecache.checkcache(code.co_filename)
    return None


def _place(code: types.CodeType) -> tuple[int, str]:
    return code.co_firstlineno, code.co_name


@functools.lru_cache(maxsize=16)
def _compiled(text: str, flags: int) -> dict[tuple[int, str], list[str]]:
    """Returns the bytecode of each function of a file, by first line and name."""
    try:
        waiting = [compile(text, "<text>", "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)]
    except (SyntaxError, ValueError, RecursionError):
        return {}
    places: dict[tuple[int, str], list[str]] = {}
    while waiting:
        code = waiting.pop()
        places.setdefault(_place(code), []).append(_bytecode(code))
        waiting.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return places


@functools.lru_cache(maxsize=16)
def _functions_of(text: str) -> dict[tuple[int, str], list[_FUNCTIONS]]:
    """Returns the functions of a file by first line, decorators included, and name."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    places: dict[tuple[int, str], list[_FUNCTIONS]] = {}
    for node in nodes:
        if isinstance(node, _FUNCTIONS):
            first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
            places.setdefault((first, getattr(node, "name", "<lambda>")), []).append(node)
    return places


def _without_docstrings(node: _FUNCTIONS) -> _FUNCTIONS:
    node = copy.deepcopy(node)
    for part in ast.walk(node):
        body = getattr(part, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[:] = body[1:] or [ast.Pass()]
    return node


def _bytecode(code: types.CodeType) -> str:
    constants = [_bytecode(c) if isinstance(c, types.CodeType) else _constant(c) for c in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_flags)
    return f"{code.co_code.hex()} {constants} {names}"


def _constant(constant: object) -> str:
    if isinstance(constant, frozenset):  # its order differs between processes
        return f"frozenset{sorted(map(_constant, constant))}"
    if isinstance(constant, tuple):
        return f"({', '.join(map(_constant, constant))})"
    return repr(constant)
