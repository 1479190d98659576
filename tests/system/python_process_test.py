"""Tests of nas_keras/system/python_process.py: where a child process finds modules, from hostile and odd folders."""

import json
import os
import shutil
import subprocess
import sys
import types

import pytest
from helpers import ROOT

from nas_keras.system import python_process

_SHOW = "import json, nas_keras; print(json.dumps([nas_keras.__file__, sys.path, sys.argv[1:]]))"
# Modules of libraries and of Python that a start of a worker imports.
_HOSTILE = ("cloudpickle", "random", "tensorflow", "linecache", "runpy", "importlib", "multiprocessing", "nas_keras")


@pytest.fixture(name="hostile")
def _hostile(tmp_path):
    """A folder of modules that leave a mark when they are run."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in _HOSTILE:
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'a').write(__name__)\n")
    return folder


# A user's program with a worker, a comparison in processes and the benchmark's children. What it sends to the worker is
# in a module beside it and in one of a folder that it added.
_PROGRAM = """
import sys
sys.path.append({added!r})
import beside, added
import nas_keras
from nas_keras.benchmarks import startup
from nas_keras.comparison.compare import compare
from nas_keras.comparison.contenders import parse_contenders
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.comparison.problems import Source
from nas_keras.system.python_process import python_command
import subprocess
assert nas_keras.__file__ == {file!r}, nas_keras.__file__
pool = WorkerPool(beside.setup, environments=[{{}}])
assert pool.submit(added.task).result(60) == {file!r}
pool.close()
compare(Source("synthetic", "pairwise-2x8-0"), parse_contenders("random"), num_seeds=2, max_evaluations=4, processes=2)
subprocess.run(python_command(startup._STEPS["import"]), check=True)
"""


@pytest.mark.parametrize("place", ["plain", "with:colon", "sp ace ü"])
def test_a_checkout_anywhere_uses_itself_and_nothing_from_the_current_folder(tmp_path, hostile, place):
    checkout = tmp_path / place / "checkout"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "nas_keras", checkout / "nas_keras", ignore=ignore)
    file = str(checkout / "nas_keras" / "__init__.py")
    users, added = tmp_path / place / "program", tmp_path / place / "added"
    users.mkdir()
    added.mkdir()
    (users / "beside.py").write_text("def setup():\n    import nas_keras\n    return nas_keras.__file__\n")
    (added / "added.py").write_text("def task(state):\n    return state\n")
    program = f"import sys\nsys.path.insert(1, {str(checkout)!r})\n" + _PROGRAM.format(added=str(added), file=file)
    (users / "go.py").write_text(program)
    done = subprocess.run(
        [sys.executable, str(users / "go.py")],
        cwd=hostile,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "mark").exists()


def _run(command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_child_process_imports_this_copy_and_gets_its_arguments(hostile, tmp_path):
    file, path, arguments = _run(python_process.python_command(_SHOW, "a b", "\u00fc"), hostile)
    assert file == str(ROOT / "nas_keras" / "__init__.py")
    assert path == python_process.import_path()
    assert arguments == ["a b", "\u00fc"]
    assert not (tmp_path / "mark").exists()


def test_where_an_interactive_user_s_modules_are_they_are_found_last(tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise ImportError('of the current folder')")
    (tmp_path / "of_a_notebook.py").write_text("value = 42\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    code = "import json, random, of_a_notebook; print(json.dumps(of_a_notebook.value))"
    assert _run(python_process.python_command(code), tmp_path / "..") == 42


def test_the_path_of_a_child_process(tmp_path, monkeypatch):
    def path(entries, *, with_m=False):
        monkeypatch.setattr(sys, "path", entries)
        main = types.ModuleType("__main__")
        main.__spec__ = object() if with_m else None
        monkeypatch.setitem(sys.modules, "__main__", main)
        return python_process.import_path()

    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert path(["/script", "/lib"]) == ["/script", "/lib"]
    assert path(["", "/lib"]) == ["/lib", str(here)]
    assert path([".", "", "/lib"]) == ["/lib", str(here)]
    assert path([str(here), "/lib"]) == [str(here), "/lib"]  # the folder of a script
    assert path([str(here), "/lib"], with_m=True) == ["/lib", str(here)]
    assert path(["sub", "../other", "/lib"]) == [str(here / "sub"), str(tmp_path / "other"), "/lib"]
    assert path([tmp_path, None, b"/bytes", "/lib"]) == ["/lib"]  # what Python itself ignores
    here.rmdir()
    assert path(["", "sub", "/lib"]) == ["/lib"]


def test_no_module_starts_python_in_another_way():
    """`multiprocessing` and `-m` would import from the current folder first."""
    for file in (ROOT / "nas_keras").rglob("*.py"):
        text = file.read_text()
        if file.name != "python_process.py":
            assert "sys.executable" not in text, file
        for word in ("ProcessPoolExecutor", "get_context", "multiprocessing.Process", "PYTHONPATH", "os.fork"):
            assert word not in text.replace("`PYTHONPATH`", ""), (file, word)
