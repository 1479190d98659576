"""Writing tables of rewards: filled job by job, written at once, or merged from others. `table.py` reads them."""

import contextlib
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.shard_folder import shard_number
from nas_keras.storage.table import (
    RECIPE,
    Description,
    check_once,
    check_place,
    is_table,
    lock_table,
    read_description,
    read_table,
    shard_folder,
)
from nas_keras.system import locks
from nas_keras.system.atomic_files import sync_folder, write_json, writing
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial


class TableWriter:
    """Fills a table in shards of `shard_size` jobs in a given order; each finished job is stored at once.

    Args:
        path: the table's folder; new, or of the same space and recipe.
        space: search space of the keys.
        recipe: recipe of the rewards, a JSON object.
        variants: recipes that records may have instead, such as the one with half the batch size.
        environment: machine and software, recorded beside the recipe when the table is begun.
        shard_size: number of records in a shard; the last may have fewer.

    Attributes:
        done: finished records by key and seed.
        environment: that of the table, which may have been begun earlier.

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
        by_fingerprint = {fingerprint(variant): variant for variant in variants}
        check_place(path)
        self._shard_size = shard_size
        self.environment = environment or {}
        if is_table(path):
            old = read_description(path)
            check_same(
                path,
                repr(space),
                space=({"fingerprint": old.space}, space),
                recipe=(old.recipe, recipe),
                fix="Name another folder, or what the table was made with.",
            )
            self.environment = old.environment
        self._description = Description(space.fingerprint, recipe, by_fingerprint, self.environment)
        self._is_described = False
        self._folder = shard_folder(path, self._description.origin)
        self._read(tidy=False)

    def _read(self, *, tidy: bool) -> None:
        shards = self._folder.read(tidy=tidy)
        self._next_shard = shard_number(shards[-1][0]) + 1 if shards else 0  # a repair may have left a gap
        trials = [trial for _, shard in shards for trial in shard]
        check_once(self._path, trials)
        self._in_shards = {(trial.key, trial.seed) for trial in trials}
        self.done = {(trial.key, trial.seed): trial for trial in (*trials, *self._folder.pending.values())}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Creates the folder, locks it, since two writers would use the same shard numbers, and reads it again.

        Raises:
            InvalidValueError: if another process fills the table.
        """
        with writing(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
        with lock_table(self._path):
            self._read(tidy=True)
            yield

    def add(self, trial: Trial) -> None:
        """Stores one finished training."""
        self._describe()
        self._folder.add_pending(trial)
        self.done[trial.key, trial.seed] = trial

    def add_many(self, trials: Sequence[Trial]) -> None:
        """Writes records that are all known already, directly in shards of their own."""
        if trials:
            self._describe()
        for start in range(0, len(trials), self._shard_size):
            self._add_shard(trials[start : start + self._shard_size])

    def _describe(self) -> None:
        """Writes the description before the first record; from then on it must stay in its place."""
        if self._is_described:
            return
        path = self._path / RECIPE
        if not is_table(self._path) or read_description(self._path) != self._description:
            write_json(path, self._description._asdict())
        with writing(path):
            locks.watch(path)
        self._is_described = True

    def flush(self, order: Sequence[tuple[str, int]]) -> None:
        """Writes every shard that is complete.

        Args:
            order: (key, seed) of all jobs of the table, in order.
        """
        remaining = [job for job in order if job not in self._in_shards]
        while remaining:
            chunk = remaining[: self._shard_size]
            if not all(job in self.done for job in chunk):
                return
            self._add_shard([self.done[job] for job in chunk])
            remaining = remaining[self._shard_size :]
        self._folder.remove_empty_pending()

    def _add_shard(self, trials: Sequence[Trial]) -> None:
        self._folder.add_shard(self._next_shard, trials)
        self._next_shard += 1
        for trial in trials:
            self.done[trial.key, trial.seed] = trial
            self._in_shards.add((trial.key, trial.seed))


def write_table(
    path: pathlib.Path, trials: Sequence[Trial], *, space: SearchSpace, recipe: dict[str, Any], **recorded
) -> None:
    """Writes a complete table atomically: beside `path`, then renamed. Leftovers of an earlier process are removed.

    Args:
        path: the table's folder; new or empty.
        trials: its records.
        space: search space of the keys.
        recipe: recipe of the rewards.
        **recorded: `variants` and `environment`, see `TableWriter`.

    Raises:
        InvalidValueError: if `path` is neither new nor empty, or another process is writing it.
    """
    path = local_path("table", path)
    check_place(path)
    if is_table(path):
        raise InvalidValueError(f"{path} holds a table already. Name a new folder.")
    path = path.resolve()  # a link to an empty folder stays a link
    beside = path.with_name(f".{path.name}.tmp")
    with writing(path):
        if beside.is_symlink():  # in a folder from elsewhere it may point anywhere
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
        spaces = {"fingerprint": table.space}, space
        check_same(source, repr(space), space=spaces, fix="Name the space that the table was made for.")
        recipes = table.recipe, tables[0].recipe
        check_same(source, sources[0], recipe=recipes, fix="Only tables of one recipe and one data set can be merged.")
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
        pathlib.Path(target),
        trials,
        space=space,
        recipe=tables[0].recipe,
        variants=list(variants.values()),
        environment=tables[0].environment,
    )
    return len(trials)
