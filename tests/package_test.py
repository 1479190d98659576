"""Tests of how the package is installed: setup.py and what a wheel holds, and the Makefile's choice of a Python."""

import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT

_SUPPORTED = ("3.11", "3.12", "3.13")


@pytest.mark.slow
def test_a_wheel_holds_every_module_and_the_mark_of_its_types(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "nas_keras", source / "nas_keras", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", tmp_path]
    subprocess.run([*build, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("nas_keras-*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("nas_keras/")}
    files = (path for path in (source / "nas_keras").rglob("*") if path.is_file())
    metadata = zipfile.ZipFile(wheel).read(f"{wheel.stem.removesuffix('-py3-none-any')}.dist-info/METADATA").decode()
    assert "\nRequires-Python: >=3.11,<3.14\n" in metadata or "\nRequires-Python: <3.14,>=3.11\n" in metadata
    (tf_agents,) = re.findall(r"^Requires-Dist: tf-agents(.*)$", metadata, re.MULTILINE)
    assert re.fullmatch(r"==0\.19\.\*; python_version < .3\.12.", tf_agents)
    assert held == {path.relative_to(source).as_posix() for path in files} and "nas_keras/py.typed" in held


def test_the_citation_names_the_version():
    from nas_keras import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [
        (["python3.11", "python3.12", "python3.13"], "python3.13"),
        (["python3.11", "python3.12", "python3"], "python3.12"),
        (["python3.11", "python3.10"], "python3.11"),
        (["python3.14", "python3"], "python3"),
    ],
)
def test_make_chooses_the_newest_python_that_is_supported(tmp_path, installed, chosen):
    assert f"{chosen} -m venv .venv\n" in _make(tmp_path, installed, "-n", "search").stdout


def test_make_without_a_supported_python_says_so(tmp_path):
    done = _make(tmp_path, ["python3.14", "python3.10"], "search")
    assert done.returncode == 2 and "nas_keras needs Python 3.11, 3.12 or 3.13; found: " in done.stdout
    done = _make(tmp_path, ["python3.14"], "search", "PYTHON=python3.14")
    says = "nas_keras needs Python 3.11, 3.12 or 3.13, but python3.14 is Python 3.14.0. Name another: make PYTHON="
    assert done.returncode == 2 and says in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_make_refuses_an_environment_of_a_python_that_is_not_supported_any_more(tmp_path):
    _stub(tmp_path / ".venv" / "bin" / "python", "3.10")
    done = _make(tmp_path, ["python3.13"], "search")
    assert done.returncode == 2 and ".venv has Python 3.10.0. Make it anew: make clean" in done.stdout


def _make(folder, installed, *arguments):
    """Runs the Makefile in `folder`, where exactly the Pythons `installed` are on the path; `python3` is 3.13."""
    for name in ("Makefile", "requirements.txt", "requirements-tf-agents.txt", "setup.py"):
        shutil.copy(ROOT / name, folder / name)
    for name in installed:
        _stub(folder / "bin" / name, name.removeprefix("python") if "." in name else "3.13")
    make = [shutil.which("make"), "-C", folder, *arguments]
    environment = {"PATH": str(folder / "bin")}
    return subprocess.run(make, env=environment, capture_output=True, text=True, check=False)


def _stub(path, version):
    """Writes a program that knows its version, and whether the Makefile's check of a version succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    answers = f"--version) echo Python {version}.0;; -c) exit {int(version not in _SUPPORTED)};; *) exit 3;;"
    path.write_text(f'#!/bin/sh\ncase "$1" in {answers} esac\n')
    path.chmod(0o755)
