"""Tests of nas_keras/reports/page_folder.py: a page replaces an earlier page and no other file."""

import os
import pathlib

import pytest

from nas_keras.errors import InvalidValueError
from nas_keras.reports.page_folder import check_output, write_files
from nas_keras.system.output_files import UnwrittenError

_ONE = {"a.svg": b"one", "b.png": b"one"}


def _write(folder, pictures):
    shown = "\n".join(f"![It]({file})" for file in pictures)
    return write_files(folder, f"# A page\n\n{shown}\n", "<!DOCTYPE html>", pictures)


def _listing(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix not in (".md", ".html")}


def test_a_page_replaces_an_earlier_one_and_its_pictures(tmp_path):
    assert _write(tmp_path / "new" / "page", _ONE) == tmp_path / "new" / "page" / "README.md"
    folder = tmp_path / "new" / "page"
    assert _listing(folder) == {"a.svg": b"one", "b.png": b"one"}
    (folder / "mine.svg").write_bytes(b"mine")
    check_output(folder, ["a.svg", "b.png", "c.png"])
    _write(folder, {"a.png": b"two", "c.png": b"two"})
    assert _listing(folder) == {"a.png": b"two", "c.png": b"two", "mine.svg": b"mine"}
    assert (folder / "README.md").read_text().endswith("![It](c.png)\n")
    assert (folder / "index.html").read_text().splitlines()[1:] == ["<!DOCTYPE html>"]


@pytest.mark.parametrize("has_page", [False, True])
def test_a_picture_of_the_user_is_not_replaced(tmp_path, has_page):
    if has_page:
        _write(tmp_path, {"b.png": b"one"})
    (tmp_path / "a.svg").write_bytes(b"mine")
    before = _listing(tmp_path)
    for check in (lambda: check_output(tmp_path, ["b.png", "a.svg"]), lambda: _write(tmp_path, _ONE)):
        with pytest.raises(InvalidValueError, match="a.svg exists and does not belong to a page of this"):
            check()
    assert _listing(tmp_path) == before and (tmp_path / "README.md").exists() == has_page


def test_a_link_is_a_file_of_the_user(tmp_path):
    (tmp_path / "a.svg").symlink_to("nowhere")
    with pytest.raises(InvalidValueError, match="a.svg exists"):
        _write(tmp_path, _ONE)


@pytest.mark.parametrize("name", ["README.md", "index.html"])
@pytest.mark.parametrize("text", ["by hand ![](a.svg)", "# Mine\n<!-- Made by launch/report.py; what is changed here"])
def test_another_page_is_not_replaced(tmp_path, text, name):
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidValueError, match=f"{name} was not made by this program. Name another folder"):
        _write(tmp_path, _ONE)
    assert (tmp_path / name).read_text() == text and len(list(tmp_path.iterdir())) == 1


def test_a_page_does_not_own_what_lies_elsewhere(tmp_path):
    (tmp_path / "mine.svg").write_bytes(b"mine")
    folder = tmp_path / "page"
    write_files(folder, "![](../mine.svg) ![](/etc/mine.svg)", "", {"a.svg": b"one"})
    write_files(folder, "", "", {})
    assert (tmp_path / "mine.svg").exists()


def test_a_page_that_was_interrupted_is_made_again(tmp_path, monkeypatch):
    """It is interrupted at each write, removal and renaming."""
    later = {"a.png": b"two", "c.svg": b"two"}
    for moment in range(1, 20):
        folder = tmp_path / str(moment)
        _write(folder, _ONE)
        count = 0

        def interrupt(function, moment=moment):
            def step(*arguments, **settings):
                nonlocal count
                count += 1
                if count == moment:
                    raise KeyboardInterrupt
                return function(*arguments, **settings)

            return step

        with monkeypatch.context() as patch:
            for owner, name in ((os, "replace"), (pathlib.Path, "unlink"), (pathlib.Path, "write_bytes")):
                patch.setattr(owner, name, interrupt(getattr(owner, name)))
            try:
                _write(folder, later)
                break
            except KeyboardInterrupt:
                pass
        _write(folder, later)
        files = _listing(folder)
        assert {name: files[name] for name in ("a.png", "c.svg")} == {"a.png": b"two", "c.svg": b"two"}
        assert not {"a.svg", "b.png"} & files.keys()
    assert 6 < moment < 19


def test_a_page_that_cannot_be_written_is_carried_by_the_error(tmp_path, monkeypatch):
    monkeypatch.setattr(pathlib.Path, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(UnwrittenError, match="page cannot be written: No space left on device") as error:
        _write(tmp_path / "page", _ONE)
    assert "# A page" in error.value.result


def test_a_folder_whose_name_is_too_long(tmp_path):
    with pytest.raises(InvalidValueError, match="cannot be used as a folder: File name too long"):
        check_output(tmp_path / ("x" * 300), ["a.svg"])
