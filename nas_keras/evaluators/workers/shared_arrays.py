"""Arrays that worker processes share with this one through an unnamed file, which each maps into memory.

Arrays that are mapped from a file already are not copied: the workers map the same file.
"""

import os
import tempfile
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from nas_keras.system.atomic_files import writing
from nas_keras.system.descriptors import memory_file
from nas_keras.system.mapped_files import is_mapped

_ALIGNMENT = 4096  # a page


class SharedArrays:
    """Arrays in one unnamed temporary file, which disappears with the last process that has it open.

    The file is in the folder for temporary files, so that the kernel can drop its pages from memory; on a machine
    without such a folder it is in memory.

    Args:
        arrays: the arrays by name.

    Attributes:
        layout: (dtype, shape, offset in bytes, file descriptor or None) of each array by name; None is that of the
            unnamed file.

    Raises:
        WriteError: if there is no room for them.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self.layout: dict[str, tuple[str, tuple[int, ...], int, int | None]] = {}
        self._mapped: dict[str, BinaryIO] = {}  # path -> open file
        folder = _temporary_folder()
        with writing(f"The images that workers share, in {folder or 'memory'} (TMPDIR names another folder),"):
            self._file = tempfile.TemporaryFile(prefix="nas_keras-", dir=folder) if folder else memory_file()
            self._write(arrays)

    def _write(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            if (file := self._open_mapped(array)) is not None:
                self.layout[name] = (array.dtype.str, array.shape, array.offset, file.fileno())  # type: ignore[attr-defined]
                continue
            offset = -(-self._file.tell() // _ALIGNMENT) * _ALIGNMENT
            self._file.seek(offset)
            self._file.write(np.ascontiguousarray(array).data)
            self.layout[name] = (array.dtype.str, array.shape, offset, None)
        self._file.flush()

    def _open_mapped(self, array: np.ndarray) -> BinaryIO | None:
        """Opens the file from which an array is mapped; None if there is none, or it has been removed."""
        if not is_mapped(array):
            return None
        path = str(array.filename)  # type: ignore[attr-defined]
        if path not in self._mapped:
            try:
                self._mapped[path] = open(path, "rb")  # noqa: SIM115  (it is closed by `close`)
            except OSError:
                return None
        return self._mapped[path]

    @property
    def fd(self) -> int:
        """The descriptor of the unnamed file, which the workers inherit."""
        return self._file.fileno()

    @property
    def fds(self) -> list[int]:
        """The descriptors of all files, which the workers inherit."""
        return [self.fd, *(file.fileno() for file in self._mapped.values())]

    def close(self) -> None:
        """Closes the files in this process; the workers keep them open."""
        for file in (self._file, *self._mapped.values()):
            file.close()


def _temporary_folder() -> str | None:
    """Returns the folder for temporary files, or None if none can be written."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return None


def attach(fd: int, layout: Mapping[str, tuple]) -> dict[str, np.ndarray]:
    """Maps the arrays of a `SharedArrays`, read-only, in a process that inherited its files; `fd` is the unnamed's."""
    arrays: dict[str, np.ndarray] = {}
    for name, (dtype, shape, offset, other) in layout.items():
        with os.fdopen(os.dup(fd if other is None else other), "rb") as file:
            arrays[name] = np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape)
    return arrays
