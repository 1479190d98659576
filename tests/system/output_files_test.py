"""Tests of nas_keras/system/output_files.py: the files that a script writes at its end."""

import errno
import os
import pathlib

import pytest

from nas_keras.errors import InvalidValueError
from nas_keras.system.output_files import UnwrittenError, check_apart, result_file, write_result


def test_a_file_that_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "old").write_text("")
    monkeypatch.chdir(tmp_path)
    assert result_file("csv", None) is None and result_file("csv", "") is None
    assert result_file("csv", f"{tmp_path}/new") == tmp_path / "new"
    assert result_file("csv", "old") == tmp_path / "old"


@pytest.mark.parametrize("name", ["", "nowhere/a.csv", "old/a.csv"])
def test_a_file_that_cannot_be_written(tmp_path, name):
    (tmp_path / "old").write_text("")
    with pytest.raises(InvalidValueError, match="^--csv=.* cannot be written. Name a file in a folder that can.$"):
        result_file("csv", f"{tmp_path}/{name}")


def test_a_file_whose_name_no_file_can_have(tmp_path):
    with pytest.raises(InvalidValueError, match="^csv='.* is not allowed: a path has at most"):
        result_file("csv", f"{tmp_path}/{'a' * 300}")


def test_what_is_written_stays_apart_from_the_rest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("table", "runs/a"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "rewards.npz").write_text("")
    (tmp_path / "link.csv").symlink_to("rewards.npz")
    (tmp_path / "linked").symlink_to("runs")
    os.link("rewards.npz", "twin.csv")
    check_apart()
    check_apart(files={"csv": "a.csv", "picture": None}, read=[("npz", "rewards.npz"), ("table", None)])
    check_apart(folders={"output": "runs/a/page"}, read=[("runs", "runs/a"), ("table", "table")])
    for written, read, message in (
        ({"files": {"csv": "a.csv", "picture": "./a.csv"}}, [], r"--picture=./a.csv and --csv=a.csv are the same file"),
        ({"files": {"csv": "runs/b.csv", "picture": "linked/b.csv"}}, [], "are the same file. Give each a name of"),
        ({"files": {"csv": "link.csv"}}, [("npz", "rewards.npz")], "is what --npz=rewards.npz reads, and would be"),
        ({"files": {"csv": "twin.csv"}}, [("npz", "rewards.npz")], "--csv=twin.csv is what --npz=rewards.npz reads"),
        ({"files": {"csv": f"{tmp_path}/rewards.npz"}}, [("npz", "rewards.npz")], "Name another place."),
        (
            {"files": {"csv": "table/x.csv"}},
            [("table", "table")],
            "lies in the folder that --table=table reads.",
        ),
        ({"files": {"csv": "runs/a/x.csv"}}, [("runs", "linked/a")], "lies in the folder that --runs=linked/a reads"),
        (
            {"folders": {"workdir": "runs/a/x"}},
            [("images", "linked/a")],
            "lies in the folder of images --images=linked/a",
        ),
        ({"folders": {"output": "linked/a"}}, [("runs", "runs/b"), ("runs", "runs/a")], "--runs=runs/a reads"),
        ({"folders": {"table": "nowhere/../nowhere"}}, [("merge", "nowhere")], "--merge=nowhere reads"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            check_apart(**written, read=read)


def test_a_result_is_written_atomically_and_through_links(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    write_result(tmp_path / "link", lambda path: path.write_text("new"), str)
    assert (tmp_path / "file").read_text() == "new" and (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_a_device_stays_a_device():
    write_result(pathlib.Path("/dev/null"), lambda path: path.write_text("new"), str)
    assert pathlib.Path("/dev/null").is_char_device()


def test_a_result_that_cannot_be_written_is_carried_by_the_error(tmp_path):
    (tmp_path / "file").write_text("old")

    def fill(path):
        path.write_text("ne")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(UnwrittenError, match="file cannot be written: No space left on device. The text") as error:
        write_result(tmp_path / "file", fill, lambda: "new")
    assert error.value.result == "new" and (tmp_path / "file").read_text() == "old"
