"""Locks of folders that only this process may write to, verified before every write.

The lock is `flock`, which the kernel releases when the process dies, on the folder itself and, for a run, on its file
`lock`. Moving, removing or replacing the folder or that file removes the lock unnoticed, so `is_held` compares inodes
before each write: nothing is ever written to a folder other than the one that was locked.
"""

import contextlib
import errno
import fcntl
import os
import pathlib
from collections.abc import Iterator

from nas_keras.errors import FolderMovedError, InvalidValueError

# Errors of flock on a file system without locks; a network file system answers EBADF for a folder.
_UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}
# Held folders, each with the (path, descriptor) pairs that are locked in it. One process can hold two runs at one path
# if the folder of the first was moved away; then the latest is the one that writes.
_held: list[tuple[pathlib.Path, list[tuple[pathlib.Path, int]]]] = []


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
        _held.append((folder, places))
        stack.callback(_held.remove, (folder, places))
        is_held(folder)
        yield


def is_held(path: pathlib.Path) -> bool:
    """Returns whether `path` is, or is in, a folder that this process has locked.

    Raises:
        FolderMovedError: if that folder, or its lock file, is no longer what was locked.
    """
    folder, places = next(((f, p) for f, p in reversed(_held) if path.is_relative_to(f)), (None, []))
    for place, descriptor in places:
        try:
            is_same = os.path.samestat(os.stat(place), os.fstat(descriptor))
        except (FileNotFoundError, NotADirectoryError):
            is_same = False
        if not is_same and place == folder:
            raise FolderMovedError(
                f"{folder} is no longer the folder that this process works in: it was moved, removed or replaced. "
                "Nothing was written since. Move it back or name its new place, then start the same command again."
            )
        if not is_same:
            raise FolderMovedError(
                f"{place} was removed or replaced, so another process may work in the folder. Nothing was written "
                "since. Make sure that no other process does, then start the same command again."
            )
    return folder is not None
