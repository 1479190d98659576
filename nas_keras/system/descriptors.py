"""File descriptors of this process: open standard streams, files in memory, and the limit on their number."""

import os
import sys
import tempfile
from typing import BinaryIO

from nas_keras.errors import DependencyError, InvalidValueError

try:
    import resource
except ModuleNotFoundError as error:  # the package's first import of what Windows lacks, as it lacks `fcntl`
    raise DependencyError(
        f"nas_keras runs on Linux, and this Python has no module `{error.name}`. On Windows, install nas_keras in WSL, "
        "the Windows Subsystem for Linux."
    ) from None

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
_SPARE = 32  # descriptors for TensorFlow, a run's files and the interpreter, besides those counted


def open_standard_streams() -> None:
    """Opens the null device in place of each closed standard stream, for the process and for Python.

    Otherwise the next file opened gets the closed stream's descriptor: a shard of D receives what a library prints, and
    a worker loses the images that it inherits. Services start programs with closed streams.
    """
    for descriptor, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:  # a lower one was closed by another thread in the meantime
                os.dup2(null, descriptor)
                os.close(null)
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False))


def memory_file() -> BinaryIO:
    """Returns an empty file without a name or folder, for texts of moderate length."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("nas_keras"), "w+b")
    return tempfile.TemporaryFile()


def reserve_descriptors(needed: int, *, purpose: str) -> None:
    """Ensures that this process may open enough files, raising its own limit if the system allows it.

    Args:
        needed: number of descriptors that are about to be opened.
        purpose: setting that needs them, for the message.

    Raises:
        InvalidValueError: if the system's limit leaves too few.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    total = _count_open() + needed + _SPARE
    if soft == resource.RLIM_INFINITY or soft >= total:
        return
    if hard != resource.RLIM_INFINITY and hard < total:
        raise InvalidValueError(
            f"{purpose}: this needs {total} file descriptors, but this process may open {hard}. "
            "Raise the limit with `ulimit -n`, or use fewer workers."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (total, hard))


def _count_open() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:  # not Linux, or no descriptor is left to list them with
        return len(_STREAMS)
