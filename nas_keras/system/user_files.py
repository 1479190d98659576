"""Python files of a user's that are imported by path: `--import=my_operations.py`, or `nk.import_file`.

The module of such a file is called after the file. Its functions and classes are sent to worker processes by value, as
they are when the workers are started, so that a worker trains with the code that was imported even if the file changes
later. The digest of the file is a part of the identity of each function and class in it
(`system/code/fingerprint.py`): rewards that were found with one text of the file are not continued with another.
"""

import contextlib
import hashlib
import importlib.util
import keyword
import os
import pathlib
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

import cloudpickle

from nas_keras.errors import InvalidValueError, NasKerasError, in_one_line, shown

_MODULES: dict[str, types.ModuleType] = {}  # by name
_DIGESTS: dict[str, str] = {}  # of the file of each module


def import_file(path: str | os.PathLike) -> types.ModuleType:
    """Imports a Python file that registers operations, or defines search spaces or networks.

    The folder of the file is added to `sys.path`, so that it can import its neighbours. Importing the same file again
    returns the module that was imported first.

    Args:
        path: the file, called NAME.py; NAME becomes the name of the module.

    Returns:
        The module.

    Raises:
        InvalidValueError: if there is no such file, its name cannot be that of a module or is taken, or its code raises
            an exception.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidValueError(f"import={shown(path)} is not allowed: it must be the path of a Python file.")
    file = pathlib.Path(path).absolute()
    name = file.stem
    if file.suffix != ".py" or not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidValueError(
            f"import={str(path)!r} is not allowed: name a file such as my_operations.py, whose name without .py is a "
            "Python name: letters, digits and underscores."
        )
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InvalidValueError(f"import={str(path)!r} cannot be read: {error.strerror}. Name another.") from error
    digest = f"sha256:{hashlib.sha256(text).hexdigest()[:16]}"
    if name in _MODULES:
        if (_MODULES[name].__file__, _DIGESTS[name]) == (str(file), digest):
            return _MODULES[name]
        raise InvalidValueError(
            f"import={str(path)!r}: {_MODULES[name].__file__} was imported as {name} before, with another text. "
            "Rename the file, or start Python anew."
        )
    _check_free(name, file)
    return _execute(name, file, text, digest)


def file_digest(module: str | None) -> tuple[str, str] | None:
    """Returns the name and the digest of the imported file of a module; None for any other module."""
    if module not in _DIGESTS:
        return None
    return pathlib.Path(str(_MODULES[module].__file__)).name, _DIGESTS[module]


def imported_files() -> list[str]:
    """Returns the paths of the imported files, in the order of their imports."""
    return [str(module.__file__) for module in _MODULES.values()]


def values_of(kind: type | tuple[type, ...]) -> Iterator[tuple[str, str, Any]]:
    """Yields (module, attribute, value) for the values of a type at the top of imported files."""
    for name, module in _MODULES.items():
        for attribute, value in list(vars(module).items()):
            if isinstance(value, kind) and not attribute.startswith("_"):
                yield name, attribute, value


def _check_free(name: str, file: pathlib.Path) -> None:
    """Raises InvalidValueError if a module of this name is imported already, or would be found elsewhere."""
    found: str | None = ""
    if name in sys.modules:
        found = getattr(sys.modules[name], "__file__", None)
    else:
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(name)
            found = spec.origin if spec else ""
    same = bool(found) and os.path.exists(str(found)) and os.path.samefile(str(found), file)
    if name in sys.modules and same:
        raise InvalidValueError(
            f"import={str(file)!r} comes too late: Python has imported it as {name} before. Use nk.import_file instead "
            "of `import`."
        )
    if found != "" and not same:
        raise InvalidValueError(
            f"import={str(file)!r} is not allowed: there is another module called {name}. Rename the file."
        )


def _execute(name: str, file: pathlib.Path, text: bytes, digest: str) -> types.ModuleType:
    """Runs the text of a file as its module; the digest is known before, since the code registers operations."""
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = _MODULES[name] = module
    _DIGESTS[name] = digest
    try:
        exec(compile(text, str(file), "exec"), module.__dict__)  # exactly the text of the digest
    except (Exception, SystemExit) as error:
        del sys.modules[name], _MODULES[name], _DIGESTS[name]
        if isinstance(error, NasKerasError):  # it says itself what to do
            raise InvalidValueError(f"import={str(file)!r}, line {_line(error, file)}: {error}") from error
        raise InvalidValueError(
            f"import={str(file)!r} failed in line {_line(error, file)}: {type(error).__name__}: {in_one_line(error)}. "
            "Repair the file."
        ) from error
    cloudpickle.register_pickle_by_value(module)
    return module


def _line(error: BaseException, file: pathlib.Path) -> int:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno or 0
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return (frames[-1].lineno or 0) if frames else 0
