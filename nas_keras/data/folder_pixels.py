"""Decodes the image files of each split once, into memory or, above a memory limit, into a file that is mapped.

Both ways give the same values in the same order. The file (`pixel_file.py`) is used again as long as no image file has
changed.

`N` images of height `H`, width `W` and `C` channels.
"""

import concurrent.futures
import itertools
import math
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from nas_keras.data import decoding
from nas_keras.data.decoding import UnreadableError
from nas_keras.data.pixel_file import is_too_large, key_of, open_pixels
from nas_keras.system.cgroups import available_cores
from nas_keras.system.mapped_files import map_array, release_pages

_CHUNK = 256  # results of threads that wait to be used
_RULES = 1  # version of the rules by which pixels follow from files


def decode_files(
    root: pathlib.Path,
    paths: Mapping[str, Sequence[pathlib.Path]],
    shape: tuple[int, int, int],
    *,
    may_resize: bool,
    limit: float | None,
) -> tuple[dict[str, np.ndarray], dict[pathlib.Path, str]]:
    """Decodes image files.

    Args:
        root: the folder that holds them.
        paths: the files of each split.
        shape: (H, W, C).
        may_resize: whether images of another size are resized; otherwise they are unreadable.
        limit: GiB of images that are kept in memory; None: the default of `is_too_large`.

    Returns:
        The images of each split, uint8 [N, H, W, C], and the reason for each file that cannot be decoded and is left
        out.

    Raises:
        WriteError: if there is no room for the file of pixels.
    """
    everything = list(itertools.chain(*paths.values()))
    images: np.ndarray | pathlib.Path
    if is_too_large(len(everything) * math.prod(shape), limit):
        images, reasons = _decode_to_file(root, everything, shape, may_resize)
    else:
        images, reasons = _decode_to_memory(everything, shape, may_resize)
    numbers = itertools.count()
    counts = {part: sum(next(numbers) not in reasons for _ in found) for part, found in paths.items()}
    return _divide(images, counts, shape), {everything[number]: reason for number, reason in reasons.items()}


def _decode_to_memory(
    paths: Sequence[pathlib.Path], shape: tuple[int, int, int], may_resize: bool
) -> tuple[np.ndarray, dict[int, str]]:
    """Returns the images, [N, H, W, C], and the numbers of the files that cannot be decoded, with the reasons."""
    images, count = np.empty((len(paths), *shape), np.uint8), 0
    reasons: dict[int, str] = {}
    for number, image in enumerate(_decode(paths, shape, may_resize)):
        if isinstance(image, UnreadableError):
            reasons[number] = str(image)
        else:
            images[count] = image
            count += 1
    return images[:count], reasons


def _decode_to_file(
    root: pathlib.Path, paths: Sequence[pathlib.Path], shape: tuple[int, int, int], may_resize: bool
) -> tuple[pathlib.Path, dict[int, str]]:
    """Returns the path of a file that holds the images; otherwise as `_decode_to_memory`."""

    def write(file: BinaryIO) -> dict[str, Any]:
        reasons: dict[str, Any] = {}
        for number, image in enumerate(_decode(paths, shape, may_resize)):
            if isinstance(image, UnreadableError):
                reasons[str(number)] = str(image)
            else:
                file.write(np.ascontiguousarray(image).data)
        return reasons

    path, reasons = open_pixels(_key(root, paths, shape, may_resize), len(paths) * math.prod(shape), write)
    return path, {int(number): reason for number, reason in reasons.items()}


def _decode(
    paths: Sequence[pathlib.Path], shape: tuple[int, int, int], may_resize: bool
) -> Iterator[np.ndarray | UnreadableError]:
    def decode(path: pathlib.Path) -> np.ndarray | UnreadableError:
        try:
            return decoding.decode(path, shape[:2], shape[2], may_resize=may_resize)
        except UnreadableError as error:
            return error

    return in_threads(decode, paths)


def _divide(
    images: np.ndarray | pathlib.Path, counts: Mapping[str, int], shape: tuple[int, int, int]
) -> dict[str, np.ndarray]:
    """Divides images in memory or in a file into splits, which follow each other."""
    divided, start = {}, 0
    for part, count in counts.items():
        if isinstance(images, np.ndarray) or not count:  # nothing cannot be mapped
            divided[part] = images[start : start + count] if isinstance(images, np.ndarray) else np.empty(0, np.uint8)
        else:
            divided[part] = map_array(images, (count, *shape), start * math.prod(shape))
            release_pages(divided[part])
        start += count
    return divided


def _key(root: pathlib.Path, paths: Iterable[pathlib.Path], shape: tuple[int, int, int], may_resize: bool) -> str:
    """Returns a digest of the files in their order; one that was written again has another time of change."""
    described = []
    for path in paths:
        found = path.stat()
        place = os.fsencode(path.relative_to(root)).hex()
        described.append([place, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino])
    return key_of([_RULES, decoding.RESIZE, may_resize, str(root), list(shape), described])


def in_threads(function: Callable, items: Sequence) -> Iterator:
    """Applies a function to each item, in order, in a thread for each core; at most `_CHUNK` results wait."""
    with concurrent.futures.ThreadPoolExecutor(available_cores()) as executor:
        for start in range(0, len(items), _CHUNK):
            yield from executor.map(function, items[start : start + _CHUNK])
