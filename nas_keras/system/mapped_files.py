"""Arrays in files that this process maps into its memory."""

import mmap
import pathlib

import numpy as np


def map_array(path: pathlib.Path, shape: tuple[int, ...], offset: int) -> np.ndarray:
    """Maps uint8 values of a file, read-only; `offset` is in bytes."""
    return np.memmap(path, np.uint8, mode="r", offset=offset, shape=shape)


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array is a whole `np.memmap`, not a part of one, whose attributes would be those of the whole."""
    return isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap)


def release_pages(array: np.ndarray) -> None:
    """Drops the pages of a mapped array from this process; the kernel keeps them as long as it has room."""
    if is_mapped(array) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)
