"""Arrays that worker processes share with this one: an unnamed file, mapped into memory by each."""

import os
import tempfile
from collections.abc import Mapping

import numpy as np

from nas_keras.workspace import writing

_ALIGNMENT = 4096  # a page


class SharedArrays:
    """Puts arrays into one unnamed temporary file, which vanishes with the last process that has it open.

    Args:
        arrays: by name.

    Raises:
        WriteError: if there is no room for them.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self.layout = {}
        with writing(f"The images that workers share, in {tempfile.gettempdir()} (TMPDIR names another folder),"):
            self._file = tempfile.TemporaryFile(prefix="nas_keras-")
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
        """The file's descriptor, for a worker to inherit."""
        return self._file.fileno()

    def close(self) -> None:
        """Closes the file here; workers keep theirs."""
        self._file.close()


def attach(fd: int, layout: Mapping[str, tuple]) -> dict[str, np.ndarray]:
    """The arrays of `SharedArrays`, read-only, in a process that inherited `fd`."""
    with os.fdopen(os.dup(fd), "rb") as file:
        return {
            name: np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape)
            for name, (dtype, shape, offset) in layout.items()
        }
