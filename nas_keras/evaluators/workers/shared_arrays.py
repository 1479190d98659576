"""Arrays that worker processes share with this one through an unnamed file, which each maps into memory."""

import os
import tempfile
from collections.abc import Mapping

import numpy as np

from nas_keras.system.atomic_files import writing
from nas_keras.system.descriptors import memory_file

_ALIGNMENT = 4096  # a page


class SharedArrays:
    """Arrays in one unnamed temporary file, which disappears with the last process that has it open.

    The file is in the folder for temporary files, so that the kernel can drop its pages from memory; on a machine
    without such a folder it is in memory.

    Args:
        arrays: the arrays by name.

    Attributes:
        layout: (dtype, shape, offset in bytes) of each array by name.

    Raises:
        WriteError: if there is no room for them.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self.layout: dict[str, tuple[str, tuple[int, ...], int]] = {}
        folder = _temporary_folder()
        with writing(f"The images that workers share, in {folder or 'memory'} (TMPDIR names another folder),"):
            self._file = tempfile.TemporaryFile(prefix="nas_keras-", dir=folder) if folder else memory_file()
            self._write(arrays)

    def _write(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            offset = -(-self._file.tell() // _ALIGNMENT) * _ALIGNMENT
            self._file.seek(offset)
            self._file.write(np.ascontiguousarray(array).data)
            self.layout[name] = (array.dtype.str, array.shape, offset)
        self._file.flush()

    @property
    def fd(self) -> int:
        """The file's descriptor, which the workers inherit."""
        return self._file.fileno()

    def close(self) -> None:
        """Closes the file in this process; the workers keep it open."""
        self._file.close()


def _temporary_folder() -> str | None:
    """Returns the folder for temporary files, or None if none can be written."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return None


def attach(fd: int, layout: Mapping[str, tuple]) -> dict[str, np.ndarray]:
    """Maps the arrays of a `SharedArrays`, read-only, in a process that inherited `fd`."""
    with os.fdopen(os.dup(fd), "rb") as file:
        return {
            name: np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape)
            for name, (dtype, shape, offset) in layout.items()
        }
