"""Finds the image files of a folder with one folder for each class, and lists what else is there.

The folder holds class folders, or `train/`, `validation/` (or `valid/`, `val/`) and `test/`, each with class folders.
The latter is the case if `train/` itself holds a folder; otherwise `train` is the name of a class. Files and folders
whose names begin with a dot are neither images nor classes.
"""

import dataclasses
import os
import pathlib
import unicodedata
from collections.abc import Iterable

from absl import logging

from nas_keras.errors import DataError, InvalidValueError, printable
from nas_keras.system.words import counted

_SPLITS = {"train": "train", "validation": "valid", "valid": "valid", "val": "valid", "test": "test"}  # folder -> part
_MOST_NAMED = 10  # files in one warning
_LAYOUT = (
    "Allowed: a folder with one folder of images for each class, or with train/, validation/ and test/, each of which "
    "holds such folders."
)


@dataclasses.dataclass
class Listing:
    """The files of a folder of images.

    Attributes:
        root: the folder.
        files: split -> (file, class name) in the order of class names and file names. Only "train" has files if the
            folder is not divided.
        findings: what is left out: kind -> descriptions of files and folders, relative to `root`.
    """

    root: pathlib.Path
    files: dict[str, list[tuple[pathlib.Path, str]]] = dataclasses.field(default_factory=dict)
    findings: dict[tuple[str, str], list[str]] = dataclasses.field(default_factory=dict)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes that have files, sorted."""
        return sorted({name for files in self.files.values() for _, name in files})

    def leave_out(self, kind: tuple[str, str], path: pathlib.Path, reason: str = "") -> None:
        """Records a file or folder that is not used."""
        place = printable(os.fsencode(path.relative_to(self.root)).decode(errors="replace"))
        self.findings.setdefault(kind, []).append(f"{place} ({reason})" if reason else place)

    def report(self) -> None:
        """Warns of what is left out, with at most `_MOST_NAMED` names for each kind."""
        for kind, found in self.findings.items():
            more = f", and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
            logging.warning(
                "%s: %s %s left out: %s%s.",
                self.root,
                f"{len(found):,}",
                kind[len(found) > 1],
                ", ".join(found[:_MOST_NAMED]),
                more,
            )
        self.findings = {}


# What is left out: one of it, and several.
STRAY = ("stray file or folder is", "stray files or folders are")
UNREADABLE = ("file that cannot be read as an image is", "files that cannot be read as images are")
_EMPTY = ("class without files is", "classes without files are")
_UNLABELLED = ("split folder without class folders is", "split folders without class folders are")


def list_folder(root: pathlib.Path) -> Listing:
    """Lists the files of a folder of images, without opening one.

    Raises:
        InvalidValueError: if the folder has another layout.
        DataError: if it cannot be read.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "is not there"
        raise InvalidValueError(f"images={str(root)!r} {what}. {_LAYOUT}")
    listing = Listing(root)
    entries = _entries(root)
    folders = {path.name.casefold(): path for path in entries if path.is_dir()}
    train = folders.get("train")
    if train is None or not any(path.is_dir() and not _is_hidden(path) for path in _entries(train)):
        listing.files["train"] = _list_classes(listing, entries)
        _refuse_nested(listing, entries)
        return listing
    for path in entries:
        part = _SPLITS.get(path.name.casefold()) if path.is_dir() else None
        if part is None:
            listing.leave_out(STRAY, path)
            continue
        if part in listing.files:
            raise InvalidValueError(
                f"{root} has two folders for one split, one of them {path.name!r}. Allowed: one of validation, "
                "valid and val, and one train and one test. Merge or rename them."
            )
        inside = _entries(path)
        if not any(inner.is_dir() for inner in inside):
            listing.leave_out(_UNLABELLED, path, f"{counted(len(inside), 'file')} of unknown class")
            continue
        listing.files[part] = _list_classes(listing, inside)
    if not listing.files.get("train"):
        raise InvalidValueError(f"{root} has no image file in the class folders of train/. {_LAYOUT}")
    return listing


def _list_classes(listing: Listing, entries: Iterable[pathlib.Path]) -> list[tuple[pathlib.Path, str]]:
    """Returns the files of class folders, (file, class name); everything else is left out."""
    files: list[tuple[pathlib.Path, str]] = []
    folders: dict[str, pathlib.Path] = {}
    for path in entries:
        if not path.is_dir() or _is_hidden(path):
            listing.leave_out(STRAY, path)
            continue
        name = _class_name(path)
        if name in folders:
            raise InvalidValueError(
                f"{folders[name]} and {path} have the same class name {name!r}, in different Unicode forms. Rename or "
                "merge them."
            )
        folders[name] = path
    for name in sorted(folders):
        inside = _entries(folders[name])
        found = [path for path in inside if path.is_file() and not _is_hidden(path)]
        for path in inside:
            if not path.is_file() or _is_hidden(path):
                listing.leave_out(STRAY, path, _what(path))
        if not inside:
            listing.leave_out(_EMPTY, folders[name])
        files += [(path, name) for path in found]
    return files


def _refuse_nested(listing: Listing, entries: list[pathlib.Path]) -> None:
    """Raises InvalidValueError if no class folder holds a file, with what is there instead."""
    if listing.files["train"]:
        return
    num_files = sum(path.is_file() for path in entries)
    found = ", ".join(repr(printable(path.name)) for path in entries[:5]) or "nothing"
    raise InvalidValueError(
        f"{listing.root} has no class folder with files; it holds {counted(num_files, 'file')} and "
        f"{counted(len(entries) - num_files, 'other')}: {found}{', ...' * (len(entries) > 5)}. {_LAYOUT}"
    )


def _class_name(folder: pathlib.Path) -> str:
    """Returns the class name of a folder, in the Unicode form NFC: systems differ in how they store an accent."""
    try:
        folder.name.encode()
    except UnicodeEncodeError as error:
        raise InvalidValueError(
            f"{os.fsencode(folder)!r} is a class folder whose name is not UTF-8. Rename it."
        ) from error
    name = unicodedata.normalize("NFC", folder.name)
    if not name.isprintable():
        raise InvalidValueError(f"The class folder {name!r} has control characters in its name. Rename it.")
    return name


def _what(path: pathlib.Path) -> str:
    if path.is_dir():
        return f"a folder of {len(_entries(path)):,}; images must lie directly in their class folder"
    if path.is_file():
        return "a hidden file"
    return "a link to nothing" if path.is_symlink() else "not a file"


def _is_hidden(path: pathlib.Path) -> bool:
    return path.name.startswith(".")


def _entries(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the entries of a folder, sorted by the bytes of their names."""
    try:
        return sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}. Allow reading it, or remove it.") from error
