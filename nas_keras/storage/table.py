"""A table of rewards on disk: one record for each key and training seed, in the format of D, beside its recipe.

```
<table>/recipe.json  trials-000000.tfrecord  trials-000001.tfrecord ...  pending/
```

`storage/table_writer.py` fills and merges tables, and `evaluators/table.py` looks rewards up in one. Only tables hold
test accuracies.
"""

import contextlib
import dataclasses
import os
import pathlib
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shard_folder import ShardFolder
from nas_keras.system import locks
from nas_keras.system.atomic_files import read_json
from nas_keras.system.paths import local_path
from nas_keras.trial import Evaluation, Trial

RECIPE = "recipe.json"


class Description(NamedTuple):
    """The contents of a table's `recipe.json`.

    Attributes:
        space: fingerprint of the search space.
        recipe: everything that the rewards depend on besides key and seed.
        variants: recipes that single records may have instead, by fingerprint.
        environment: machine and software of the first record.
    """

    space: str
    recipe: dict[str, Any]
    variants: dict[str, Any]
    environment: dict[str, Any]

    @property
    def origin(self) -> Origin:
        """The origin that all records of the table share."""
        return Origin(self.space, fingerprint(self.recipe), tuple(self.variants))


class Table(NamedTuple):
    """A table in memory.

    Attributes:
        recipe, variants, environment, space: see `Description`; `evaluation.recipe` names the variant of a record.
        trials: one for each key and training seed, in the order of the shards.
    """

    recipe: dict[str, Any]
    variants: dict[str, Any]
    environment: dict[str, Any]
    space: str
    trials: list[Trial]


def is_table(path: pathlib.Path) -> bool:
    """Returns whether a folder is that of a table."""
    return (path / RECIPE).exists()


def read_table(path: str | os.PathLike) -> Table:
    """Reads a table, also one that is being filled: records in its pending folder count.

    Raises:
        DataError: if there is no table, it is corrupt, its shards are of another recipe than the one beside them, or
            it holds a key and seed twice.
    """
    path = local_path("table", path)
    absent = DataError(f"There is no table in {path}: it needs {RECIPE} and trials-*.tfrecord. Name a table's folder.")
    if not is_table(path):
        raise absent
    description = read_description(path)
    folder = shard_folder(path, description.origin)
    trials = [trial for _, shard in folder.read(tidy=False) for trial in shard]
    trials += sorted(folder.pending.values(), key=lambda trial: trial.trial)
    if not trials:
        raise absent
    check_once(path, trials)
    return Table(description.recipe, description.variants, description.environment, description.space, trials)


def shard_folder(path: pathlib.Path, origin: Origin) -> ShardFolder:
    """Returns the records of a table on disk: one for each key and training seed."""
    return ShardFolder(path, path / "pending", origin, lambda trial: f"{trial.seed}/{trial.key}")


@contextlib.contextmanager
def lock_table(path: pathlib.Path) -> Iterator[None]:
    """Keeps other writers out of a table's folder. It locks the folder itself: a lock file would be copied with it.

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


def check_once(path: pathlib.Path, trials: Sequence[Trial]) -> None:
    """Raises DataError if a table holds a key and seed twice."""
    seen = set()
    for trial in trials:
        if (trial.key, trial.seed) in seen:
            raise DataError(
                f"The table {path} holds {trial.key} with seed {trial.seed} twice. Restore it from a copy, or run "
                "launch/repair.py to remove the second record."
            )
        seen.add((trial.key, trial.seed))


def read_description(path: pathlib.Path) -> Description:
    """Reads a table's `recipe.json`.

    Raises:
        DataError: if it is missing or corrupt.
    """
    described = {"variants": {}, "environment": {}, **read_json(path / RECIPE)}
    recipe, variants, environment = (described.get(name, "") for name in ("recipe", "variants", "environment"))
    space = described.get("space")
    if not all(isinstance(value, dict) for value in (recipe, variants, environment)) or not isinstance(space, str):
        raise DataError(f"{path / RECIPE} must hold 'recipe' and 'space'. Restore it from a copy.")
    for name, variant in variants.items():
        if not isinstance(variant, dict) or fingerprint(variant) != name:
            raise DataError(
                f"{path / RECIPE} has a variant {name!r} that does not match its fingerprint. Restore it from a copy."
            )
    return Description(space, recipe, variants, environment)


def check_place(path: pathlib.Path) -> None:
    """Raises InvalidValueError unless a folder is a table, empty or absent."""
    path = local_path("table", path)
    if path.exists() and not path.is_dir():
        raise InvalidValueError(f"{path} is a file. Name a folder for the table.")
    if path.exists() and not is_table(path) and any(path.iterdir()):
        raise InvalidValueError(
            f"{path} holds files but no {RECIPE}, so it is not a table. Name an empty or new folder."
        )


def mean_evaluation(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Returns the mean over the seeds that succeeded, without seconds and test accuracy; a failure if none succeeded.

    The latency is the median over the seeds, and NaN if one of them was not measured.

    Evaluations by a variant of the recipe count only if there is none by the recipe itself.
    """
    succeeded = [evaluation for evaluation in evaluations if not evaluation.failed]
    succeeded = [evaluation for evaluation in succeeded if not evaluation.recipe] or succeeded
    if not succeeded:
        return dataclasses.replace(evaluations[0], seconds=0.0, test_accuracy=float("nan"))
    latencies = [evaluation.latency_ms for evaluation in succeeded]
    return Evaluation(
        reward=_mean([evaluation.reward for evaluation in succeeded]),
        valid_accuracy=_mean([evaluation.valid_accuracy for evaluation in succeeded]),
        loss=_mean([evaluation.loss for evaluation in succeeded]),
        num_params=succeeded[0].num_params,
        epochs=succeeded[0].epochs,
        recipe=succeeded[0].recipe,
        flops=succeeded[0].flops,
        latency_ms=np.nan if np.isnan(latencies).any() else statistics.median(latencies),
    )


def _mean(values: Sequence[float]) -> float:
    """Returns the mean, in single precision if all values are: records of older versions hold no doubles."""
    mean = float(np.mean(values))
    with np.errstate(over="ignore"):
        is_single = np.array_equal(np.asarray(values, np.float32), values, equal_nan=True)
    return float(np.float32(mean)) if is_single else mean
