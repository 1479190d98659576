"""Repairs the corrupt records of a run or table and reports the losses. It runs only when a person asks for it.

A table loses its corrupt records, and `precompute_rewards` trains them again. A run keeps the batches before the first
corrupt one. The intact records after it are moved to `pending/`, where the restarted run finds each of them when its
batch is proposed again, so that nothing readable is trained twice. The original files are moved to `damaged/`.
"""

import os
import pathlib
from typing import NamedTuple

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.dataset import shard_folder
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shard_folder import list_pending, list_shards, shard_number
from nas_keras.storage.records.shards import check_order, salvage_shard, write_shard
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.sources import open_source
from nas_keras.system.atomic_files import sync_folder, writing
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial


class Repaired(NamedTuple):
    """The outcome of a repair.

    Attributes:
        problems: a sentence for each corrupt file or record.
        kept: number of records that are left in place.
        moved: number of records of a run that were moved to `pending/`.
        damaged: the folder to which the original files were moved; None if nothing was corrupt.
    """

    problems: list[str]
    kept: int
    moved: int
    damaged: pathlib.Path | None


def repair(folder: str | os.PathLike) -> Repaired:
    """Repairs the folder of a run or a table.

    Raises:
        InvalidValueError: if the folder is neither, another process is using it, or its `damaged` is a link.
        DataError: if its configuration cannot be read, since the records cannot be checked without it.
    """
    folder = local_path("folder", folder)
    if (folder / "damaged").is_symlink():  # in a folder from elsewhere it may point anywhere
        raise InvalidValueError(f"{folder / 'damaged'} is a link. Remove it: corrupt files are kept within {folder}.")
    with open_source("folder", folder).locked():
        source = open_source("folder", folder)  # read again now that no other process can write to it
        if source.is_table:
            return _repair_table(folder, source.origin)
        return _repair_run(source.run, source.origin)


def _repair_table(folder: pathlib.Path, origin: Origin) -> Repaired:
    problems: list[str] = []
    seen: dict = {}
    kept, damaged = 0, folder / "damaged"
    for path in [*list_shards(folder), *list_pending(folder / "pending")]:
        trials, found = salvage_shard(path, origin)
        trials, twice = _drop_repeats(path, trials, seen)
        if path.parent == folder:  # in pending/ it is left by a process that died after writing the shard
            found += twice
        problems += found
        kept += len(trials)
        if found:
            _move(path, damaged)
            if trials:
                write_shard(path, trials, origin)
    return Repaired(problems, kept, 0, damaged if problems else None)


def _repair_run(workspace: Workspace, origin: Origin) -> Repaired:
    shards, problems, kept = _check_batches(workspace, origin)
    damaged = workspace.root / "damaged"
    for path in list_pending(workspace.pending):
        trials, found = salvage_shard(path, origin)
        if not found and len(trials) != 1:
            found = [f"{path} holds {len(trials)} records instead of one."]
        problems += found
        if found:
            _move(path, damaged)
    moved, records = 0, shard_folder(workspace, origin)
    # Each record is in its new place before the shard leaves its old one.
    for path, trials in reversed(shards):
        for trial in trials:
            records.add_pending(trial)
        moved += len(trials)
        _move(path, damaged)
    return Repaired(problems, kept, moved, damaged if problems else None)


def _check_batches(
    workspace: Workspace, origin: Origin
) -> tuple[list[tuple[pathlib.Path, list[Trial]]], list[str], int]:
    """Checks the shards of a run.

    Returns:
        The shards from the first corrupt one on, each with its records that are worth keeping; a sentence for each
        problem; and the number of records before.
    """
    problems: list[str] = []
    known: set[str] = set()
    kept, later = 0, []
    is_intact = True
    for number, path in enumerate(list_shards(workspace.dataset)):
        trials, found = salvage_shard(path, origin)
        if is_intact and shard_number(path) != number:
            found = [f"Batch {number} is missing before {path.name}.", *found]
        elif is_intact and not found:
            try:
                check_order(path, trials, first=kept)
            except DataError as error:
                found = [str(error)]
        problems += found
        is_intact = is_intact and not found
        if is_intact:
            kept += len(trials)
            known.update(trial.key for trial in trials)
        else:
            later.append((path, [trial for trial in trials if not trial.cached and trial.key not in known]))
    return later, problems, kept


def _drop_repeats(
    path: pathlib.Path, trials: list[Trial], seen: dict[tuple[str, int], pathlib.Path]
) -> tuple[list[Trial], list[str]]:
    """Returns the trials that no earlier file holds, and a sentence for each of the others; adds them to `seen`."""
    fresh, twice = [], []
    for trial in trials:
        if (trial.key, trial.seed) in seen:
            first = seen[trial.key, trial.seed]
            twice.append(f"{path} holds {trial.key} with seed {trial.seed} once more than {first}.")
        else:
            seen[trial.key, trial.seed] = path
            fresh.append(trial)
    return fresh, twice


def _move(path: pathlib.Path, folder: pathlib.Path) -> None:
    """Moves a file into `folder`, under a new name if its own is taken."""
    with writing(folder):
        folder.mkdir(exist_ok=True)
        target, count = folder / path.name, 0
        while target.exists():
            count += 1
            target = folder / f"{path.name}.{count}"
        path.rename(target)
        sync_folder(path.parent)
        sync_folder(folder)
