"""Tables of rewards on disk, written: filled job by job, at once, or merged from others. `table.py` reads them."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.description import name_space
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.dataset import list_shards, shard_name, shard_number
from nas_keras.storage.recipe import difference, fingerprint
from nas_keras.storage.records.schema import Origin
from nas_keras.storage.records.shards import read_pending, read_shard, write_shard
from nas_keras.storage.table import RECIPE, check_once, check_place, is_table, read_description, read_table
from nas_keras.system import locks
from nas_keras.system.atomic_files import sync_folder, write_json, writing
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial


class TableWriter:
    """Fills a table, in shards of `shard_size` jobs in a given order; what is finished is safe at once.

    Args:
        path: the table's folder; new, or of the same space and recipe.
        space: whose keys they are.
        recipe: a JSON object.
        variants: recipes that records may have instead, such as the one with half the batch.
        environment: recorded beside the recipe, when the table is begun.
        shard_size: records in a shard; the last may have fewer.

    Raises:
        InvalidValueError: if the folder holds a table of another space or recipe, or something else.
    """

    def __init__(
        self,
        path: pathlib.Path,
        *,
        space: SearchSpace,
        recipe: dict[str, Any],
        variants: Sequence[dict[str, Any]] = (),
        environment: dict[str, Any] | None = None,
        shard_size: int = 64,
    ):
        self._path = path = local_path("table", path)
        self._pending_folder = path / "pending"
        by_fingerprint = {fingerprint(variant): variant for variant in variants}
        self._origin = Origin(space.fingerprint, fingerprint(recipe), tuple(by_fingerprint))
        self._shard_size = shard_size
        _check_same(path, space.fingerprint, recipe)
        self.environment = read_description(path)["environment"] if (path / RECIPE).exists() else environment or {}
        self._description = {
            "space": space.fingerprint,
            "recipe": recipe,
            "variants": by_fingerprint,
            "environment": self.environment,
        }
        self._read()

    def _read(self, *, tidy: bool = False) -> None:
        pending = read_pending(self._pending_folder, self._origin)  # before the shards: another process may write
        shards = list_shards(self._path)
        self._next_shard = shard_number(shards[-1]) + 1 if shards else 0  # a repair may have left a gap
        trials = [trial for shard in shards for trial in read_shard(shard, self._origin)]
        check_once(self._path, trials)
        self.done = {(trial.key, trial.seed): trial for trial in trials}
        self._in_shards = set(self.done)
        for file, trial in pending.items():
            if tidy and (trial.key, trial.seed) in self._in_shards:  # the process died between shard and removal
                with writing(file):
                    file.unlink()
            self.done.setdefault((trial.key, trial.seed), trial)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder and keeps other writers out, who would number their shards alike; then reads it again.

        Raises:
            InvalidValueError: if another process fills the table.
        """
        with writing(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
        with lock_table(self._path):
            self._read(tidy=True)
            yield

    def add(self, trial: Trial) -> None:
        """Keeps one finished training safe."""
        self._describe()
        write_shard(self._pending_path(trial), [trial], self._origin)
        self.done[trial.key, trial.seed] = trial

    def add_many(self, trials: Sequence[Trial]) -> None:
        """Writes records that are all there already, in shards of their own and without the way by pending files."""
        if trials:
            self._describe()
        for start in range(0, len(trials), self._shard_size):
            self._write(trials[start : start + self._shard_size])

    def _describe(self) -> None:
        if self._description != (read_description(self._path) if (self._path / RECIPE).exists() else None):
            write_json(self._path / RECIPE, self._description)

    def flush(self, order: Sequence[tuple[str, int]]) -> None:
        """Writes each shard that is complete.

        Args:
            order: (key, seed) of all jobs of the whole table, in order.
        """
        remaining = [job for job in order if job not in self._in_shards]
        while remaining:
            chunk = remaining[: self._shard_size]
            if not all(job in self.done for job in chunk):
                return
            self._write([self.done[job] for job in chunk])
            remaining = remaining[self._shard_size :]
        if self._pending_folder.exists() and not any(self._pending_folder.iterdir()):
            with writing(self._pending_folder):
                self._pending_folder.rmdir()

    def _write(self, trials: Sequence[Trial]) -> None:
        """One shard, in place of the pending files of its records."""
        write_shard(self._path / shard_name(self._next_shard), trials, self._origin)
        self._next_shard += 1
        with writing(self._pending_folder):
            for trial in trials:
                self.done[trial.key, trial.seed] = trial
                self._in_shards.add((trial.key, trial.seed))
                self._pending_path(trial).unlink(missing_ok=True)
            if self._pending_folder.exists():
                sync_folder(self._pending_folder)

    def _pending_path(self, trial: Trial) -> pathlib.Path:
        name = hashlib.sha256(f"{trial.seed}/{trial.key}".encode()).hexdigest()[:32]
        return self._pending_folder / f"{name}.tfrecord"


def write_table(
    path: pathlib.Path, trials: Sequence[Trial], *, space: SearchSpace, recipe: dict[str, Any], **recorded
) -> None:
    """Writes a whole table at once: `path` is whole or absent. `recorded` is variants and environment.

    The table is written beside `path` and then renamed; what an earlier process left there is removed.

    Raises:
        InvalidValueError: if `path` is neither new nor empty, or another process is writing it.
    """
    path = local_path("table", path)
    check_place(path)
    if is_table(path):
        raise InvalidValueError(f"{path} holds a table already. Name a new folder.")
    path = path.resolve()  # a link to an empty folder stays what it is
    beside = path.with_name(f".{path.name}.tmp")
    with writing(path):
        if beside.is_symlink():  # in a folder from elsewhere it may lead anywhere
            beside.unlink()
        beside.mkdir(parents=True, exist_ok=True)
    with lock_table(beside):
        with writing(beside):
            for name in os.listdir(beside):
                (beside / name).unlink()
        writer = TableWriter(beside, space=space, recipe=recipe, **recorded)
        writer.add_many(trials)
        with writing(path):
            os.replace(beside, path)
            sync_folder(path.parent)


def merge_tables(sources: Iterable[str | os.PathLike], target: str | os.PathLike, *, space: SearchSpace) -> int:
    """Merges tables of the same space and recipe into a new one, in the order of keys and seeds in the space.

    Returns:
        The number of records.

    Raises:
        InvalidValueError: if they are of different spaces, recipes or data, or hold different rewards for the same key
            and seed.
    """
    sources = [local_path("merge", source) for source in sources]
    if not sources:
        raise InvalidValueError("There is no table to merge. Name at least one.")
    tables = [read_table(source) for source in sources]
    merged: dict[tuple[int, str], Trial] = {}
    for source, table in zip(sources, tables, strict=True):
        if table.space != space.fingerprint:
            raise InvalidValueError(
                f"{source} is a table of another space than {space!r}: {name_space(table.space)}. Name the space it "
                "was made for."
            )
        if table.recipe != tables[0].recipe:
            raise InvalidValueError(
                f"{source} and {sources[0]} have different recipes: {difference(tables[0].recipe, table.recipe)}. "
                "Only tables of one recipe and one data set can be merged."
            )
        for trial in table.trials:
            old = merged.setdefault((trial.seed, trial.key), trial)
            if old.evaluation.reward != trial.evaluation.reward and not (
                old.evaluation.failed and trial.evaluation.failed
            ):
                raise InvalidValueError(
                    f"{source} has another reward for {trial.key} with seed {trial.seed} than a table before it: "
                    f"{trial.reward} and {old.reward}. Keep one of the two."
                )
    trials = sorted(merged.values(), key=lambda trial: trial.trial)
    variants = {name: variant for table in tables for name, variant in table.variants.items()}
    write_table(
        target,
        trials,
        space=space,
        recipe=tables[0].recipe,
        variants=list(variants.values()),
        environment=tables[0].environment,
    )
    return len(trials)


@contextlib.contextmanager
def lock_table(path: pathlib.Path) -> Iterator[None]:
    """Keeps other writers out of a table's folder: the folder itself is locked, no file that would be copied with it.

    Raises:
        InvalidValueError: if another process fills or repairs the table, or the file system has no locks.
    """
    busy = f"Another process is filling the table {path}. Wait for it, or name another folder and merge."
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.locked(path, busy=busy))
        except OSError as error:
            raise InvalidValueError(f"{path} cannot be read: {error.strerror}. Name a folder that can.") from error
        yield


def _check_same(path: pathlib.Path, space: str, recipe: dict[str, Any]) -> None:
    check_place(path)
    if not is_table(path):
        return
    description = read_description(path)
    old_recipe, old_space = description["recipe"], description["space"]
    if old_space != space:
        names = f"{name_space(old_space)}, not {name_space(space)}"
        raise InvalidValueError(f"{path} is a table of another space ({names}). Name another folder.")
    if old_recipe != recipe:
        raise InvalidValueError(
            f"{path} is a table of another recipe: {difference(old_recipe, recipe)}. Name another folder, or the "
            "old recipe."
        )
