"""A table of rewards on disk: one record for each key and training seed, in D's own format, beside its recipe.

```
<table>/recipe.json  trials-000000.tfrecord  trials-000001.tfrecord ...  pending/
```

`storage/table_writer.py` fills and merges tables, `evaluators/table.py` answers from one. Only tables hold test
accuracies.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.dataset import list_shards
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.schema import Origin
from nas_keras.storage.records.shards import read_pending, read_shard
from nas_keras.system.atomic_files import read_json
from nas_keras.system.paths import local_path
from nas_keras.trial import Evaluation, Trial

RECIPE = "recipe.json"


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


def is_table(path: pathlib.Path) -> bool:
    """Whether the folder is meant to be a table."""
    return (path / RECIPE).exists()


def read_table(path: pathlib.Path) -> Table:
    """Reads a table, also one that is being filled: what waits for its shard in pending/ counts.

    Raises:
        DataError: if there is none, it is damaged, its shards are not of the recipe beside them, or a key and seed
            stands in it twice.
    """
    path = local_path("table", path)
    absent = DataError(f"There is no table in {path}: it needs {RECIPE} and trials-*.tfrecord. Name a table's folder.")
    if not is_table(path):
        raise absent
    description = read_description(path)
    recipe, space = description["recipe"], description["space"]
    origin = Origin(space, fingerprint(recipe), tuple(description["variants"]))
    pending = read_pending(path / "pending", origin)  # before the shards: one that moves in between stands in both
    trials = [trial for shard in list_shards(path) for trial in read_shard(shard, origin)]
    in_shards = {(trial.key, trial.seed) for trial in trials}
    waiting = [trial for trial in pending.values() if (trial.key, trial.seed) not in in_shards]
    trials += sorted(waiting, key=lambda trial: trial.trial)
    if not trials:
        raise absent
    check_once(path, trials)
    return Table(recipe, description["variants"], description["environment"], space, trials)


def check_once(path: pathlib.Path, trials: Sequence[Trial]) -> None:
    """Raises DataError if a key and seed stands in a table twice."""
    seen = set()
    for trial in trials:
        if (trial.key, trial.seed) in seen:
            raise DataError(
                f"The table {path} holds {trial.key} with seed {trial.seed} twice. Restore it from a copy, or let "
                "launch/repair.py take the second away."
            )
        seen.add((trial.key, trial.seed))


def read_description(path: pathlib.Path) -> dict[str, Any]:
    """The text beside the shards: space, recipe, variants, environment."""
    description = {"variants": {}, "environment": {}, **read_json(path / RECIPE)}
    objects = [description.get(name) for name in ("recipe", "variants", "environment")]
    if not all(isinstance(value, dict) for value in objects) or not isinstance(description.get("space"), str):
        raise DataError(f"{path / RECIPE} must hold 'recipe' and 'space'. Restore it from a copy.")
    for name, variant in description["variants"].items():
        if not isinstance(variant, dict) or fingerprint(variant) != name:
            raise DataError(f"{path / RECIPE} has a variant {name!r} that is not what it says. Restore it from a copy.")
    return description


def check_place(path: pathlib.Path) -> None:
    """Raises InvalidValueError if a folder is something else than a table or a place to put one."""
    path = local_path("table", path)
    if path.exists() and not path.is_dir():
        raise InvalidValueError(f"{path} is a file. Name a folder for the table.")
    if path.exists() and not is_table(path) and any(path.iterdir()):
        raise InvalidValueError(f"{path} holds files but no {RECIPE}, so it is no table. Name an empty or new folder.")


def mean_evaluation(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The mean over the seeds that succeeded, a failure if none did; without seconds and test accuracy.

    What was found by a variant of the recipe counts only where nothing was by the recipe itself.
    """
    succeeded = [evaluation for evaluation in evaluations if not evaluation.failed]
    succeeded = [evaluation for evaluation in succeeded if not evaluation.recipe] or succeeded
    if not succeeded:
        return dataclasses.replace(evaluations[0], seconds=0.0, test_accuracy=float("nan"))
    return Evaluation(
        reward=_mean([evaluation.reward for evaluation in succeeded]),
        valid_accuracy=_mean([evaluation.valid_accuracy for evaluation in succeeded]),
        loss=_mean([evaluation.loss for evaluation in succeeded]),
        num_params=succeeded[0].num_params,
        epochs=succeeded[0].epochs,
        recipe=succeeded[0].recipe,
    )


def _mean(values: Sequence[float]) -> float:
    """In single precision if all values are, such as measured accuracies: so it was before D kept doubles."""
    mean = float(np.mean(values))
    with np.errstate(over="ignore"):
        is_single = np.array_equal(np.float32(values), values, equal_nan=True)
    return float(np.float32(mean)) if is_single else mean
