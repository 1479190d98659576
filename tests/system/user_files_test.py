"""Tests of nas_keras/system/user_files.py: importing a file by its path, once, and what its digest is part of."""

import subprocess
import sys

import cloudpickle
import pytest

import nas_keras as nk
from nas_keras.spaces import description, operations, rebuilding
from nas_keras.system import user_files
from nas_keras.system.code.fingerprint import code_parts, parts_difference
from nas_keras.system.user_files import import_file, values_of

_TEXT = """
import nas_keras as nk

KERNEL = 3


def own(keras, x, filters):
    return keras.layers.Conv2D(filters, KERNEL, padding="same")(x)


class Own:
    pass


nk.register_operation("own", own)
space = nk.SearchSpace("mine", [nk.Decision("kernel", (3, 5))], decode=lambda actions: actions[0])
"""


@pytest.fixture(autouse=True)
def _state(monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    monkeypatch.setattr(operations, "_CODE", dict(operations._CODE))
    monkeypatch.setattr(user_files, "_MODULES", {})
    monkeypatch.setattr(user_files, "_DIGESTS", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def _write(folder, text=_TEXT, name="my_operations"):
    path = folder / f"{name}.py"
    path.write_text(text)
    return path


def test_a_file_is_imported_once_and_registers_its_operations(tmp_path):
    path = _write(tmp_path)
    module = import_file(path)
    assert import_file(str(path)) is module is sys.modules["my_operations"] and module.KERNEL == 3
    assert "own" in operations.registered() and sys.path[-1] == str(tmp_path)
    assert [(m, name) for m, name, _ in values_of(nk.SearchSpace)] == [("my_operations", "space")]
    assert nk.import_file is import_file


def test_its_code_travels_by_value_to_a_process_that_cannot_find_the_file(tmp_path):
    pickled = cloudpickle.dumps(import_file(_write(tmp_path)).own)
    code = (
        "import sys, cloudpickle; f = cloudpickle.load(sys.stdin.buffer); print(f.__module__, f.__globals__['KERNEL'])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True, check=True)
    assert done.stdout.split() == [b"my_operations", b"3"]


def test_the_digest_of_the_file_belongs_to_the_identity_of_its_code(tmp_path, monkeypatch):
    before = import_file(_write(tmp_path))
    old, of_class = code_parts(before.own), code_parts(before.Own)
    assert operations.registered_code()["own"] == old  # it was registered while the file was imported
    assert old["KERNEL in own"] == "3" and old["file my_operations.py"].startswith("sha256:")
    assert of_class["file my_operations.py"] == old["file my_operations.py"]

    def again(text):
        for state in (user_files._MODULES, user_files._DIGESTS, sys.modules, operations._BUILDERS):
            state.pop("my_operations", None), state.pop("own", None)
        return code_parts(import_file(_write(tmp_path, text)).own)

    assert again(_TEXT) == old
    assert parts_difference(old, again(_TEXT + "\n# a comment\n")) == (
        "file my_operations.py has changed, although the code itself has not (but code beside it, or a comment)"
    )
    assert parts_difference(old, again(_TEXT.replace("= 3", "= 5"))) == (
        "KERNEL in own was 3, is 5; file my_operations.py has changed"
    )


def test_a_space_is_rebuilt_as_that_of_the_file_with_its_functions(tmp_path):
    space = import_file(_write(tmp_path)).space
    described = description.describe_space(space)
    assert rebuilding.rebuild_space(described, "config.json") is space
    parts = described["functions"]["decode"]
    described["functions"] = {"decode": {**parts, next(iter(parts)): "sha256:0"}}
    with pytest.raises(
        nk.InvalidValueError, match=r"my_operations.space of the imported file is not that of config.json"
    ):
        rebuilding.rebuild_space(described, "config.json")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("my-file", "", r"name a file such as my_operations.py, whose name without .py is a Python name"),
        ("class", "", "is a Python name"),
        ("json", "", "there is another module called json. Rename the file"),
        ("wave", "", "there is another module called wave. Rename the file"),  # not imported yet
        ("divides", "\n1 / 0\n", r"divides.py' failed in line 2: ZeroDivisionError: division by zero. Repair the file"),
        ("broken", "x = 1\ny = (\n", "failed in line 2: SyntaxError"),
        ("leaves", "import sys\nsys.exit(3)", "failed in line 2: SystemExit: 3"),
        (
            "takes",
            "import nas_keras as nk\nnk.register_operation('conv_3x3', lambda keras, x, filters: x)",
            "line 2: Operation 'conv_3x3' exists already: it is built in",
        ),
    ],
)
def test_files_that_cannot_be_imported(tmp_path, name, text, says):
    with pytest.raises(nk.InvalidValueError, match=says):
        import_file(_write(tmp_path, text, name))
    assert "divides" not in sys.modules


def test_what_is_no_file_or_comes_too_late(tmp_path, monkeypatch):
    with pytest.raises(nk.InvalidValueError, match="import=3 is not allowed: it must be the path of a Python file"):
        import_file(3)
    with pytest.raises(nk.InvalidValueError, match="nothing.py' cannot be read: No such file or directory"):
        import_file(tmp_path / "nothing.py")
    path = _write(tmp_path, "x = 1")
    import_file(path)
    path.write_text("x = 2")
    with pytest.raises(nk.InvalidValueError, match="was imported as my_operations before, with another text"):
        import_file(path)
    _write(tmp_path, "x = 1", "usual")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("usual")
    with pytest.raises(nk.InvalidValueError, match="comes too late: Python has imported it as usual before"):
        import_file(tmp_path / "usual.py")
