"""Atomic files: written under a temporary name, flushed to disk and renamed, so that a file is never incomplete."""

import contextlib
import errno
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from nas_keras.errors import DataError, NasKerasError
from nas_keras.system import locks

# Errors of a file system that cannot write now, and how a user can fix each.
_MAKE_ROOM, _ALLOW, _MOVE = "Make room there", "Allow writing there", "Move away what is in its place"
FIXES = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EFBIG: _MAKE_ROOM,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EROFS: _ALLOW,
    errno.EIO: "Check the disk",
    errno.ENOENT: "Put the folder back",
    errno.EEXIST: _MOVE,
    errno.ENOTDIR: _MOVE,
    errno.EISDIR: _MOVE,
    errno.ESTALE: "Check the network folder",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`)",
    errno.ENFILE: "Close programs that hold many files open",
}


class WriteError(NasKerasError, OSError):
    """A file that could not be written; the message says why and how to fix it. An existing file is left untouched."""


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
    """Checks that `path` is still in the folder that was locked, and turns a failure to write it into a WriteError.

    Raises:
        FolderMovedError: if the folder that this process has locked, or a watched folder in it that holds the file, was
            moved, removed or replaced.
        WriteError: if the disk is full, writing is not allowed, or the like; other exceptions pass unchanged.
    """
    try:
        locks.is_held(pathlib.Path(path or ""))  # a run in memory has no path
        yield
    except WriteError:
        raise
    except Exception as error:
        code = _storage_error(error)
        if code is None:
            raise
        raise WriteError(
            f"{path} cannot be written: {os.strerror(code)}. {FIXES[code]}, then start the same command again: "
            "what was computed until now is kept."
        ) from error


def _storage_error(error: Exception) -> int | None:
    """Returns the number of a file system's error, also if TensorFlow raised it; None for any other exception."""
    if isinstance(error, OSError):
        return error.errno if error.errno in FIXES else None
    if not hasattr(error, "error_code"):  # of tf.errors.OpError, which cannot be imported here
        return None
    return next((code for code in FIXES if f"; {os.strerror(code)}" in str(error)), None)


def write_whole(path: pathlib.Path, write) -> None:
    """Writes a file atomically: calls `write(temporary_path)`, flushes the file to disk and renames it.

    The file's folder is created if it is missing, except for a folder that this process has locked.

    Raises:
        FolderMovedError: if the folder that this process has locked, or a watched folder in it that holds the file, was
            moved, removed or replaced.
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    temporary = temporary_name(path)
    with writing(path):
        path.parent.mkdir(parents=not locks.is_held(path), exist_ok=True)
        if temporary.is_symlink():  # in a folder from elsewhere it may point anywhere
            os.unlink(temporary)
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)


def temporary_name(path: pathlib.Path) -> pathlib.Path:
    """Returns the name under which `path` is written before it is complete."""
    return path.with_name(f".{path.name}.tmp")


def sync_folder(folder: pathlib.Path) -> None:
    """Flushes a folder's list of names to disk, after a rename or removal in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: pathlib.Path) -> None:
    """Flushes a folder, with all files and folders in it, to disk."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            sync_tree(path)
            continue
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes a JSON file atomically."""
    write_whole(path, lambda temporary: temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n"))


def read_json(path: pathlib.Path) -> Any:
    """Reads a JSON object.

    Raises:
        DataError: if it is missing, corrupt or not an object.
    """
    try:
        if path.exists() and not path.is_file():  # reading a pipe would block, and a device would never end
            raise OSError("it is not a file")
        value = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} cannot be read as JSON: {error}. Restore it from a copy, or remove the folder."
        ) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} does not hold a JSON object. Restore it from a copy, or remove the folder.")
    return value
