"""What the machine does to a run: full disk, forbidden folders, signals, a clock that jumps, a second start.

A failure to write ends the run with one sentence and exit code 2, a signal with 130 or 143 in under 10 s; started again
it goes on, and ends as if nothing had happened. A worker that is killed, out of memory or hangs: workers_test and
training_evaluator_test.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from faults import Processes, count_trainings, kind_of, outcome, say, write_function_table
from helpers import ROOT, python_path

from nas_keras._launch import script as _script
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import read_table

_NOBODY = 65_534
_KEPT = f"{_script.CONTINUES}\n"
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module", name="processes")
def _processes():
    with Processes() as processes:
        yield processes


@pytest.fixture(name="folder")
def _folder():
    """One that any user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


@pytest.fixture(scope="module", name="table")
def _table():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield write_function_table(pathlib.Path(folder) / "table")


def _arguments(folder, table, **settings):
    return {"table": table, "workdir": folder / "run", "state": folder / "state", **settings}


@pytest.fixture(scope="module", name="whole")
def _whole(processes, table, tmp_path_factory):
    """What an undisturbed run ends with, and the points it passes."""
    folder = tmp_path_factory.mktemp("whole")
    ended = processes.run("search_table", {"points": True}, **_arguments(folder, table))
    assert (ended.code, ended.output) == (0, "")
    return outcome(folder / "run", folder / "state"), ended.points


def _says(ended, *parts) -> bool:
    """Whether a run ended with code 2 and one sentence; TensorFlow's notes may stand before it."""
    last = ended.output.rstrip().rpartition("\n")[2]
    return (
        ended.code == 2
        and last.startswith("Error: ")
        and all(part in ended.output for part in parts)
        and ("Traceback" not in ended.output)
    )


# --- The disk -----------------------------------------------------------------------------------------------------


def _fill_at(processes, table, whole, folder, at):
    """The disk is full from a point on; then there is room."""
    folder.mkdir()
    arguments = _arguments(folder, table)
    ended = processes.run("search_table", {"points": True, "at": at, "how": "full"}, **arguments)
    if ended.code != 0:  # removals of what is old may fail
        assert _says(ended, " cannot be written: No space left on device. ", str(arguments["workdir"])), (at, ended)
    ended = processes.run("search_table", **arguments)
    assert (ended.code, ended.output) == (0, ""), at
    assert outcome(arguments["workdir"], arguments["state"]) == whole, at


def test_a_disk_that_is_full_from_a_point_of_some_kinds_on(processes, table, whole, tmp_path):
    expected, points = whole
    kinds = list(dict.fromkeys(map(kind_of, points)))
    for number, kind in enumerate(kinds[::6]):
        _fill_at(processes, table, expected, tmp_path / str(number), [kind, 0])


@pytest.mark.faults
def test_a_disk_that_is_full_from_every_point_on(processes, table, whole, tmp_path):
    expected, points = whole
    for number in range(len(points)):
        _fill_at(processes, table, expected, tmp_path / str(number), number)
    say(f"{len(points)} full disks survived")


@contextlib.contextmanager
def _small_disk(folder, size):
    """A file system of so many bytes; skips the test where mounting is not allowed."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if done.returncode:
        pytest.skip(f"mounting is not allowed: {done.stderr.decode()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_real_disk_that_fills_up_and_is_enlarged(processes, table, whole, folder):
    with _small_disk(folder, "64k"):
        ended = processes.run("search_table", **_arguments(folder, table))
        assert _says(ended, "cannot be written: No space left on device. Make room there, then start the same"), ended
        assert ended.code == 2
        subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)
        assert processes.run("search_table", **_arguments(folder, table)).code == 0
        assert outcome(folder / "run", folder / "state") == whole[0]


@pytest.mark.parametrize("size", [500, 1_500])
def test_a_limit_on_the_size_of_files(processes, table, whole, tmp_path, size):
    ended = processes.run("search_table", {"file_size": size}, **_arguments(tmp_path, table))
    assert _says(ended, "cannot be written: File too large. Make room there"), ended
    assert processes.run("search_table", **_arguments(tmp_path, table)).code == 0
    assert outcome(tmp_path / "run", tmp_path / "state") == whole[0]


@pytest.mark.parametrize("name", [".", "dataset", "pending", "checkpoints", "tensorboard"])
def test_a_folder_that_may_not_be_written(processes, table, whole, folder, name):
    arguments = _arguments(folder, table, max_trials=12)
    user = {"user": _NOBODY} if os.geteuid() == 0 else {}
    os.chmod(folder, 0o777)
    assert processes.run("search_table", user, **arguments).code == 0
    os.chmod(folder / "run" / name, 0o555)
    arguments["max_trials"] = 20
    ended = processes.run("search_table", user, **arguments)
    assert _says(ended, str(folder / "run"), "cannot be written: Permission denied. "), ended
    os.chmod(folder / "run" / name, 0o755)
    assert processes.run("search_table", user, **arguments).code == 0
    assert outcome(folder / "run", folder / "state") == whole[0]


def test_a_place_in_a_folder_that_may_not_be_written(processes, table, folder):
    user = {"user": _NOBODY} if os.geteuid() == 0 else {}
    os.chmod(folder, 0o555)
    ended = processes.run("search_table", user, **_arguments(folder, table))
    assert _says(ended, f"workdir={str(folder / 'run')!r} cannot be written: Permission denied."), ended
    assert list(folder.iterdir()) == []


def test_a_shard_that_may_not_be_read(processes, table, folder):
    user = {"user": _NOBODY} if os.geteuid() == 0 else {}
    os.chmod(folder, 0o777)
    assert processes.run("search_table", user, **_arguments(folder, table)).code == 0
    shard = folder / "run" / "dataset" / "trials-000001.tfrecord"
    os.chmod(shard, 0)
    assert _says(processes.run("search_table", user, **_arguments(folder, table)), str(shard), "Permission denied")


# --- Other processes and the clock --------------------------------------------------------------------------------


def test_a_second_search_in_the_same_folder_is_refused(processes, table, whole, tmp_path):
    arguments = _arguments(tmp_path, table)
    with Workspace(tmp_path / "run").locked():
        ended = processes.run("search_table", **arguments)
    assert _says(ended, f"Another process is running in workdir={str(tmp_path / 'run')!r}."), ended
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]
    assert processes.run("search_table", **arguments).code == 0
    assert outcome(tmp_path / "run", tmp_path / "state") == whole[0]


def test_a_clock_that_jumps_by_days_changes_nothing(processes, table, whole, tmp_path):
    arguments = _arguments(tmp_path, table, clock=True)
    fault = {"signal": signal.SIGKILL, "pattern": "dataset/trials-*", "files": 3}
    assert processes.run("search_table", fault, **arguments).code == -signal.SIGKILL
    assert processes.run("search_table", **arguments).code == 0
    assert outcome(tmp_path / "run", tmp_path / "state") == whole[0]


# --- Ctrl-C and SIGTERM -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", _CODES)
def test_a_signal_while_a_table_is_searched(processes, table, whole, tmp_path, number):
    arguments = _arguments(tmp_path, table, max_trials=100_000)
    fault = {"signal": number, "pattern": "dataset/trials-*", "files": 2}
    ended = processes.run("search_table", fault, **arguments)
    assert ended.code == _CODES[number] and ended.output.endswith(_KEPT) and ended.seconds < 10, ended
    assert "Traceback" not in ended.output
    told = len(list((tmp_path / "run" / "dataset").glob("trials-*")))
    if told <= 5:
        arguments["max_trials"] = 20
        assert processes.run("search_table", **arguments).code == 0
        assert outcome(tmp_path / "run", tmp_path / "state") == whole[0]


def test_an_interruption_that_python_loses_ends_the_process_all_the_same(processes, tmp_path):
    fault = {"signal": signal.SIGINT, "pattern": "ready", "files": 1, "delay": 0.1}
    ended = processes.run("sleep_through_interrupts", fault, workdir=tmp_path / "run")
    assert ended.code == 130 and ended.output == f"Interrupted. {_KEPT}" and 1 <= ended.seconds < 5
    assert _script._GRACE_SECONDS == 8


def test_a_signal_while_children_are_trained(processes, tmp_path):
    arguments = {
        "log": tmp_path / "log",
        "workdir": tmp_path / "run",
        "state": tmp_path / "state",
        "max_evaluations": 4,
    }
    fault = {"signal": signal.SIGTERM, "word": "safe", "lines": 1, "delay": 0.1}
    ended = processes.run("search_training", fault, **arguments)
    assert ended.code == 143 and ended.output.endswith(f"\nEnded by SIGTERM. {_KEPT}")  # after a warning of few steps
    assert ended.seconds < 10 and ended.orphans == []
    assert processes.run("search_training", **arguments).code == 0
    assert count_trainings(tmp_path / "log") == 4


@pytest.mark.faults
def test_a_signal_while_a_table_is_computed(processes, tmp_path):
    arguments = {"log": tmp_path / "log", "workdir": tmp_path / "table"}
    fault = {"signal": signal.SIGINT, "word": "safe", "lines": 1, "delay": 0.1}
    ended = processes.run("precompute_table", fault, **arguments)
    assert (ended.code, ended.output) == (130, f"Interrupted. {_KEPT}")
    assert ended.seconds < 10 and ended.orphans == []
    assert processes.run("precompute_table", **arguments).code == 0
    assert count_trainings(tmp_path / "log") == 3
    assert len(read_table(tmp_path / "table").trials) == 3


@pytest.mark.faults
@pytest.mark.parametrize("number", _CODES)
def test_a_signal_at_any_moment_of_the_real_script(tmp_path, number):
    """While Python still imports the script the signal ends it as it ends any; from then on the script answers."""
    command = [sys.executable, str(ROOT / "launch" / "search.py"), f"--workdir={tmp_path / 'run'}", "--reward=table"]
    command += ["--final_epochs=0", "--max_evaluations=60", "--max_trials=2000"]
    settings = {
        "env": {**os.environ, "PYTHONPATH": python_path(ROOT)},
        "stdout": subprocess.DEVNULL,
        "text": True,
        # Tests in the background of a shell would hand on that Ctrl-C is ignored.
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    }
    answered = 0
    for moment in range(1, 20):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, **settings)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        start = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate()
        assert time.monotonic() - start < 10
        assert process.returncode in (0, _CODES[number], -number), errors
        if process.returncode == _CODES[number]:
            assert errors.endswith(_KEPT) and "Traceback" not in errors
            answered += 1
    assert answered > 5
    assert subprocess.run(command, **settings).returncode == 0
    say(f"{answered} signals {number} answered by launch/search.py")
