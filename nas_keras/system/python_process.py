"""Command line of a new Python process that imports what this one imports, and nothing from the current folder."""

import os
import pathlib
import sys

# The package is loaded from its folder, even if `sys.path` would find another copy of it.
_PROGRAM = """
import sys
sys.path[:] = {path}
import importlib.util
spec = importlib.util.spec_from_file_location("nas_keras", {file}, submodule_search_locations=[{folder}])
sys.modules["nas_keras"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["nas_keras"])
{code}
"""


def python_command(code: str, *arguments: str) -> list[str]:
    """Returns the command that runs `code` in a new Python process with this package and this process's `sys.path`.

    The path travels in the program's text: `PYTHONPATH` cannot hold a folder with a colon in its name. `-P` keeps the
    interpreter from putting the current folder first, where a file such as `random.py` would replace a library's.

    Args:
        code: the program; it can import `nas_keras`.
        *arguments: arguments of the program, its `sys.argv[1:]`.
    """
    folder = pathlib.Path(__file__).absolute().parents[1]
    program = _PROGRAM.format(
        path=ascii(import_path()), file=ascii(str(folder / "__init__.py")), folder=ascii(str(folder)), code=code
    )
    return [sys.executable, "-P", "-c", program, *arguments]


def import_path() -> list[str]:
    """Returns `sys.path` for a new process: absolute, with the current folder last if Python itself put it there.

    Python does so for `-m`, for `-c` and in an interactive session, where a user may well import modules of that
    folder. Being last, they are found, but they replace no module of a library.
    """
    try:
        here = os.getcwd()
    except FileNotFoundError:  # it was removed
        return [entry for entry in sys.path if isinstance(entry, str) and os.path.isabs(entry)]
    entries = [entry for entry in sys.path if isinstance(entry, str)]
    by_python = {"", "."}
    if getattr(sys.modules.get("__main__"), "__spec__", None) is not None:  # started with -m
        by_python.add(here)
    path = [os.path.abspath(entry) for entry in entries if entry not in by_python]
    return path + [here] * (len(path) < len(entries))
