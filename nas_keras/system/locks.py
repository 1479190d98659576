"""Locks of folders that only this process may write to, verified before every write.

The lock is `flock`, which the kernel releases when the process dies, on the folder itself and, for a run, on its file
`lock`. Moving, removing or replacing the folder or that file removes the lock unnoticed, so `is_held` compares inodes
before each write: nothing is ever written to a folder other than the one that was locked. `watch` extends this to what
is in the folder and must stay in its place.
"""

import contextlib
import errno
import fcntl
import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

from nas_keras.errors import FolderMovedError, InvalidValueError

# Errors of flock on a file system without locks; a network file system answers EBADF for a folder.
_UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}
# Errors of a path at which nothing is: a part of it is missing or a file, or a link leads to itself.
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class _Watched(NamedTuple):
    """A folder or file within a held folder: an open descriptor, so that its inode is not reused, and a file's content.

    A file counts by its content, since editors and copies replace a file by an equal one; a folder by its inode.
    """

    descriptor: int
    content: bytes | None


class _Held(NamedTuple):
    """A held folder, the (path, descriptor) pairs that are locked in it, and what is watched in it."""

    folder: pathlib.Path
    places: list[tuple[pathlib.Path, int]]
    watched: dict[pathlib.Path, _Watched]


# One process can hold two runs at one path if the folder of the first was moved away: the latest one writes.
_held: list[_Held] = []


@contextlib.contextmanager
def locked(folder: pathlib.Path, *, busy: str, file: str | None = None) -> Iterator[None]:
    """Holds the lock of an existing folder.

    Args:
        folder: absolute path.
        busy: message if another process holds the lock.
        file: name of a file in the folder that is locked too, and created if missing. It serves file systems that lock
            files but not folders, and keeps out versions of this package that lock only the file.

    Raises:
        InvalidValueError: if another process holds the lock, or the file system has none.
        FolderMovedError: if the folder is replaced while it is being locked.
        OSError: if the folder or file cannot be opened.
    """
    with contextlib.ExitStack() as stack:
        places, targets = [], [(folder, os.O_RDONLY)]
        if file:
            targets.append((folder / file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW))
        for path, flags in targets:
            descriptor = os.open(path, flags, 0o666)
            stack.callback(os.close, descriptor)
            places.append((path, descriptor))
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InvalidValueError(busy) from error
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                if file and path == folder:
                    continue  # the file's lock is enough
                raise InvalidValueError(
                    f"{path} cannot be locked: {os.strerror(error.errno)}. Its file system has no locks, which keep "
                    "two processes apart. Name a folder on a local disk."
                ) from error
        held = _Held(folder, places, {})
        _held.append(held)
        stack.callback(_release, held)
        is_held(folder)
        yield


def is_held(path: pathlib.Path) -> bool:
    """Returns whether `path` is, or is in, a folder that this process has locked.

    Raises:
        FolderMovedError: if that folder, its lock file, or a watched folder that `path` is in, is no longer the same.
    """
    held = _find(path)
    if held is None:
        return False
    for place, descriptor in held.places:
        if _is_same(place, descriptor):
            continue
        if place == held.folder:
            raise FolderMovedError(
                f"{place} is no longer the folder that this process works in: it was moved, removed or replaced. "
                "Nothing was written since. Move it back or name its new place, then start the same command again."
            )
        raise FolderMovedError(
            f"{place} was removed or replaced, so another process may work in the folder. Nothing was written "
            "since. Make sure that no other process does, then start the same command again."
        )
    _check(held, [place for place in held.watched if path.is_relative_to(place)])
    return True


def watch(path: pathlib.Path) -> None:
    """Watches a folder or file within a locked folder from now on; does nothing in a folder that is not locked."""
    held = _find(path)
    if held is not None:
        unwatch(path)
        descriptor = os.open(path, os.O_RDONLY)
        content = path.read_bytes() if path.is_file() else None
        held.watched[path] = _Watched(descriptor, content)


def unwatch(path: pathlib.Path) -> None:
    """Ends `watch`, if it was called."""
    held = _find(path)
    watched = held.watched.pop(path, None) if held else None
    if watched:
        os.close(watched.descriptor)


def check_watched(path: pathlib.Path) -> None:
    """Checks all that is watched in the locked folder that `path` is, or is in.

    Raises:
        FolderMovedError: if that folder, its lock file, or anything watched in it is no longer the same.
    """
    held = _find(path)
    if held is not None:
        is_held(held.folder)
        _check(held, list(held.watched))


def _find(path: pathlib.Path) -> _Held | None:
    return next((held for held in reversed(_held) if path.is_relative_to(held.folder)), None)


def _release(held: _Held) -> None:
    _held[:] = [other for other in _held if other is not held]
    for watched in held.watched.values():
        os.close(watched.descriptor)


def _check(held: _Held, places: list[pathlib.Path]) -> None:
    for place in places:
        watched = held.watched[place]
        is_folder = watched.content is None
        if _is_same(place, watched.descriptor) if is_folder else _has_content(place, watched.content):
            continue
        what = "folder" if is_folder else "file"
        raise FolderMovedError(
            f"{place} is no longer the {what} that was there when this process began: it was moved, removed, replaced "
            "or edited. What is finished is kept in the rest of the folder. Put back what was there, then start the "
            "same command again."
        )


def _is_same(place: pathlib.Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(place), os.fstat(descriptor))
    except OSError as error:
        if error.errno not in _GONE:
            raise
        return False


def _has_content(place: pathlib.Path, content: bytes | None) -> bool:
    try:
        return place.is_file() and place.read_bytes() == content  # a pipe would block, and a device would never end
    except OSError as error:
        if error.errno not in _GONE:
            raise
        return False
