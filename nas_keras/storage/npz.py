"""A reader of npz files that bounds the memory used and unpickles nothing."""

import math
import pathlib
import zipfile

import numpy as np

_KINDS = "biufSU"  # NumPy's kinds of real numbers and texts
_ZIP = b"PK\x03\x04"  # the first bytes of a zip file that is not empty


def read_arrays(path: pathlib.Path, *, at_most: int) -> dict[str, np.ndarray]:
    """Reads all arrays, by name, of a file that `numpy.savez` or `numpy.savez_compressed` wrote.

    Args:
        path: the file.
        at_most: number of bytes that the arrays may take together.

    Raises:
        Exception: if the file cannot be read. NumPy, zipfile, zlib and Python's parser each raise types of their own.
    """
    if not path.is_file():
        raise OSError("there is no such file")
    with open(path, "rb") as file:  # np.load would also read a bare array, however large its header says it is
        if file.read(len(_ZIP)) != _ZIP:
            raise ValueError("it is not a zip file")
    with np.load(path, allow_pickle=False) as file:
        _check_sizes(file.zip, at_most)
        return {name: file[name] for name in file.files}


def _check_sizes(archive: zipfile.ZipFile, at_most: int) -> None:
    """Raises ValueError if an array's header asks for more bytes than follow: NumPy allocates before it reads."""
    if sum(member.file_size for member in archive.infolist()) > at_most:
        raise ValueError(f"it unpacks to more than {at_most:,} bytes")
    for member in archive.infolist():
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            num_bytes = member.file_size - file.tell()  # beyond the header
        if dtype.kind not in _KINDS:
            raise ValueError(
                f"{member.filename} holds values of type {dtype}, but only real numbers and texts are read"
            )
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > num_bytes:
            raise ValueError(
                f"{member.filename} has a header for {list(shape)} values of type {dtype}, but fewer bytes follow"
            )
