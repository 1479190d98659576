"""A file of decoded images for a data set that is too large for memory; processes map it and read batches from it.

The file is in `nas_keras-<user id>/`, in the folder for temporary files (TMPDIR names another one), so that the system
cleans it up in time. Its name is a digest of everything that its pixels depend on. A second file, of the same name with
the ending `.json`, is written last and holds the number of bytes and their SHA-256: a pixel file that does not agree
with it is written again.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from absl import logging

from nas_keras.errors import DataError
from nas_keras.system.atomic_files import WriteError, read_json, write_json, writing
from nas_keras.system.cgroups import available_memory

_CHUNK = 2**24  # bytes
_MEMORY_FRACTION = 4  # by default, decoded images may take this part of the memory


def is_too_large(num_bytes: int, limit: float | None) -> bool:
    """Returns whether images do not stay in memory.

    Args:
        num_bytes: bytes of the decoded images.
        limit: GiB of images that are kept in memory; None: a quarter of the memory that this process may use.
    """
    return num_bytes > (available_memory() / _MEMORY_FRACTION if limit is None else limit * 2**30)


def open_pixels(
    key: str, num_bytes: int, write: Callable[[BinaryIO], dict[str, Any]]
) -> tuple[pathlib.Path, dict[str, Any]]:
    """Returns the file of pixels for a key, written now or earlier, and what `write` said about it.

    Args:
        key: digest of everything that the pixels depend on, in hex.
        num_bytes: bytes of the pixels, at most.
        write: writes the pixels into an empty file; returns a JSON object that is kept with them.

    Returns:
        The path of the file and the object.

    Raises:
        WriteError: if there is no room for the pixels.
    """
    folder = _folder()
    path, described = folder / f"{key}.uint8", folder / f"{key}.json"
    if (found := _read(path, described)) is not None:
        logging.info("The decoded images are read from %s.", path)
        return path, found
    _check_room(folder, num_bytes)
    with writing(f"The decoded images, in {folder} (TMPDIR names another folder),"):
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{key}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                facts = write(file)
                file.flush()
                os.fsync(file.fileno())
            contents = {"bytes": os.path.getsize(temporary), "sha256": _digest(pathlib.Path(temporary))}
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    write_json(described, {**contents, "facts": facts})
    return path, facts


def _check_room(folder: pathlib.Path, num_bytes: int) -> None:
    """Raises WriteError before images are decoded for which there is no room."""
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise WriteError(
            f"The decoded images take {num_bytes / 2**30:,.1f} GiB, but {folder} has room for {free / 2**30:,.1f} GiB. "
            "Free some, name another folder by TMPDIR, or resize the images to fewer pixels (--image_size)."
        )


def _read(path: pathlib.Path, described: pathlib.Path) -> dict[str, Any] | None:
    """Returns the object that was kept with the pixels, or None if they are missing or damaged."""
    if not path.exists() or not described.exists():
        return None
    try:
        found = read_json(described)
        if found.get("bytes") == path.stat().st_size and found.get("sha256") == _digest(path):
            facts = found.get("facts")
            return facts if isinstance(facts, dict) else None
    except (DataError, OSError):
        pass
    logging.warning("%s is damaged; the images are decoded again.", path)
    return None


def _digest(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in _chunks(file):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _folder() -> pathlib.Path:
    """Returns the folder of pixel files, which only this user can write."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"nas_keras-{os.getuid()}"
    with writing(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise DataError(
            f"{folder} is not a folder that only you can write, so that decoded images cannot be kept there. Remove "
            "it, or set TMPDIR to another folder."
        )
    return folder


def key_of(value: Any) -> str:
    """Returns the digest of a JSON value, for `open_pixels`."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
