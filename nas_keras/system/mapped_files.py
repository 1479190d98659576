"""Arrays in files that this process maps into its memory."""

import mmap
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

_CHUNK = 2**26  # bytes that are looked at at once


def map_array(path: pathlib.Path, shape: tuple[int, ...], offset: int) -> np.ndarray:
    """Maps uint8 values of a file, read-only; `offset` is in bytes."""
    return np.memmap(path, np.uint8, mode="r", offset=offset, shape=shape)


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array is a file, mapped read-only, in its order.

    A part of an `np.memmap` is not: its attributes are those of the whole.
    """
    base: Any = array.base
    is_whole = isinstance(array, np.memmap) and isinstance(base, mmap.mmap)
    return is_whole and getattr(array, "mode", None) == "r" and array.flags.c_contiguous


def release_pages(array: np.ndarray) -> None:
    """Drops the pages of a mapped array from this process; the kernel keeps them as long as it has room."""
    base: Any = array.base
    if is_mapped(array) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yields parts of an array, one after the other; those of a mapped file do not stay in this process."""
    count = max(1, _CHUNK // array[0].nbytes)
    for start in range(0, len(array), count):
        yield array[start : start + count]
        release_pages(array)
