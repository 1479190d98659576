"""Warm starts: rewards of another run or of a table, which a search uses without evaluating them again.

A run keeps a copy of them, `<workdir>/warm_start.tfrecord`, so that it continues in the same way whatever happens to
the other folder.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.description import describe_space
from nas_keras.spaces.description_difference import choice_places
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import code_difference, without_code
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shards import read_shard, write_shard
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.run_identity import is_by_name_only, recipe_with_code
from nas_keras.storage.sources import Source, open_source
from nas_keras.storage.table import mean_evaluation
from nas_keras.trial import Trial


def read_known(path: str | os.PathLike, *, space: SearchSpace, recipe: dict[str, Any]) -> list[Trial]:
    """Reads one trial for each key of another run's D or of a table, where it has the mean over the seeds.

    Failures are left out, since another try may succeed, and so are rewards of a variant of the recipe.

    The other space may have other choices of the same decisions, or the same in another order: choices are matched by
    name, and trials with a choice that this space lacks are left out. A space with a user's own key function is not
    matched in this way.

    Args:
        path: folder of the run or table.
        space: search space of the search.
        recipe: recipe of the search.

    Raises:
        InvalidValueError: if the folder is neither, is of another space or recipe, or holds no reward.
        DataError: if it is corrupt.
    """
    source = open_source("warm_start_from", path)
    path, found = source.path, source.space
    is_same = found["fingerprint"] == space.fingerprint
    translate = None if is_same else _translation(path, found, space)
    _check_recipe(source, recipe, is_same=is_same)
    known = source.read_rewards()
    if source.is_table:
        known = _means(known)
    if translate is not None:
        translated = [trial for trial in map(translate, known) if trial is not None]
        if len(translated) < len(known):
            logging.warning(
                "%s: %d of %d evaluations are left out, since they have choices that this space lacks.",
                path,
                len(known) - len(translated),
                len(known),
            )
        known = translated
    if not known:
        raise InvalidValueError(f"{path} holds no reward that can be used. Leave it out, or name another folder.")
    return [dataclasses.replace(trial, cached=True) for trial in known]


def write_snapshot(workspace: Workspace, known: Sequence[Trial], origin: Origin) -> None:
    """Writes the known trials into the run's folder."""
    write_shard(workspace.warm_start, known, origin._replace(seed=None))  # the trials come from runs with other seeds


def read_snapshot(workspace: Workspace, origin: Origin) -> list[Trial] | None:
    """Returns the known trials that the run was started with; None if there were none."""
    if not workspace.warm_start.exists():
        return None
    return read_shard(workspace.warm_start, origin._replace(seed=None))


def describe(known: Sequence[Trial]) -> dict[str, Any] | None:
    """Returns the entry of a run's configuration by which a restart with other known trials, or none, is refused."""
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


def _translation(path, described: dict[str, Any], space: SearchSpace) -> Callable[[Trial], Trial | None]:
    """Returns a function that converts a trial of another space to this one, or to None if a choice is missing."""
    places = choice_places(described, describe_space(space))
    if places is None:  # the fingerprints differ, so this raises
        check_same(
            path,
            repr(space),
            space=(described, space),
            fix="The same decisions may have other choices; otherwise name a run or table of the same space.",
        )

    def fits(actions, places) -> bool:
        return len(actions) == len(places) and all(a < len(p) for a, p in zip(actions, places, strict=True))

    def translate(trial: Trial) -> Trial | None:
        if places is None or not fits(trial.actions, places):
            raise DataError(
                f"{path} holds actions {trial.actions}, which are not in its space. Restore it from a copy."
            )
        found = [place[action] for place, action in zip(places, trial.actions, strict=True)]
        actions = tuple(action for action in found if action is not None)
        if len(actions) < len(found):
            return None
        return dataclasses.replace(trial, actions=actions, key=space.key(actions))

    return translate


def _check_recipe(source: Source, recipe: dict[str, Any], *, is_same: bool) -> None:
    found = source.recipe if source.is_table else recipe_with_code(source.config)
    recipe = json.loads(json.dumps(recipe))  # as it is read from a file, with tuples as lists
    if found != recipe and without_code(found) == without_code(recipe):
        if not source.is_table and is_by_name_only(source.space):
            logging.warning(
                "%s was made by a version that did not record code. Make sure that the code has not changed since.",
                source.path,
            )
            return
        # New choices bring new code, which does not change the rewards of the others.
        if not is_same and not code_difference(found, recipe, common=True):
            return
    fix = "Name a run or table of the same recipe."
    check_same(source.path, "this search", recipe=(found, recipe), fix=fix)
