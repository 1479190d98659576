"""A table of rewards on disk: one record for each key and training seed, in D's own format, beside its recipe.

```
<table>/recipe.json  trials-000000.tfrecord  trials-000001.tfrecord ...  pending/
```

`precompute.py` fills a table, `evaluators/table.py` answers from it. Only tables hold test accuracies.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from nas_keras.dataset import list_shards, shard_name, shard_number
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.recipe import difference, fingerprint
from nas_keras.records import Origin, read_record, read_shard, write_shard
from nas_keras.search_space import SearchSpace
from nas_keras.trial import Trial
from nas_keras.workspace import read_json, sync_folder, write_json, writing

_RECIPE = "recipe.json"


class Table(NamedTuple):
    """What stands in a table's folder.

    Attributes:
        recipe: all that the rewards depend on besides key and seed.
        variants: recipes that single records have instead, by fingerprint; their `evaluation.recipe` says which.
        environment: what the first record was made on.
        space: fingerprint of the search space.
        trials: one for each key and training seed, in the order of the shards.
    """

    recipe: dict[str, Any]
    variants: dict[str, Any]
    environment: dict[str, Any]
    space: str
    trials: list[Trial]


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
        self._path, self._pending_folder = path, path / "pending"
        by_fingerprint = {fingerprint(variant): variant for variant in variants}
        self._origin = Origin(space.fingerprint, fingerprint(recipe), tuple(by_fingerprint))
        self._shard_size = shard_size
        _check_same(path, space.fingerprint, recipe)
        self.environment = read_description(path)["environment"] if (path / _RECIPE).exists() else environment or {}
        self._description = {
            "space": space.fingerprint,
            "recipe": recipe,
            "variants": by_fingerprint,
            "environment": self.environment,
        }
        self._read()

    def _read(self) -> None:
        shards = list_shards(self._path)
        self._next_shard = shard_number(shards[-1]) + 1 if shards else 0  # a repair may have left a gap
        self.done = {(t.key, t.seed): t for shard in shards for t in read_shard(shard, self._origin)}
        self._in_shards = set(self.done)
        for file in sorted(self._pending_folder.glob("*.tfrecord")):
            trial = read_record(file, self._origin)
            if (trial.key, trial.seed) in self._in_shards:  # the process died between shard and removal
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
        descriptor = os.open(self._path, os.O_RDONLY)  # the folder itself: no file that would be copied with a table
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InvalidValueError(
                    f"Another process is filling the table {self._path}. Wait for it, or name another folder and merge."
                ) from error
            self._read()
            yield
        finally:
            os.close(descriptor)

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
        if self._description != (read_description(self._path) if (self._path / _RECIPE).exists() else None):
            write_json(self._path / _RECIPE, self._description)

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
            self._pending_folder.rmdir()

    def _write(self, trials: Sequence[Trial]) -> None:
        """One shard, in place of the pending files of its records."""
        write_shard(self._path / shard_name(self._next_shard), trials, self._origin)
        self._next_shard += 1
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
    """Writes a whole table at once; `path` must be new or empty. `recorded` is variants and environment."""
    writer = TableWriter(pathlib.Path(path), space=space, recipe=recipe, **recorded)
    if writer.done:
        raise InvalidValueError(f"{path} holds a table already. Name a new folder.")
    for trial in trials:
        writer.add(trial)
    writer.flush([(trial.key, trial.seed) for trial in trials])


def is_table(path: pathlib.Path) -> bool:
    """Whether the folder is meant to be a table."""
    return (path / _RECIPE).exists()


def read_table(path: pathlib.Path) -> Table:
    """Reads a table, also one that is being filled: what waits for its shard in pending/ counts.

    Raises:
        DataError: if there is none, it is damaged, its shards are not of the recipe beside them, or a key and seed
            stands in it twice.
    """
    is_begun = list_shards(path) or any((path / "pending").glob("*.tfrecord"))
    if not is_begun or not (path / _RECIPE).exists():
        raise DataError(
            f"There is no table in {path}: it needs {_RECIPE} and trials-*.tfrecord. Name a table's folder."
        )
    description = read_description(path)
    recipe, space = description["recipe"], description["space"]
    origin = Origin(space, fingerprint(recipe), tuple(description["variants"]))
    pending = _read_pending(path / "pending", origin)  # before the shards: one that moves in between stands in both
    trials = [trial for shard in list_shards(path) for trial in read_shard(shard, origin)]
    in_shards = {(trial.key, trial.seed) for trial in trials}
    trials += [trial for trial in pending if (trial.key, trial.seed) not in in_shards]
    seen = set()
    for trial in trials:
        if (trial.key, trial.seed) in seen:
            raise DataError(
                f"The table {path} holds {trial.key} with seed {trial.seed} twice. Restore it from a copy, or let "
                "launch/repair.py take the second away."
            )
        seen.add((trial.key, trial.seed))
    return Table(recipe, description["variants"], description["environment"], space, trials)


def _read_pending(folder: pathlib.Path, origin: Origin) -> list[Trial]:
    """In the order of their places; a file that goes while it is read stands in a shard by now."""
    trials = []
    for file in sorted(folder.glob("*.tfrecord")):
        try:
            trials.append(read_record(file, origin))
        except DataError:
            if file.exists():
                raise
    return sorted(trials, key=lambda trial: trial.trial)


def merge_tables(sources: Iterable[pathlib.Path], target: pathlib.Path, *, space: SearchSpace) -> int:
    """Merges tables of the same space and recipe into a new one, in the order of keys and seeds in the space.

    Returns:
        The number of records.

    Raises:
        InvalidValueError: if they are of different spaces, recipes or data, or hold different rewards for the same key
            and seed.
    """
    sources = [pathlib.Path(source) for source in sources]
    if not sources:
        raise InvalidValueError("There is no table to merge. Name at least one.")
    tables = [read_table(source) for source in sources]
    merged: dict[tuple[int, str], Trial] = {}
    for source, table in zip(sources, tables, strict=True):
        if table.space != space.fingerprint:
            raise InvalidValueError(
                f"{source} is a table of another space than {space!r}. Name the space it was made for."
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


def read_description(path: pathlib.Path) -> dict[str, Any]:
    """The text beside the shards: space, recipe, variants, environment."""
    description = {"variants": {}, "environment": {}, **read_json(path / _RECIPE)}
    objects = [description.get(name) for name in ("recipe", "variants", "environment")]
    if not all(isinstance(value, dict) for value in objects) or not isinstance(description.get("space"), str):
        raise DataError(f"{path / _RECIPE} must hold 'recipe' and 'space'. Restore it from a copy.")
    for name, variant in description["variants"].items():
        if not isinstance(variant, dict) or fingerprint(variant) != name:
            raise DataError(
                f"{path / _RECIPE} has a variant {name!r} that is not what it says. Restore it from a copy."
            )
    return description


def check_place(path: pathlib.Path) -> None:
    """Raises InvalidValueError if a folder is something else than a table or a place to put one."""
    if path.exists() and not path.is_dir():
        raise InvalidValueError(f"{path} is a file. Name a folder for the table.")
    if path.exists() and not is_table(path) and any(path.iterdir()):
        raise InvalidValueError(f"{path} holds files but no {_RECIPE}, so it is no table. Name an empty or new folder.")


def _check_same(path: pathlib.Path, space: str, recipe: dict[str, Any]) -> None:
    check_place(path)
    if not is_table(path):
        return
    description = read_description(path)
    old_recipe, old_space = description["recipe"], description["space"]
    if old_space != space:
        raise InvalidValueError(f"{path} is a table of another space ({old_space}, not {space}). Name another folder.")
    if old_recipe != recipe:
        raise InvalidValueError(
            f"{path} is a table of another recipe: {difference(old_recipe, recipe)}. Name another folder, or the "
            "old recipe."
        )
