"""Whether a start may go on with the run of a folder: its space and the code behind its rewards must be the same.

A run that an older version began knows neither its decisions nor its code by more than a name. It goes on by those
names, with a warning, and its configuration stays as it is.
"""

import json
from typing import Any, NamedTuple

from absl import logging

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.description import check_description, describe_space, space_difference
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import recipe as recipes
from nas_keras.storage.run_folder import Workspace


class Identity(NamedTuple):
    """What the configuration says of a run, and its records with it.

    Attributes:
        space: described.
        recipe: of the rewards.
        variants: fingerprint -> recipe that single records may have instead.
    """

    space: dict[str, Any]
    recipe: dict[str, Any]
    variants: dict[str, dict[str, Any]]


def is_by_name_only(space: Any) -> bool:
    """Whether a run that says this of its space was begun by a version that knew code by its name alone."""
    return isinstance(space, dict) and "decisions" not in space


def settle_identity(
    workspace: Workspace, config: dict[str, Any] | None, space: SearchSpace, recipe: dict[str, Any], variants: list
) -> Identity:
    """What a new run has, or what the run in the folder has if this start may go on with it.

    Args:
        workspace: of the run.
        config: its configuration; None for a new run.
        space: of this start.
        recipe: of this start.
        variants: of this start.

    Raises:
        DataError: if the folder's description of its space is damaged.
        InvalidValueError: if the space or the code is another one; the message says what differs.
    """
    now = Identity(describe_space(space), recipe, {recipes.fingerprint(variant): variant for variant in variants})
    fixed = (config or {}).get("fixed", {})
    old_space, old_recipe = fixed.get("space"), fixed.get("recipe")
    if not isinstance(old_space, dict) or not isinstance(old_recipe, dict):
        return now  # a damaged one is refused as such by who reads it
    check_description(old_space, workspace.config)
    is_older = is_by_name_only(old_space)
    if old_space.get("fingerprint") != space.fingerprint or not is_older:
        changed = space_difference(old_space, now.space)
        if changed:
            raise InvalidValueError(
                f"workdir={str(workspace.root)!r} is a run with other settings. space: {changed}. Start it with the "
                "settings it has, or name another folder."
            )
    recipe = json.loads(json.dumps(recipe))  # as it was written: a tuple is a list
    changed = recipes.code_difference(old_recipe, recipe)
    if is_older and recipe != old_recipe == recipes.without_code(recipe):
        logging.warning(
            "The run in %s was begun by a version that did not record the code of functions and operations. Make sure "
            "that it has not changed since: %s.",
            workspace.root,
            changed,
        )
        kept = config.get("variants", {})
        return Identity(old_space, old_recipe, {**(kept if isinstance(kept, dict) else {}), **now.variants})
    if changed and recipes.without_code(old_recipe) == recipes.without_code(recipe):  # of more, all is said later
        raise InvalidValueError(
            f"workdir={str(workspace.root)!r} is a run whose rewards came from other code. "
            f"{changed}. Restore the code (or pass the same version= as before), or "
            "start in another folder."
        )
    return now._replace(space=old_space) if is_older else now
