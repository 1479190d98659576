"""Tests of nas_keras/data/folder_listing.py, on empty files."""

import logging

import pytest

from nas_keras.data.folder_listing import list_folder
from nas_keras.errors import InvalidValueError


def _make(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return list_folder(root)


def _names(listing, part="train"):
    return [(path.name, name) for path, name in listing.files[part]]


def test_files_come_in_the_order_of_classes_and_names(tmp_path):
    listing = _make(tmp_path, "dog/2.png", "cat/b.png", "cat/a.png", "dog/1.png")
    assert _names(listing) == [("a.png", "cat"), ("b.png", "cat"), ("1.png", "dog"), ("2.png", "dog")]
    assert list(listing.files) == ["train"] and listing.class_names == ["cat", "dog"] and listing.findings == {}


def test_splits_have_folders_of_their_own(tmp_path):
    listing = _make(tmp_path, "train/cat/1.png", "val/cat/2.png", "test/dog/3.png")
    assert {part: _names(listing, part) for part in listing.files} == {
        "test": [("3.png", "dog")], "train": [("1.png", "cat")], "valid": [("2.png", "cat")]
    }  # fmt: skip


def test_train_without_folders_is_a_class(tmp_path):
    assert _names(_make(tmp_path, "train/1.png", "car/2.png")) == [("2.png", "car"), ("1.png", "train")]


def test_what_is_neither_image_nor_class_is_reported_by_kind(tmp_path, caplog):
    (tmp_path / "cat").mkdir()
    (tmp_path / "empty").mkdir()
    listing = _make(tmp_path, "cat/1.png", "cat/.hidden", "notes.txt", "cat/more/2.png")
    with caplog.at_level(logging.WARNING):
        listing.report()
    assert [message.removeprefix(f"{tmp_path}: ") for message in caplog.messages] == [
        "3 stray files or folders are left out: notes.txt, cat/.hidden (a hidden file), cat/more (a folder of 1; "
        "images must lie directly in their class folder).",
        "1 class without files is left out: empty.",
    ]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a.png", "b.png"], "has no class folder with files; it holds 2 files and 0 others: 'a.png', 'b.png'"),
        (["train/cat/1.png", "val/cat/2.png", "valid/cat/3.png"], "has two folders for one split"),
        (["train/.x/1.png", "train/cat/.1.png"], "has no image file in the class folders of train/"),
    ],
)
def test_other_layouts_are_refused(tmp_path, names, says):
    with pytest.raises(InvalidValueError, match=says):
        _make(tmp_path, *names)


def test_a_place_without_a_folder_is_refused(tmp_path):
    with pytest.raises(InvalidValueError, match="nowhere' is not there. Allowed: a folder with one folder of images"):
        list_folder(tmp_path / "nowhere")
