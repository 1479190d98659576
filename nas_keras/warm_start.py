"""What another run or a table knows already: evaluations that a search gets for nothing.

A run keeps a copy of its own, `<workdir>/warm_start.tfrecord`, so that it goes on the same way whatever becomes of the
folder that it was taken from.
"""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from typing import Any

from nas_keras.dataset import Dataset
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.table import mean_evaluation
from nas_keras.paths import local_path
from nas_keras.recipe import difference, origin_of
from nas_keras.record import Origin
from nas_keras.records import read_shard, write_shard
from nas_keras.search_space import SearchSpace
from nas_keras.tables import is_table, read_table
from nas_keras.trial import Trial
from nas_keras.workspace import Workspace


def read_known(path: str | os.PathLike, *, space: SearchSpace, recipe: dict[str, Any]) -> list[Trial]:
    """One trial for each key that stands in another run's D, or in a table (the mean over its seeds).

    Failures are left out, since another try may succeed, and so is what was found by a variant of the recipe.

    Args:
        path: folder of the run or table.
        space: of the search.
        recipe: of the search.

    Raises:
        InvalidValueError: if the folder is neither, is of another space or recipe, or knows nothing.
        DataError: if it is damaged.
    """
    path = local_path("warm_start_from", path)
    if is_table(path):
        table = read_table(path)
        found_space, found_recipe, trials = table.space, table.recipe, table.trials
        _check_same(path, space, recipe, found_space, found_recipe)
        trials = _means(trials)
    elif (config := Workspace(path).read_config()) is not None:
        origin = origin_of(config, Workspace(path).config)
        _check_same(path, space, recipe, origin.space, config["fixed"]["recipe"])
        trials = [trial for trial in Dataset(origin, Workspace(path), read_only=True).trials if not trial.cached]
    else:
        raise InvalidValueError(
            f"warm_start_from={str(path)!r} is neither a run nor a table: it holds no config.json and no recipe.json. "
            "Name the folder of one."
        )
    known = [trial for trial in trials if not trial.evaluation.failed and not trial.evaluation.recipe]
    if not known:
        raise InvalidValueError(f"warm_start_from={str(path)!r} knows no reward. Leave it out, or name another folder.")
    return [dataclasses.replace(trial, cached=True) for trial in known]


def write_snapshot(workspace: Workspace, known: Sequence[Trial], origin: Origin) -> None:
    """Keeps the known trials with the run."""
    write_shard(workspace.warm_start, known, origin._replace(seed=None))  # they are of runs with other seeds


def read_snapshot(workspace: Workspace, origin: Origin) -> list[Trial] | None:
    """What the run was started with; None if it has no such file."""
    if not workspace.warm_start.exists():
        return None
    return read_shard(workspace.warm_start, origin._replace(seed=None))


def describe(known: Sequence[Trial]) -> dict[str, Any] | None:
    """What a run's configuration says of them, so that a restart with others, or with none, is refused."""
    if not known:
        return None
    text = "\n".join(sorted(f"{trial.key} {trial.reward!r}" for trial in known))
    return {"keys": len(known), "digest": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _means(trials: Sequence[Trial]) -> list[Trial]:
    by_key: dict[str, list[Trial]] = {}
    for trial in trials:
        by_key.setdefault(trial.key, []).append(trial)
    return [
        dataclasses.replace(some[0], evaluation=mean_evaluation([trial.evaluation for trial in some]))
        for some in by_key.values()
    ]


def _check_same(path, space: SearchSpace, recipe, found_space: str, found_recipe: dict[str, Any]) -> None:
    if found_space != space.fingerprint:
        raise InvalidValueError(
            f"warm_start_from={str(path)!r} is of a space with fingerprint {found_space}, but {space!r} has "
            f"{space.fingerprint}. Name a run or table of the same space."
        )
    if found_recipe != recipe:
        raise InvalidValueError(
            f"warm_start_from={str(path)!r} has another recipe: {difference(found_recipe, recipe)}. Name a run or "
            "table of the same recipe."
        )
