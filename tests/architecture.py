"""Checks of how a package is built, read from its syntax trees: nothing of it is imported.

Each check returns a sorted list of problems, one sentence each; an empty list means that the rule holds.
`architecture_test.py` applies the checks to nas_keras/ and shows on small made-up trees that each of them can fail.
"""

import ast
import pathlib
from collections.abc import Iterable, Iterator, Mapping

_INIT = "__init__"


def check_imports(root: pathlib.Path, table: Mapping[str, str]) -> list[str]:
    """Imports between the packages of `root` that the table does not list, and rows of the table that are wrong.

    Args:
        root: the folder of the package.
        table: package or module at the top level -> the ones it may import, separated by spaces. A row may name only
            rows above it, so that imports point one way.
    """
    problems, above = [], set()
    for name, row in table.items():
        problems += [f"The row of {name} names {other}, which is not above it." for other in set(row.split()) - above]
        above.add(name)
    tops = {path.stem for path in root.iterdir() if _is_part(path)} - {_INIT}
    problems += [f"{name} has no row." for name in tops - above] + [f"{name} is not there." for name in above - tops]
    used = set()
    for module, imported in _edges(root):
        one, other = module.partition(".")[0], imported.partition(".")[0]
        if one == _INIT or one == other:
            continue
        used.add((one, other))
        if other not in table.get(one, "").split():
            problems.append(f"{module} imports {imported}, but {one} may not import {other}.")
    for name, row in table.items():
        problems += [f"{name} may import {other}, but does not." for other in row.split() if (name, other) not in used]
    return sorted(problems)


def check_cycles(root: pathlib.Path) -> list[str]:
    """Modules that import each other, directly or through others."""
    graph: dict[str, set[str]] = {}
    for module, imported in _edges(root):
        if module != imported:
            graph.setdefault(module, set()).add(imported)
    while True:  # remove what imports nothing that is left; the rest is in a cycle or imports one
        ends = {name for names in graph.values() for name in names} - set(graph)
        done = {module for module, names in graph.items() if not names - ends}
        if not ends and not done:
            return [f"{module} is in a cycle of imports, or imports one." for module in sorted(graph)]
        graph = {module: names - ends for module, names in graph.items() if module not in done}


def check_package_docstrings(root: pathlib.Path) -> list[str]:
    """Packages within `root` whose docstring does not name each of their modules, as `name.py` or `name/`."""
    problems = []
    for init in sorted(root.rglob("__init__.py")):
        folder = init.parent
        if folder == root:
            continue
        text = ast.get_docstring(_parse(init)) or ""
        place = folder.relative_to(root).as_posix()
        if not text:
            problems.append(f"{place}/__init__.py has no docstring.")
            continue
        parts = [f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir() if _is_part(path)]
        problems += [
            f"The docstring of {place}/__init__.py does not name `{part}`."
            for part in sorted(parts)
            if part != "__init__.py" and f"`{part}`" not in text
        ]
    return problems


def check_entries(root: pathlib.Path, *, top: int, folder: int) -> list[str]:
    """Folders with too many entries: more than `top` in the root, or more than `folder` in one of its packages.

    `py.typed`, an empty file that only type checkers look for, does not count.
    """
    problems = []
    for init in sorted(root.rglob("__init__.py")):
        count = sum(path.name not in ("__pycache__", "py.typed") for path in init.parent.iterdir())
        most = top if init.parent == root else folder
        if count > most:
            place = init.parent.relative_to(root).as_posix()
            problems.append(f"{'The root' if init.parent == root else place} has {count} entries, more than {most}.")
    return problems


def check_test_files(root: pathlib.Path, tests: pathlib.Path, elsewhere: Mapping[str, str]) -> list[str]:
    """Modules without a test file at the same place in `tests`.

    Args:
        root: the folder of the package; the module `a/_b.py` has its tests in `a/b_test.py`.
        tests: the folder of the tests.
        elsewhere: module -> the test file that covers it instead.
    """
    problems, without = [], set()
    for path in sorted(root.rglob("*.py")):
        module = path.relative_to(root)
        expected = module.with_name(f"{module.stem.lstrip('_')}_test.py")
        if module.stem == _INIT or (tests / expected).exists():
            continue
        without.add(module.as_posix())
        if module.as_posix() not in elsewhere:
            problems.append(f"{module.as_posix()} has no tests: {expected.as_posix()} is missing.")
    problems += [f"{module} needs no exception any more." for module in sorted(set(elsewhere) - without)]
    problems += [f"{path} is missing." for path in sorted(set(elsewhere.values())) if not (tests / path).exists()]
    return problems


def check_module_lengths(folders: Iterable[pathlib.Path], *, most: int, exceptions: Iterable[str] = ()) -> list[str]:
    """Modules of more than `most` lines, and exceptions that are not needed any more."""
    paths = {
        f"{folder.name}/{path.relative_to(folder).as_posix()}": path
        for folder in folders
        for path in folder.rglob("*.py")
    }
    lengths = {name: len(path.read_text().splitlines()) for name, path in sorted(paths.items())}
    long, exceptions = [name for name, length in lengths.items() if length > most], set(exceptions)
    return [
        *(f"{name} has {lengths[name]} lines, more than {most}." for name in long if name not in exceptions),
        *(f"{name} needs no exception any more." for name in sorted(exceptions - set(long))),
    ]


def check_function_lengths(folders: Iterable[pathlib.Path], *, most: int, exceptions: Iterable[str] = ()) -> list[str]:
    """Functions of more than `most` lines, docstring included, and exceptions that are not needed any more."""
    long = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(_parse(path)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    length = node.end_lineno - node.lineno + 1
                    if length > most:
                        long[f"{folder.name}/{path.relative_to(folder).as_posix()}:{node.name}"] = length
    exceptions = set(exceptions)
    return sorted(
        [f"{name} has {length} lines, more than {most}." for name, length in long.items() if name not in exceptions]
        + [f"{name} needs no exception any more." for name in exceptions - set(long)]
    )


def _is_part(path: pathlib.Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").exists()


def _parse(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def _edges(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    """(module, imported module) pairs, named from the root; imports within functions count."""
    names = {path: ".".join(path.relative_to(root).with_suffix("").parts) for path in root.rglob("*.py")}
    modules = set(names.values())
    for path, name in sorted(names.items()):
        for node in ast.walk(_parse(path)):
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level:
                package = path.relative_to(root.parent).parts[: -node.level]
                base = ".".join([*package, *(node.module or "").split(".")]).rstrip(".")
                found = [f"{base}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for full in found:
                if full == root.name or full.startswith(f"{root.name}."):
                    yield name, _module_of(full.removeprefix(root.name).lstrip("."), modules)


def _module_of(full: str, modules: set[str]) -> str:
    """The module that "a.b.name" is, or is defined in."""
    parts = full.split(".") if full else []
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in modules:
            return name
        if f"{name}.{_INIT}" in modules:
            return f"{name}.{_INIT}"
    return _INIT
