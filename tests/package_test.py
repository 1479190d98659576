"""Tests of setup.py: what a wheel of the package holds."""

import shutil
import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT


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
    assert held == {path.relative_to(source).as_posix() for path in files} and "nas_keras/py.typed" in held


def test_the_citation_names_the_version():
    from nas_keras import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
