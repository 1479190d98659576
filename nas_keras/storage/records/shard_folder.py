"""A folder of numbered shards, with a second folder for records that wait until their shard is complete.

```
<folder>/trials-000000.tfrecord  trials-000001.tfrecord ...        <pending>/<32 hex digits>.tfrecord
```

A run's D (`storage/dataset.py`) and a table (`storage/table_writer.py`) are both such folders; they differ in which
record goes into which shard, and in what makes two records the same.
"""

import hashlib
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence

from nas_keras.errors import DataError, FolderMovedError
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shards import read_shard, write_shard
from nas_keras.system import locks
from nas_keras.system.atomic_files import sync_folder, writing
from nas_keras.system.words import counted
from nas_keras.trial import Trial

_SHARD = re.compile(r"trials-(\d{6,})\.tfrecord")


class ShardFolder:
    """The records of a run or table on disk.

    A crash loses no finished record: each is written to the pending folder at once, and removed from there after the
    shard that holds it is complete. A process that dies in between leaves both, which `read` sorts out.

    Args:
        folder: folder of the shards.
        pending: folder of the records that wait.
        origin: origin of all records; others are refused.
        identify: gives the name of a record; two records of one name are the same record.

    Attributes:
        pending: the records that wait, by name.
    """

    def __init__(self, folder: pathlib.Path, pending: pathlib.Path, origin: Origin, identify: Callable[[Trial], str]):
        self._folder = folder
        self._pending_folder = pending
        self._origin = origin
        self._identify = identify
        self.pending: dict[str, Trial] = {}
        self._is_begun = False

    def begin(self) -> None:
        """Creates the folders that are missing and watches them: from now on, nothing creates or replaces them.

        Raises:
            DataError: if something else is in the place of a folder.
            WriteError: if writing is not allowed, or the like.
        """
        for folder in (self._folder, self._pending_folder):
            _make_watched(folder)
        self._is_begun = True

    def read(self, *, tidy: bool) -> list[tuple[pathlib.Path, list[Trial]]]:
        """Reads everything; returns the shards' files and records in the order of their numbers, and sets `pending`.

        Args:
            tidy: remove pending files whose record is in a shard; not while another process may be writing.

        Raises:
            DataError: if a file is corrupt or of another origin.
        """
        # Before the shards: a record that another process moves in between is then found in both, never in neither.
        waiting = read_pending(self._pending_folder, self._origin)
        shards = [(path, read_shard(path, self._origin)) for path in list_shards(self._folder)]
        stored = {self._identify(trial) for _, trials in shards for trial in trials}
        self.pending = {}
        for path, trial in waiting.items():
            name = self._identify(trial)
            if name not in stored:
                self.pending[name] = trial
            elif tidy:
                with writing(path):
                    path.unlink()
        return shards

    def add_pending(self, trial: Trial) -> None:
        """Writes a record to the pending folder.

        Raises:
            FolderMovedError: if a folder or the configuration is no longer the one that was there at the beginning. The
                record is kept nevertheless, unless something else is in the place of the pending folder.
            WriteError: if the disk is full, writing is not allowed, or the like.
        """
        if not self._is_begun:
            self.begin()
        name = self._identify(trial)
        try:
            self._write_pending(trial)
        except FolderMovedError:
            self._save_waiting({**self.pending, name: trial})
            raise
        self.pending[name] = trial
        self._check_places()

    def add_shard(self, number: int, trials: Sequence[Trial]) -> None:
        """Writes a shard, then removes its records from the pending folder.

        Raises:
            InvalidValueError: before anything is written, if `read` would refuse a record.
            FolderMovedError: before anything is written, if a folder or the configuration is no longer the one that was
                there at the beginning.
            WriteError: if the disk is full, writing is not allowed, or the like.
        """
        try:
            self._check_places()
        except FolderMovedError:
            self._save_waiting(self.pending)
            raise
        write_shard(self._folder / shard_name(number), trials, self._origin)
        moved = [trial for trial in trials if self.pending.pop(self._identify(trial), None)]
        if moved:
            with writing(self._pending_folder):
                for trial in moved:
                    self._pending_path(trial).unlink(missing_ok=True)
                sync_folder(self._pending_folder)

    def remove_empty_pending(self) -> None:
        """Removes the pending folder if nothing is in it."""
        if self._pending_folder.exists() and not any(self._pending_folder.iterdir()):
            with writing(self._pending_folder):
                locks.unwatch(self._pending_folder)
                self._pending_folder.rmdir()
            self._is_begun = False

    def _check_places(self) -> None:
        with writing(self._folder):
            locks.check_watched(self._folder)

    def _save_waiting(self, waiting: Mapping[str, Trial]) -> None:
        """Writes all records that wait to a new pending folder if the old one was moved or removed.

        Raises:
            FolderMovedError: if that was done, or the run's or table's own folder is no longer the same.
        """
        if not waiting or os.path.lexists(self._pending_folder) or not locks.is_held(self._pending_folder.parent):
            return
        locks.unwatch(self._pending_folder)
        _make_watched(self._pending_folder)
        for trial in waiting.values():
            self._write_pending(trial)
        raise FolderMovedError(
            f"{self._pending_folder} was moved or removed while this process wrote to it. A new one holds "
            f"{counted(len(waiting), 'finished child')} of the old one. Start the same command again."
        )

    def _write_pending(self, trial: Trial) -> None:
        write_shard(self._pending_path(trial), [trial], self._origin)

    def _pending_path(self, trial: Trial) -> pathlib.Path:
        name = hashlib.sha256(self._identify(trial).encode()).hexdigest()[:32]
        return self._pending_folder / f"{name}.tfrecord"


def _make_watched(folder: pathlib.Path) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise DataError(
            f"{folder} must be a folder, but a file or a broken link is in its place. Move that away, put the folder "
            "back if there was one, then start the same command again."
        )
    with writing(folder):
        folder.mkdir(parents=not locks.is_held(folder.parent), exist_ok=True)
        locks.watch(folder)


def shard_name(number: int) -> str:
    """Returns the file name of a shard."""
    return f"trials-{number:06d}.tfrecord"


def shard_number(path: pathlib.Path) -> int:
    """Returns the number in a shard's file name."""
    return int(path.name.removeprefix("trials-").removesuffix(".tfrecord"))


def list_shards(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the shards in a folder, in the order of their numbers."""
    shards = [path for path in folder.glob("trials-*.tfrecord") if _SHARD.fullmatch(path.name)]
    return sorted(shards, key=shard_number)


def list_pending(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the files in a pending folder, by name; none if there is no such folder."""
    try:
        return sorted(folder / name for name in os.listdir(folder) if name.endswith(".tfrecord"))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_pending(folder: pathlib.Path, origin: Origin) -> dict[pathlib.Path, Trial]:
    """Reads the records in a pending folder, by file.

    Another process may be writing: a file that disappears while it is being read has already been moved into a shard,
    and is left out.

    Raises:
        DataError: if a file is corrupt or of another origin.
    """
    found = {}
    for path in list_pending(folder):
        try:
            found[path] = read_record(path, origin)
        except DataError:
            if os.path.lexists(path):
                raise
    return found


def read_record(path: pathlib.Path, origin: Origin) -> Trial:
    """Reads a file of one record, as those in a pending folder are; raises as `read_shard` does."""
    trials = read_shard(path, origin)
    if len(trials) != 1:
        raise DataError(f"{path} holds {len(trials)} records instead of one. Run launch/repair.py to set it aside.")
    return trials[0]
