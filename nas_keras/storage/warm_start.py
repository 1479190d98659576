"""What another run or a table knows already: evaluations that a search gets for nothing.

A run keeps a copy of its own, `<workdir>/warm_start.tfrecord`, so that it goes on the same way whatever becomes of the
folder that it was taken from.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.description import choice_places, describe_space
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.recipe import code_difference, without_code
from nas_keras.storage.records.schema import Origin
from nas_keras.storage.records.shards import read_shard, write_shard
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.run_identity import is_by_name_only
from nas_keras.storage.sources import Source, open_source
from nas_keras.storage.table import mean_evaluation
from nas_keras.trial import Trial


def read_known(path: str | os.PathLike, *, space: SearchSpace, recipe: dict[str, Any]) -> list[Trial]:
    """One trial for each key that stands in another run's D, or in a table (the mean over its seeds).

    Failures are left out, since another try may succeed, and so is what was found by a variant of the recipe.

    A source whose space has other choices of the same decisions, or has them in another order, is read by their names;
    what this space does not have is left out, and so is any such source whose keys are a function of the user's.

    Args:
        path: folder of the run or table.
        space: of the search.
        recipe: of the search.

    Raises:
        InvalidValueError: if the folder is neither, is of another space or recipe, or knows nothing.
        DataError: if it is damaged.
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
                "%s: %d of %d evaluations have choices that this space does not have, and are left out.",
                path,
                len(known) - len(translated),
                len(known),
            )
        known = translated
    if not known:
        raise InvalidValueError(f"{path} holds no reward that can be used. Leave it out, or name another folder.")
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


def _translation(path, described: dict[str, Any], space: SearchSpace) -> Callable[[Trial], Trial | None]:
    """Gives a trial of another space the actions and key that it has in this one; None if it has none here."""
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
        if not fits(trial.actions, places):
            raise DataError(
                f"{path} holds actions {trial.actions}, which its space does not have. Restore it from a copy."
            )
        actions = tuple(place[action] for place, action in zip(places, trial.actions, strict=True))
        return None if None in actions else dataclasses.replace(trial, actions=actions, key=space.key(actions))

    return translate


def _check_recipe(source: Source, recipe: dict[str, Any], *, is_same: bool) -> None:
    found, recipe = source.recipe, json.loads(json.dumps(recipe))  # as it is read from a file: a tuple is a list
    if found != recipe and without_code(found) == without_code(recipe):
        if not source.is_table and is_by_name_only(source.space):
            logging.warning(
                "%s was made by a version that did not record code. Make sure that the code has not changed since.",
                source.path,
            )
            return
        # Choices that are new bring code with them, which says nothing of those that were there.
        if not is_same and not code_difference(found, recipe, common=True):
            return
    fix = "Name a run or table of the same recipe."
    check_same(source.path, "this search", recipe=(found, recipe), fix=fix)
