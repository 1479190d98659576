"""Checkpoints of a search: the strategy's state after a batch, with a digest of D that shows whether both match.

`<workdir>/checkpoints/batch-NNNNNN/` holds `state.npz`, the state's arrays, and `checkpoint.json`: its other values,
the batches that were open, digests of D and of the file beside it.
Loading a checkpoint runs no code. A run without a usable checkpoint replays D and ends in the same state.
"""

import hashlib
import io
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from nas_keras._version import __version__
from nas_keras.errors import printable
from nas_keras.storage.npz import read_arrays
from nas_keras.strategies.base import State
from nas_keras.system.atomic_files import read_json, sync_folder, sync_tree, writing

_DESCRIPTION, _ARRAYS = "checkpoint.json", "state.npz"
_FORMAT = 2  # 1 had the arrays in a `tf.train.Checkpoint`
_FOLDER = re.compile(r"batch-(\d{6,})")


class Checkpoint(NamedTuple):
    """The state from which a search continues.

    Attributes:
        num_told: number of batches that the strategy was told.
        digest: digest of those batches in D.
        state: state of the strategy.
        open: a JSON object for each batch that was asked but not told; the loop defines its content.
    """

    num_told: int
    digest: str
    state: State
    open: list[dict[str, Any]]


def write_checkpoint(folder: pathlib.Path, checkpoint: Checkpoint, *, keep: int = 3) -> None:
    """Writes a checkpoint atomically, and removes the oldest ones beyond `keep`.

    Raises:
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    with writing(folder / f"batch-{checkpoint.num_told:06d}"):
        _write(folder, checkpoint)
    for path in _list(folder)[keep:]:
        shutil.rmtree(path, ignore_errors=True)


def _write(folder: pathlib.Path, checkpoint: Checkpoint) -> None:
    folder.mkdir(exist_ok=True)  # not its parents: a run's folder that was moved is not created again
    temporary = folder / ".checkpoint.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.unlink(missing_ok=True)  # a link might lead out of the folder
    temporary.mkdir()
    arrays = {name: value for name, value in checkpoint.state.items() if isinstance(value, np.ndarray)}
    names = sorted(arrays)
    if names:
        # Arrays are named by their index, since a name in the state may not be a valid file name. They are packed in
        # memory: if the disk is full, zipfile hides the system's error behind its own.
        content = io.BytesIO()
        np.savez(content, **{f"array_{i}": arrays[name] for i, name in enumerate(names)})
        (temporary / _ARRAYS).write_bytes(content.getvalue())
    description = {
        "format": _FORMAT,
        "version": __version__,
        "num_told": checkpoint.num_told,
        "digest": checkpoint.digest,
        "arrays": names,
        "values": {name: value for name, value in checkpoint.state.items() if name not in arrays},
        "open": checkpoint.open,
        "files": {path.name: _digest_file(path) for path in sorted(temporary.iterdir())},
    }
    text = json.dumps(description, sort_keys=True)
    wrapped = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "checkpoint": description}
    (temporary / _DESCRIPTION).write_text(json.dumps(wrapped, sort_keys=True) + "\n")
    sync_tree(temporary)
    target = folder / f"batch-{checkpoint.num_told:06d}"
    shutil.rmtree(target, ignore_errors=True)  # a corrupt one of the same name
    os.replace(temporary, target)
    sync_folder(folder)


def read_checkpoints(folder: pathlib.Path) -> Iterator[Checkpoint]:
    """Yields the usable checkpoints, the newest first, and warns of those that are corrupt or of another version."""
    for path in _list(folder) if folder.exists() else []:
        try:
            yield _read(path)
        except Exception as error:  # of any class: a corrupt checkpoint is never fatal, since D can be replayed
            what = printable(str(error))  # it may quote names from files
            logging.warning("The checkpoint %s cannot be used: %s. An older one or D is used instead.", path, what)


def _read(path: pathlib.Path) -> Checkpoint:
    wrapped = read_json(path / _DESCRIPTION)
    description = wrapped["checkpoint"]
    text = json.dumps(description, sort_keys=True)
    if hashlib.sha256(text.encode()).hexdigest() != wrapped["sha256"]:
        raise ValueError(f"{_DESCRIPTION} is corrupt")
    if (description["format"], description["version"]) != (_FORMAT, __version__):
        raise ValueError(
            f"it is of version {description['version']}, format {description['format']}, but this is "
            f"{__version__}, format {_FORMAT}"
        )
    # Every file is verified before its content is used.
    for name, digest in description["files"].items():
        if pathlib.PurePath(name).name != name or _digest_file(path / name) != digest:
            raise ValueError(f"{name} is corrupt")
    state = dict(description["values"])
    if description["arrays"]:
        # The arrays were written uncompressed, so they take no more memory than the file has bytes.
        arrays = read_arrays(path / _ARRAYS, at_most=(path / _ARRAYS).stat().st_size)
        for i, name in enumerate(description["arrays"]):
            state[name] = arrays[f"array_{i}"]
    return Checkpoint(description["num_told"], description["digest"], state, description["open"])


def _list(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders of checkpoints, the newest first."""
    found = [path for path in folder.iterdir() if _FOLDER.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("batch-")), reverse=True)


def _digest_file(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
