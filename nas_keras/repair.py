"""Repairs the D of a run, or a table, whose files are damaged; names what is lost. Called by a person, never by itself.

A table loses its damaged records, and `precompute_rewards` trains them again. In a run the batches before the first
damaged one stay; whole records from there on go to `pending/`, where the run, started again, finds each when its
batch is proposed anew: nothing that can be read is trained twice. The files as they were are moved to `damaged/`.
"""

import pathlib
from typing import NamedTuple

from nas_keras.dataset import Dataset, list_shards, shard_number
from nas_keras.errors import InvalidValueError
from nas_keras.recipe import fingerprint
from nas_keras.records import Origin, salvage_shard, write_shard
from nas_keras.tables import is_table, read_description
from nas_keras.workspace import Workspace, sync_folder


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


def repair(folder: pathlib.Path) -> Repaired:
    """Repairs a run's or a table's folder.

    Raises:
        InvalidValueError: if the folder is neither, or another process runs in it.
        DataError: if its configuration cannot be read, without which nothing else can be believed.
    """
    if is_table(folder):
        description = read_description(folder)
        recipe, space, variants = description["recipe"], description["space"], description["variants"]
        return _repair_table(folder, Origin(space, fingerprint(recipe), tuple(variants)))
    workspace = Workspace(folder)
    config = workspace.read_config()
    if config is None:
        raise InvalidValueError(
            f"{folder} is neither a run nor a table: it holds no config.json and no recipe.json. Name the "
            "folder of one."
        )
    fixed = config["fixed"]
    origin = Origin(fixed["space"]["fingerprint"], fingerprint(fixed["recipe"]), tuple(config.get("variants", {})))
    with workspace.locked():
        return _repair_run(workspace, origin)


def _repair_table(folder: pathlib.Path, origin: Origin) -> Repaired:
    problems, kept, damaged = [], 0, folder / "damaged"
    for path in [*list_shards(folder), *sorted((folder / "pending").glob("*.tfrecord"))]:
        trials, found = salvage_shard(path, origin)
        problems += found
        kept += len(trials)
        if found:
            _move(path, damaged)
            if trials:
                write_shard(path, trials, origin)
    return Repaired(problems, kept, 0, damaged if problems else None)


def _repair_run(workspace: Workspace, origin: Origin) -> Repaired:
    problems, kept, later = [], 0, []
    damaged = workspace.root / "damaged"
    is_whole = True
    for number, path in enumerate(list_shards(workspace.dataset)):
        trials, found = salvage_shard(path, origin)
        if is_whole and shard_number(path) != number:
            found = [f"Batch {number} is missing before {path.name}.", *found]
        problems += found
        is_whole = is_whole and not found
        if is_whole:
            kept += len(trials)
        else:
            later.append((path, [trial for trial in trials if not trial.cached]))
    for path in sorted(workspace.pending.glob("*.tfrecord")):
        trials, found = salvage_shard(path, origin)
        problems += found
        if found:
            _move(path, damaged)
    moved = 0
    # Each record is in its new place before the shard leaves its old one.
    for path, trials in reversed(later):
        for trial in trials:
            Dataset.write_pending(workspace, trial, origin)
        moved += len(trials)
        _move(path, damaged)
    return Repaired(problems, kept, moved, damaged if problems else None)


def _move(path: pathlib.Path, folder: pathlib.Path) -> None:
    """Moves a file, to a name that is free."""
    folder.mkdir(exist_ok=True)
    target, count = folder / path.name, 0
    while target.exists():
        count += 1
        target = folder / f"{path.name}.{count}"
    path.rename(target)
    sync_folder(path.parent)
    sync_folder(folder)
