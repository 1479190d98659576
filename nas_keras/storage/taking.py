"""What searches found already, taken into a table of rewards: their children are not trained again.

A search's rewards are those of one training with the run's own seed, so they are records of a table of the same space
and recipe as they stand. What they lack is a test accuracy: a search measures none.
"""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from absl import logging

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.description import describe_space, space_difference
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.recipe import difference
from nas_keras.storage.run_config import check_settings, origin_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import is_table, read_table
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial


class Taken(NamedTuple):
    """What sources know.

    Attributes:
        trials: one for each key and training seed.
        environment: what the first source was made on; {} without sources.
    """

    trials: list[Trial]
    environment: dict[str, Any]


class _Source(NamedTuple):
    space: str
    described: dict[str, Any]
    recipe: dict[str, Any]
    environment: dict[str, Any]
    run_seed: int | None  # None for a table, whose records have several
    trials: list[Trial]


def take(paths: Sequence[str | os.PathLike], *, space: SearchSpace, recipe: dict[str, Any], seeds: int) -> Taken:
    """Reads runs, finished or running, and tables of one space and recipe; all are checked before this returns.

    Failures are left out, since another try may succeed, and so is what was found by a variant of the recipe.

    Args:
        paths: folders.
        space: of the table that is to be filled.
        recipe: of that table.
        seeds: it has those of the run seeds 0 to `seeds` - 1.

    Raises:
        InvalidValueError: if a folder is neither, or of another space, recipe or seed, or if two that were made on the
            same kind of machine and software have different rewards for a key and seed.
        DataError: if one is damaged.
    """
    sources = {path: _read(path, space) for path in (local_path("take_from", path) for path in paths)}
    for path, source in sources.items():
        _check(path, source, space, recipe, seeds)
    found: dict[tuple[str, int], tuple[pathlib.Path, Trial]] = {}
    for path, source in sources.items():
        gaps = []
        for trial in source.trials:
            if trial.evaluation.failed or trial.evaluation.recipe:
                continue
            first, known = found.setdefault((trial.key, trial.seed), (path, trial))
            if known.reward == trial.reward:
                continue
            if sources[first].environment == source.environment:
                # There a training comes out the same to the bit, so one of the two is not what it says.
                raise InvalidValueError(
                    f"{path} has another reward for {trial.key} with seed {trial.seed} than {first}: {trial.reward} "
                    f"and {known.reward}, on the same kind of machine. Take from one of the two."
                )
            gaps.append(abs(known.reward - trial.reward))
        if gaps:
            logging.warning(
                "%s, made on another machine or software, has other rewards for %d keys that an earlier source has "
                "too, by up to %.4f. The earlier source counts.",
                path,
                len(gaps),
                max(gaps),
            )
    environment = next((source.environment for source in sources.values()), {})
    return Taken([trial for _, trial in found.values()], environment)


def _read(path: pathlib.Path, space: SearchSpace) -> _Source:
    if is_table(path):
        table = read_table(path)
        return _Source(table.space, {"fingerprint": table.space}, table.recipe, table.environment, None, table.trials)
    workspace = Workspace(path)
    config = workspace.read_config()
    if config is None:
        raise InvalidValueError(
            f"There is nothing to take from {path}: it is neither a run nor a table, as it holds no config.json and no "
            "recipe.json. Name the folder of one."
        )
    fixed, origin = config["fixed"], origin_of(config, workspace.config)
    check_settings(config, workspace.config)
    trials = []
    if origin.space == space.fingerprint:  # of another space it is refused, read or not
        trials = [trial for trial in Dataset(origin, workspace, read_only=True).trials if not trial.cached]
    return _Source(origin.space, fixed["space"], fixed["recipe"], config.get("environment", {}), fixed["seed"], trials)


def _check(path: pathlib.Path, source: _Source, space: SearchSpace, recipe: dict[str, Any], seeds: int) -> None:
    if source.space != space.fingerprint:
        raise InvalidValueError(
            f"{path} is of another space than {space!r}: {space_difference(source.described, describe_space(space))}. "
            "Take from runs of the table's space."
        )
    if source.recipe != recipe:
        raise InvalidValueError(
            f"{path} has another recipe than the table: {difference(source.recipe, recipe)}. Take from runs of the "
            "table's recipe, or name theirs with --recipe."
        )
    if source.run_seed is not None and not source.run_seed < seeds:
        raise InvalidValueError(
            f"{path} was searched with --seed={source.run_seed}, but the table is filled with the seeds 0 to "
            f"{seeds - 1} only. Leave it out, or fill the table with --seeds={source.run_seed + 1}."
        )
