"""Tests of nas_keras/storage/run_folder.py."""

import contextlib
import json
import os
import subprocess
import sys

import pytest
from helpers import ROOT

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.run_folder import Workspace

_CONFIG = {"fixed": {"seed": 0, "space": {"name": "small"}}, "budget": {"max_evaluations": 10}}

_HOLD_LOCK = """
import sys
from nas_keras.storage.run_folder import Workspace
with Workspace(sys.argv[1]).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def _holder(workdir):
    """Another process that holds the lock of `workdir` until its standard input is closed or it dies."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD_LOCK, str(workdir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "locked\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def _nobody():
    """Without root's powers, for which no folder is unwritable."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture(name="run")
def _run(tmp_path):
    """A run's folder with its configuration."""
    run = Workspace(tmp_path / "run")
    run.settle_config(_CONFIG, None)
    return run


def test_paths_of_a_run(tmp_path):
    run = Workspace(str(tmp_path / "run"))
    names = ("config", "dataset", "pending", "tensorboard", "best", "lock")
    assert [getattr(run, name).relative_to(tmp_path).as_posix() for name in names] == [
        "run/config.json",
        "run/dataset",
        "run/pending",
        "run/tensorboard",
        "run/best",
        "run/lock",
    ]
    assert list(tmp_path.iterdir()) == []  # nothing is created by asking


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(None, id="absent"),
        pytest.param([], id="empty"),
        pytest.param(["lock"], id="a start that was refused"),
        pytest.param(["lock", ".config.json.tmp"], id="a start that was cut off"),
        pytest.param(["config.json", "lock", "notes.txt"], id="a run"),
    ],
)
def test_check_lets_a_place_for_a_run_pass(tmp_path, files):
    run = Workspace(tmp_path / "a" / "run")
    if files is not None:
        run.root.mkdir(parents=True)
        for name in files:
            (run.root / name).write_text("{}")
    run.check()
    assert run.root.exists() == (files is not None)


def test_check_refuses_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    for workdir, what in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "run", "is inside a file")):
        with pytest.raises(InvalidValueError) as caught:
            Workspace(workdir).check()
        assert str(caught.value) == f"workdir={str(workdir)!r} {what}. Name a folder."


def test_check_refuses_a_folder_of_other_things(tmp_path):
    (tmp_path / "photo.png").write_text("x")
    with pytest.raises(InvalidValueError) as caught:
        Workspace(tmp_path).check()
    assert str(caught.value) == (
        f"workdir={str(tmp_path)!r} holds files but no config.json, so it is not a run folder. Name an "
        "empty or new folder."
    )
    assert os.listdir(tmp_path) == ["photo.png"]


def test_check_refuses_a_folder_that_cannot_be_read(tmp_path):
    (tmp_path / "run").mkdir(mode=0o000)
    with _nobody(), pytest.raises(InvalidValueError) as caught:
        Workspace(tmp_path / "run").check()
    assert str(caught.value) == (
        f"workdir={str(tmp_path / 'run')!r} cannot be read: Permission denied. Name a folder that can."
    )


def test_locked_creates_the_folder_and_its_parents(tmp_path):
    run = Workspace(tmp_path / "a" / "b")
    with run.locked():
        assert [path.name for path in run.root.iterdir()] == ["lock"]


def test_locked_refuses_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "run").mkdir(mode=0o555)
    with _nobody(), pytest.raises(InvalidValueError) as caught, Workspace(tmp_path / "run").locked():
        pass
    assert str(caught.value) == (
        f"workdir={str(tmp_path / 'run')!r} cannot be written: Permission denied. Name a folder that can."
    )


def test_locked_refuses_a_place_inside_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidValueError, match="cannot be written: Not a directory. Name a folder that can."):
        with Workspace(tmp_path / "file" / "run").locked():
            pass


def test_the_lock_is_free_again_after_the_block(tmp_path):
    run = Workspace(tmp_path / "run")
    with run.locked():
        pass
    with pytest.raises(ZeroDivisionError), run.locked():
        1 / 0  # noqa: B018
    with run.locked():
        pass


def test_a_second_process_is_refused_and_a_dead_ones_lock_is_free(tmp_path):
    run = Workspace(tmp_path / "run")
    with _holder(run.root) as process:
        with pytest.raises(InvalidValueError) as caught, run.locked():
            pass
        assert str(caught.value) == (
            f"Another process is running in workdir={str(run.root)!r}. Wait for it, or name another folder."
        )
        process.kill()  # no chance to tidy up
        process.wait()
        assert run.lock.exists()
        with run.locked():
            pass


def test_the_same_process_is_refused_too(tmp_path):
    with Workspace(tmp_path).locked(), pytest.raises(InvalidValueError, match="Another process is running"):
        with Workspace(tmp_path).locked():
            pass


def test_a_new_run_has_no_configuration(tmp_path):
    assert Workspace(tmp_path / "run").read_config() is None


def test_a_configuration_is_written_and_read(run):
    assert run.read_config() == {"format": 1, **_CONFIG}
    assert json.loads(run.config.read_text())["format"] == 1
    assert os.listdir(run.root) == ["config.json"]  # no temporary file is left


def test_the_same_settings_are_taken_and_the_newest_budget_is_kept(run):
    run.settle_config({**_CONFIG, "budget": {"max_evaluations": 20}}, run.read_config())
    assert run.read_config()["budget"] == {"max_evaluations": 20}
    assert run.read_config()["fixed"] == _CONFIG["fixed"]


def test_settings_are_compared_as_json(tmp_path):
    run = Workspace(tmp_path)
    for _ in range(2):
        run.settle_config({"fixed": {"shape": (28, 28, 1), "by_size": {3: "a"}, "nothing": None}}, run.read_config())
    assert run.read_config()["fixed"] == {"shape": [28, 28, 1], "by_size": {"3": "a"}, "nothing": None}


@pytest.mark.parametrize(
    ("fixed", "difference"),
    [
        pytest.param({"seed": 1, "space": {"name": "small"}}, "seed: 0 before, 1 now", id="a number"),
        pytest.param(
            {"seed": 0, "space": {"name": "large3"}},
            'space.name: "small" before, "large3" now',
            id="an object",
        ),
        pytest.param(
            {"seed": 1, "space": {}}, 'seed: 0 before, 1 now; space: {"name": "small"} before, {} now', id="two"
        ),
        pytest.param({"seed": 0, "lag": 2, "space": {"name": "small"}}, "lag: null before, 2 now", id="a new one"),
    ],
)
def test_changed_settings_are_refused_with_old_and_new(run, fixed, difference):
    before = run.config.read_bytes()
    with pytest.raises(InvalidValueError) as caught:
        run.settle_config({**_CONFIG, "fixed": fixed}, run.read_config())
    assert str(caught.value) == (
        f"workdir={str(run.root)!r} is a run with other settings. {difference}. Start it with the settings it has, or "
        "name another folder."
    )
    assert run.config.read_bytes() == before


@pytest.mark.parametrize("found", [2, 0, "1", None])
def test_a_configuration_of_another_format_is_refused(run, found):
    run.config.write_text(json.dumps({"format": found, **_CONFIG}))
    before = run.config.read_bytes()
    with pytest.raises(DataError) as caught:
        run.read_config()
    assert str(caught.value) == (
        f"{run.config} has format {found!r}; this version of nas_keras reads 1. Use the version that wrote it, or "
        "another workdir."
    )
    assert run.config.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "cannot be read as JSON: Expecting value: line 1 column 1 (char 0).", id="empty"),
        pytest.param('{"format": 1, "fix', "cannot be read as JSON: Unterminated string", id="cut"),
        pytest.param("\x00\x00", "cannot be read as JSON: Expecting value", id="zeros"),
        pytest.param("[1]", "does not hold a JSON object.", id="a list"),
        pytest.param('{"format": 1}', "has no settings under 'fixed'.", id="nothing fixed"),
        pytest.param('{"format": 1, "fixed": 3}', "has no settings under 'fixed'.", id="fixed is a number"),
    ],
)
def test_a_damaged_configuration_is_refused(run, text, message):
    run.config.write_text(text)
    with pytest.raises(DataError) as caught:
        run.read_config()
    assert str(caught.value).startswith(f"{run.config} {message}")
    assert str(caught.value).endswith("Restore it from a copy, or remove the folder.")


def test_a_configuration_of_bytes_that_are_no_text_is_refused(run):
    run.config.write_bytes(b"\xff\xfe{}")
    with pytest.raises(DataError, match="cannot be read as JSON: 'utf-8' codec can't decode"):
        run.read_config()
