"""The texts of a run for TensorBoard: its settings, the commands that go on from here, and the versions."""

import importlib.metadata
import json
import pathlib
import platform
import shlex
import sys
from typing import Any

from nas_keras._version import __version__
from nas_keras.runner.monitoring.events import as_code

_PACKAGES = ("tensorflow", "tf-keras", "tf-agents", "tensorflow-probability", "numpy", "tensorboard")


def describe_run(workdir: pathlib.Path, config: dict[str, Any]) -> dict[str, str]:
    """Returns tag -> Markdown.

    Args:
        workdir: the folder of the run.
        config: the content of its `config.json`.
    """
    settings = {name: value for name, value in config.items() if name != "environment"}
    return {
        "run/settings": as_code(json.dumps(settings, indent=2, sort_keys=True)),
        "run/commands": as_code("\n".join(_commands(workdir))),
        "run/versions": as_code("\n".join(_versions(config.get("environment") or {}))),
    }


def _commands(workdir: pathlib.Path) -> list[str]:
    folder = shlex.quote(str(workdir))
    began = shlex.join(["python", *sys.argv]) if sys.argv[0].endswith(".py") else "a program of the user's"
    return [
        f"begun by:     {began}",
        f"best cells:   python launch/show.py --workdir={folder} --top=5",
        f"export:       python launch/export_best.py --workdir={folder} --top=3",
        f"page:         python launch/report.py --runs={folder} --output={folder}_page",
    ]


def _versions(environment: dict[str, Any]) -> list[str]:
    lines = [f"nas_keras: {__version__}", f"python: {platform.python_version()}", f"system: {platform.platform()}"]
    for name in _PACKAGES:
        try:
            lines.append(f"{name}: {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return [*lines, *(f"{name}: {value}" for name, value in environment.items() if name != "tensorflow")]
