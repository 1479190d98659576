"""Tests of how the package is installed: setup.py, what a wheel holds and does, the Makefile's choice of a Python."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest
from helpers import ROOT, python_path, run_launch

from nas_keras import __version__

_SUPPORTED = ("3.11", "3.12", "3.13")
_SCRIPTS = sorted((ROOT / "launch").glob("*.py"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built from the sdist, and the folder of programs of a new environment in which it is installed."""
    folder = tmp_path_factory.mktemp("package")
    source, environment = folder / "source", folder / "environment"
    for name in ("nas_keras", "launch", "testdata"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "pending"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for path in (source / "testdata" / "mnist").rglob("*.tfrecord*"):
        path.write_bytes(b"")  # 22 MB that would only take time
    sdist = "from setuptools import build_meta; build_meta.build_sdist('..')"
    subprocess.run([sys.executable, "-c", sdist], cwd=source, check=True, capture_output=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, *folder.glob("*.tar.gz")]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # The packages that nas_keras imports are those of the tests. A .pth file among them, such as that of an
    # installation in place, is not read.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["--python", environment / "bin" / "python", "install", "--no-deps", "--no-index", "--no-compile", wheel]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    return wheel, environment / "bin"


def test_a_wheel_holds_every_module_and_script_and_mnist_and_the_tables(installed):
    wheel, _ = installed
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if name.startswith("nas_keras/")}
        metadata = file.read(f"nas_keras-{__version__}.dist-info/METADATA").decode()
    paths = [*(ROOT / "nas_keras").rglob("*.py"), ROOT / "nas_keras" / "py.typed"]
    paths += (ROOT / "nas_keras" / "reports" / "templates").iterdir()
    names = {path.relative_to(ROOT).as_posix() for path in paths}
    paths = [*_SCRIPTS, *(ROOT / "testdata").glob("*.*")]
    paths += [path for part in ("mnist", "rewards") for path in (ROOT / "testdata" / part).glob("*/*.*")]
    names |= {f"nas_keras/{path.relative_to(ROOT).as_posix()}" for path in paths}
    assert held == names
    assert "\nRequires-Python: >=3.11,<3.14\n" in metadata or "\nRequires-Python: <3.14,>=3.11\n" in metadata
    (tf_agents,) = re.findall(r"^Requires-Dist: tf-agents(.*)$", metadata, re.MULTILINE)
    assert re.fullmatch(r"==0\.19\.\*; python_version < .3\.12.", tf_agents)


def test_every_launch_script_is_a_command(installed, tmp_path):
    _, programs = installed
    lines = _run(programs / "python", "-m", "nas_keras", cwd=tmp_path).stdout.splitlines()
    (package,) = programs.parent.glob("lib/python*/site-packages/nas_keras")
    assert lines[0].startswith(f"nas_keras {__version__}, Python 3.")
    assert lines[1:4] == [f"Launch scripts:    {package}/launch", f"MNIST and tables:  {package}/testdata", ""]
    what = dict(line.split(maxsplit=1) for line in lines[4:])
    firsts = [ast.get_docstring(ast.parse(path.read_text())).partition("\n")[0] for path in _SCRIPTS]
    assert sorted(what.values()) == sorted(firsts), "a script of launch/ has no line in _COMMANDS of setup.py"
    assert {path.name for path in programs.glob("nas-*")} == set(what)
    documented = re.findall(r"^\| `(nas-\w+)` \| `launch/", (ROOT / "docs" / "install.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(what), "docs/install.md lists the commands"


def test_a_command_is_its_launch_script(installed, tmp_path):
    _, programs = installed
    helped = _run(programs / "nas-repair", "--help", cwd=tmp_path)
    script = run_launch("repair.py", "--help")
    assert (helped.returncode, helped.stderr) == (script.returncode, script.stderr)
    shown = [line for line in helped.stdout.splitlines() if "launch" not in line]
    assert shown == [line for line in script.stdout.splitlines() if "launch" not in line]
    assert "--folder: " in helped.stdout


def test_a_first_search_works_in_an_empty_folder(installed, tmp_path):
    _, programs = installed
    search = ["--reward=table", "--strategy=random", "--max_evaluations=5", "--final_epochs=0", "--workdir=run"]
    done = _run(programs / "nas-search", *search, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n5 of 64 cells evaluated; " in done.stdout and (tmp_path / "run" / "config.json").exists()


def _run(*command, cwd):
    """Runs a program that does not find the repository."""
    paths = [path for path in python_path().split(os.pathsep) if path and path != str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_citation_names_the_version():
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
