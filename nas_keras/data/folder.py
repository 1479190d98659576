"""Reads a folder of images: classes, splits and sizes from the headers of its files, then the pixels.

A file whose header is good but whose pixels cannot be decoded is left out of the split for which it was drawn.

`N` images of height `H`, width `W` and `C` channels.
"""

import collections
import itertools
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nas_keras.data import decoding
from nas_keras.data.decoding import Header, UnreadableError
from nas_keras.data.folder_listing import STRAY, UNREADABLE, Listing, list_folder
from nas_keras.data.folder_pixels import decode_files, in_threads
from nas_keras.data.splits import stratify
from nas_keras.errors import InvalidValueError
from nas_keras.system.words import counted

_PARTS = ("train", "valid", "test")


class File(NamedTuple):
    """An image file whose header was read."""

    path: pathlib.Path
    class_name: str
    header: Header


class FolderData(NamedTuple):
    """The images of a folder, as the fields of `Images`: splits are (images, labels), and `source` is a JSON value."""

    train: tuple[np.ndarray, np.ndarray]
    valid: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray] | None
    class_names: tuple[str, ...]
    source: dict[str, Any]


def read_folder(
    root: pathlib.Path,
    *,
    image_size: Sequence[int] | None,
    valid: float,
    test: float,
    seed: int,
    memory_limit: float | None,
) -> FolderData:
    """Reads a folder of images; see `Images.from_folder` for the arguments and errors."""
    listing = list_folder(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about files whose fate is reported here
        files = _read_headers(listing)
        listing.report()
        class_names = _check_classes(listing, files)
        splits = _draw_splits(files, valid=valid, test=test, seed=seed)
        shape = _choose_shape(root, list(itertools.chain(*splits.values())), image_size)
        paths = {part: [file.path for file in files] for part, files in splits.items()}
        images, unreadable = decode_files(root, paths, shape, may_resize=image_size is not None, limit=memory_limit)
    for path, reason in unreadable.items():
        listing.leave_out(UNREADABLE, path, reason)
    listing.report()
    left = {part: [file for file in files if file.path not in unreadable] for part, files in splits.items()}
    _check_classes(listing, left)
    numbers = {name: number for number, name in enumerate(class_names)}
    labels = {part: np.array([numbers[file.class_name] for file in left[part]], np.int32) for part in splits}
    pairs = {part: (images[part], labels[part]) for part in splits}
    source = {
        "folder": str(root),
        "image_size": None if image_size is None else list(image_size),
        "resize": decoding.RESIZE,
        "valid": valid,
        "test": test,
        "seed": seed,
    }
    return FolderData(pairs["train"], pairs["valid"], pairs.get("test"), tuple(class_names), source)


def _read_headers(listing: Listing) -> dict[str, list[File]]:
    """Reads the headers of all files; what is no image is left out and recorded."""

    def read(entry: tuple[pathlib.Path, str]) -> File | UnreadableError:
        try:
            return File(*entry, decoding.read_header(entry[0]))
        except UnreadableError as error:
            return error

    found: dict[str, list[File]] = {}
    for part, entries in listing.files.items():
        found[part] = []
        for (path, _), file in zip(entries, in_threads(read, entries), strict=True):
            if isinstance(file, File):
                found[part].append(file)
            else:
                is_image = path.suffix.casefold() in decoding.SUFFIXES
                listing.leave_out(UNREADABLE if is_image else STRAY, path, str(file))
    return found


def _check_classes(listing: Listing, files: dict[str, list[File]]) -> list[str]:
    """Returns the names of the classes that have images, sorted.

    Raises:
        InvalidValueError: if there is only one, or if a class lost all its images.
    """
    names = sorted({file.class_name for found in files.values() for file in found})
    of_images = {name for entries in listing.files.values() for path, name in entries if _has_suffix(path)}
    lost = sorted(of_images - set(names))
    if lost:
        raise InvalidValueError(
            f"{listing.root}: no image of the class {', '.join(map(repr, lost[:5]))} can be read, as the warning says. "
            "Repair the files, or remove the class folder."
        )
    if len(names) < 2:
        raise InvalidValueError(
            f"{listing.root} has images of {counted(len(names), 'class')}{': ' + repr(names[0]) if names else ''}. "
            "Allowed: at least two class folders with images."
        )
    return names


def _has_suffix(path: pathlib.Path) -> bool:
    return path.suffix.casefold() in decoding.SUFFIXES


def _draw_splits(files: dict[str, list[File]], *, valid: float, test: float, seed: int) -> dict[str, list[File]]:
    """Returns the files of each split; where the folder has none, it is a fraction of each class of the first."""
    wanted = {"test": test, "valid": valid}
    fractions = {part: fraction for part, fraction in wanted.items() if part not in files and fraction}
    names = sorted({file.class_name for file in files["train"]})
    labels = np.array([names.index(file.class_name) for file in files["train"]])
    splits = dict(files)
    if fractions:
        rows = stratify(labels, fractions, seed=seed)
        splits |= {part: [files["train"][row] for row in found] for part, found in rows.items()}
    if not splits.get("valid"):
        raise InvalidValueError(
            f"valid={valid} leaves no image to validate on. Allowed: a fraction of more than 0 and, with that of the "
            "test split, less than 1, of a class with at least two images; or a folder validation/."
        )
    return {part: splits[part] for part in _PARTS if splits.get(part)}


def _choose_shape(root: pathlib.Path, files: list[File], image_size: Sequence[int] | None) -> tuple[int, int, int]:
    """Returns (H, W, C): C is 1 if no image has colour, and the size is that of all images, or `image_size`."""
    num_channels = 1 if all(file.header.is_grey for file in files) else 3
    if image_size is not None:
        return image_size[0], image_size[1], num_channels
    sizes = collections.Counter((file.header.height, file.header.width) for file in files)
    if len(sizes) > 1:
        common = sizes.most_common(3)
        found = ", ".join(f"{count:,} of {height},{width}" for (height, width), count in common)
        height, width = common[0][0]
        raise InvalidValueError(
            f"The images in {root} have {len(sizes):,} sizes (height,width): {found}{', ...' * (len(sizes) > 3)}. "
            f"Allowed without image_size (--image_size): one size. Give one to which they are resized, such as "
            f"{height},{width}."
        )
    return *next(iter(sizes)), num_channels
