"""Files that a script writes at its end: checked before any work, and printed if they cannot be written.

A result that took minutes or hours must not be lost because its folder is gone or its disk is full: `delivering` turns
such a failure into an error that carries the result as text, which the launch script prints.
"""

import contextlib
import errno
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping

from nas_keras.errors import InvalidValueError, NasKerasError
from nas_keras.system.atomic_files import write_whole
from nas_keras.system.paths import local_path


class UnwrittenError(NasKerasError):
    """A result that could not be written.

    Attributes:
        result: text of the result.
    """

    def __init__(self, message: str, result: str):
        super().__init__(message)
        self.result = result


def result_file(flag: str, value: str | None) -> pathlib.Path | None:
    """Returns the path of a file that will be written at the end; None if none is requested.

    Raises:
        InvalidValueError: if it cannot be written now.
    """
    if not value:
        return None
    path = local_path(flag, value)
    try:
        folder = path.parent.stat() and path.parent
        writable = folder.is_dir() and not path.is_dir() and os.access(folder, os.W_OK)
        if path.exists():
            writable = writable and os.access(path, os.W_OK)
    except OSError:  # a folder that is missing or may not be entered, a name that is too long
        writable = False
    if not writable:
        raise InvalidValueError(f"--{flag}={value} cannot be written. Name a file in a folder that can.")
    return path


def check_apart(
    *,
    files: Mapping[str, str | os.PathLike | None] | None = None,
    folders: Mapping[str, str | os.PathLike | None] | None = None,
    read: Iterable[tuple[str, str | os.PathLike | None]] = (),
) -> None:
    """Checks that no output overwrites another output or an input.

    Paths are compared as the file system sees them: links, relative and absolute names of one place are equal.

    Args:
        files: files that are written, by flag.
        folders: folders that are written into, by flag.
        read: files or folders that are read, as (flag, path) pairs.

    Raises:
        InvalidValueError: if two of them are the same, a file would be written into a folder that is read, or anything
            into a folder of images (--images).
    """
    written = [(flag, path) for paths in (files, folders) for flag, path in (paths or {}).items() if path]
    sources = [(flag, path) for flag, path in read if path]
    place = {path: local_path(flag, path) for flag, path in (*written, *sources)}
    taken: list[tuple[str, str | os.PathLike]] = []
    for flag, path in written:
        for other_flag, other in taken:
            if _same(place[path], place[other]):
                raise InvalidValueError(
                    f"--{flag}={path} and --{other_flag}={other} are the same file. Give each a name of its own."
                )
        for other_flag, other in sources:
            if _same(place[path], place[other]):
                raise InvalidValueError(
                    f"--{flag}={path} is what --{other_flag}={other} reads, and would be changed. Name another place."
                )
            inside = os.path.realpath(place[path]).startswith(os.path.join(os.path.realpath(place[other]), ""))
            if inside and other_flag == "images":  # it would be a class at the next start
                raise InvalidValueError(
                    f"--{flag}={path} lies in the folder of images --{other_flag}={other}. Name a place elsewhere."
                )
            if flag in (files or {}) and inside:
                raise InvalidValueError(
                    f"--{flag}={path} lies in the folder that --{other_flag}={other} reads. Name a file elsewhere."
                )
        taken.append((flag, path))


def _same(one: pathlib.Path, other: pathlib.Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # at least one does not exist yet
        return os.path.realpath(one) == os.path.realpath(other)


def write_result(path: pathlib.Path, write: Callable[[pathlib.Path], object], text: Callable[[], str]) -> None:
    """Writes a file atomically by `write(temporary_path)`; devices and pipes are written directly.

    Raises:
        UnwrittenError: if that fails; it carries `text()`.
    """
    with delivering(path, text):
        target = pathlib.Path(os.path.realpath(path))  # a link stays a link
        if target.exists() and not target.is_file() or str(path.absolute()).startswith(("/dev/", "/proc/")):
            write(path)
        else:
            write_whole(target, write)


@contextlib.contextmanager
def delivering(path: pathlib.Path, text: Callable[[], str]) -> Iterator[None]:
    """Turns a failure to write within the block into an error that carries the result.

    Raises:
        UnwrittenError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        cause = error.__cause__ if error.errno is None and isinstance(error.__cause__, OSError) else error
        code = cause.errno if isinstance(cause.errno, int) else errno.EIO
        raise UnwrittenError(
            f"{path} cannot be written: {os.strerror(code)}. The text is printed instead.",
            text(),
        ) from error
