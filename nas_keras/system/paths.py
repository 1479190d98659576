"""Checks of the paths that a user names; they are made absolute once, so that a later `os.chdir` has no effect."""

import os
import pathlib
import re

from nas_keras.errors import InvalidValueError, shown

_REMOTE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://|(gs|s3a?|hdfs|abfss?|https?|file):/"
)  # pathlib has already merged the slashes
_MAX_NAME, _MAX_PATH = 255, 3_800  # bytes; Linux allows 4,095 in all, and files lie below the folder
_PATTERN = re.compile(r"[\[\]*?\\]")


def local_path(name: str, value: object) -> pathlib.Path:
    """Returns the absolute path of a local file or folder that a user names, with `~` expanded; reads no file.

    Args:
        name: name of the argument or flag, for the message.
        value: string or path.

    Raises:
        InvalidValueError: if it is not a path, is remote, or is one that no file can have.
    """
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path:
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: it must be the path of a folder.")
    if _REMOTE.match(path):
        raise InvalidValueError(
            f"{name}={shown(value)} is not allowed: it must be a local path. Name a local folder, or mount "
            "the remote one."
        )
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InvalidValueError(
            f"{name}={shown(value)} is not allowed: its name is not UTF-8. Rename it, or name another path."
        ) from error
    if "\0" in path:
        raise InvalidValueError(f"{name}={shown(value)} is not allowed: a path cannot contain a NUL character.")
    path = os.path.expanduser(path)
    if path.startswith("~"):
        raise InvalidValueError(
            f"{name}={shown(value)} is not allowed: there is no such home folder. For a file or folder of that name in "
            f"the current folder write {'./' + path!r}."
        )
    try:
        absolute = pathlib.Path(path).absolute()
    except FileNotFoundError as error:  # raised by os.getcwd
        raise InvalidValueError(
            f"{name}={shown(value)} is not allowed: it is relative, and the current folder was removed. Go to another "
            "folder, or name an absolute path."
        ) from error
    longest = max(len(os.fsencode(part)) for part in absolute.parts)
    if longest > _MAX_NAME or len(os.fsencode(absolute)) > _MAX_PATH:
        raise InvalidValueError(
            f"{name}={shown(value)} is not allowed: a path has at most {_MAX_PATH:,} bytes, and each name in it "
            f"at most {_MAX_NAME}. Name a shorter one."
        )
    return absolute


def local_or_remote_path(name: str, value: object) -> str:
    """Returns `local_path(name, value)` as a string; an address such as gs://... is returned unchanged."""
    if isinstance(value, str | os.PathLike) and "://" in os.fspath(value):
        return os.fspath(value)
    return str(local_path(name, value))


def check_loadable(name: str, path: pathlib.Path) -> None:
    """Raises InvalidValueError if TensorFlow would read `path` as a pattern and could not load a model from there."""
    found = _PATTERN.search(str(path))
    if found:
        raise InvalidValueError(
            f"{name}={str(path)!r} is not allowed for an export: TensorFlow takes {found[0]!r} for part of a pattern "
            "and could not load the network from there. Rename the folder (a run may be moved), then start again."
        )
