"""The console commands `nas-search`, `nas-export`, ...: each runs a script of launch/ as `python launch/NAME.py` does.

setup.py has the table of commands. An installed package holds the scripts as `nas_keras/launch/`, beside
`nas_keras/testdata/`; in the repository both folders lie beside the package. Either way a script finds MNIST and the
shipped tables in the folder `testdata` next to its own.
"""

import ast
import importlib.metadata
import pathlib
import platform
import runpy
from collections.abc import Callable

from nas_keras._version import __version__

_PACKAGE = pathlib.Path(__file__).absolute().parents[1]


def launch_folder() -> pathlib.Path:
    """Returns the folder of the launch scripts: that of an installed package, or of the repository."""
    installed = _PACKAGE / "launch"
    return installed if installed.is_dir() else _PACKAGE.parent / "launch"


def describe() -> str:
    """Returns what `python -m nas_keras` prints: versions, folders, and the commands with what each does."""
    launch = launch_folder()
    data = launch.parent / "testdata"
    lines = [
        f"nas_keras {__version__}, Python {platform.python_version()}, TensorFlow {_version_of('tensorflow')}",
        f"Launch scripts:    {_place(launch)}",
        f"MNIST and tables:  {_place(data)}",
        "",
    ]
    commands = {
        point.name: point.attr
        for point in importlib.metadata.entry_points(group="console_scripts")
        if point.module == __name__
    }
    width = max(map(len, commands), default=0)
    lines += [f"{name:{width}}  {_first_line(launch / f'{script}.py')}" for name, script in sorted(commands.items())]
    return "\n".join(lines).rstrip()


def __getattr__(script: str) -> Callable[[], None]:
    """Returns the function that runs a script; a command's entry point names it as `nas_keras._launch.commands:search`.

    The script runs as `__main__`, so that its --help shows its own flags and description.
    """
    path = launch_folder() / f"{script}.py"
    if script.startswith("_") or not path.is_file():
        raise AttributeError(f"{__name__} has no command {script!r}: {path} is missing. Install nas_keras again.")

    def command() -> None:
        runpy.run_path(str(path), run_name="__main__")

    return command


def _version_of(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _place(folder: pathlib.Path) -> str:
    return f"{folder}" if folder.is_dir() else f"{folder} (missing: install nas_keras again)"


def _first_line(script: pathlib.Path) -> str:
    """The first line of a script's docstring; the script is not imported."""
    if not script.is_file():
        return "(its script is missing)"
    return (ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "").partition("\n")[0]
