"""Repairs the D of a run, or a table, whose files are damaged; names what is lost. Called by a person, never by itself.

A table loses its damaged records, and `precompute_rewards` trains them again. In a run the batches before the first
damaged one stay; whole records from there on go to `pending/`, where the run, started again, finds each when its
batch is proposed anew: nothing that can be read is trained twice. The files as they were are moved to `damaged/`.
"""

import os
import pathlib
from typing import NamedTuple

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.dataset import shard_folder
from nas_keras.storage.records.schema import Origin
from nas_keras.storage.records.shard_folder import list_pending, list_shards, shard_number
from nas_keras.storage.records.shards import check_order, salvage_shard, write_shard
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.sources import open_source
from nas_keras.system.atomic_files import sync_folder, writing
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial


class Repaired(NamedTuple):
    """What a repair found and did.

    Attributes:
        problems: a sentence for each damaged file or record.
        kept: records that stay where they were.
        moved: records of a run that went to `pending/`.
        damaged: folder to which the files went; None if nothing was damaged.
    """

    problems: list[str]
    kept: int
    moved: int
    damaged: pathlib.Path | None


def repair(folder: str | os.PathLike) -> Repaired:
    """Repairs a run's or a table's folder.

    Raises:
        InvalidValueError: if the folder is neither, or another process runs in it, or its `damaged` is a link.
        DataError: if its configuration cannot be read, without which nothing else can be believed.
    """
    folder = local_path("folder", folder)
    if (folder / "damaged").is_symlink():  # in a folder from elsewhere it may point anywhere
        raise InvalidValueError(f"{folder / 'damaged'} is a link. Remove it: the damaged files stay in {folder}.")
    with open_source("folder", folder).locked():
        source = open_source("folder", folder)  # as it is now that nobody else writes to it
        if source.is_table:
            return _repair_table(folder, source.origin)
        return _repair_run(source.workspace, source.origin)


def _repair_table(folder: pathlib.Path, origin: Origin) -> Repaired:
    problems, kept, damaged, seen = [], 0, folder / "damaged", {}
    for path in [*list_shards(folder), *list_pending(folder / "pending")]:
        trials, found = salvage_shard(path, origin)
        trials, twice = _drop_repeats(path, trials, seen)
        if path.parent == folder:  # in pending/ it was left by a process that died between the two
            found += twice
        problems += found
        kept += len(trials)
        if found:
            _move(path, damaged)
            if trials:
                write_shard(path, trials, origin)
    return Repaired(problems, kept, 0, damaged if problems else None)


def _repair_run(workspace: Workspace, origin: Origin) -> Repaired:
    problems, kept, later, known = [], 0, [], set()
    damaged = workspace.root / "damaged"
    is_whole = True
    for number, path in enumerate(list_shards(workspace.dataset)):
        trials, found = salvage_shard(path, origin)
        if is_whole and shard_number(path) != number:
            found = [f"Batch {number} is missing before {path.name}.", *found]
        elif is_whole and not found:
            try:
                check_order(path, trials, first=kept)
            except DataError as error:
                found = [str(error)]
        problems += found
        is_whole = is_whole and not found
        if is_whole:
            kept += len(trials)
            known.update(trial.key for trial in trials)
        else:
            later.append((path, [trial for trial in trials if not trial.cached and trial.key not in known]))
    for path in list_pending(workspace.pending):
        trials, found = salvage_shard(path, origin)
        if not found and len(trials) != 1:
            found = [f"{path} holds {len(trials)} records instead of one."]
        problems += found
        if found:
            _move(path, damaged)
    moved, records = 0, shard_folder(workspace, origin)
    # Each record is in its new place before the shard leaves its old one.
    for path, trials in reversed(later):
        for trial in trials:
            records.add_pending(trial)
        moved += len(trials)
        _move(path, damaged)
    return Repaired(problems, kept, moved, damaged if problems else None)


def _drop_repeats(
    path: pathlib.Path, trials: list[Trial], seen: dict[tuple[str, int], pathlib.Path]
) -> tuple[list[Trial], list[str]]:
    """Those that no file before holds, and a sentence for each of the others; `seen` learns of them."""
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
    """Moves a file, to a name that is free."""
    with writing(folder):
        folder.mkdir(exist_ok=True)
        target, count = folder / path.name, 0
        while target.exists():
            count += 1
            target = folder / f"{path.name}.{count}"
        path.rename(target)
        sync_folder(path.parent)
        sync_folder(folder)
