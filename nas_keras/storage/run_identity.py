"""The check that a start may continue a run: its space and the code behind its rewards must be the same.

A run that an older version began identifies its space and its code by names only. It continues, with a warning, if
those names agree. That start adds what is missing to the configuration: the decisions to its space, and the code, under
`CODE`, beside the recipe, which stays as it is because every record of the run holds its fingerprint.
"""

import json
from typing import Any, NamedTuple

from absl import logging

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.description import check_description, describe_space
from nas_keras.spaces.description_difference import space_difference
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import recipe as recipes
from nas_keras.storage.run_folder import Workspace

CODE = "code"  # the entry of a configuration that holds what `recipes.with_code` adds to the recipe of a newer run


class Identity(NamedTuple):
    """Space and recipe of a run, as its configuration records them.

    Attributes:
        space: description of the search space.
        recipe: recipe of the rewards.
        variants: recipes that single records may have instead, by fingerprint.
        code: code of a run whose recipe does not record it; None for any other run.
    """

    space: dict[str, Any]
    recipe: dict[str, Any]
    variants: dict[str, dict[str, Any]]
    code: dict[str, Any] | None = None


def is_by_name_only(space: Any) -> bool:
    """Returns whether this description of a space was written by a version that recorded code by its name alone."""
    return isinstance(space, dict) and "decisions" not in space


def recipe_with_code(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the recipe in a configuration, with the code that a later start added to it."""
    code = config.get(CODE)
    return {**config["fixed"]["recipe"], **(code if isinstance(code, dict) else {})}


def complete(config: dict[str, Any], identity: Identity) -> dict[str, Any]:
    """Returns the configuration of an older run with the decisions of its space."""
    fixed = config["fixed"]
    space = fixed.get("space")
    if not is_by_name_only(space) or space.get("fingerprint") != identity.space["fingerprint"]:
        return config
    return {**config, "fixed": {**fixed, "space": json.loads(json.dumps(identity.space))}}


def settle_identity(
    workspace: Workspace, config: dict[str, Any] | None, space: SearchSpace, recipe: dict[str, Any], variants: list
) -> Identity:
    """Returns the identity of a new run, or that of the run in the folder if this start may continue it.

    Args:
        workspace: paths of the run.
        config: its configuration; None for a new run.
        space: space of this start.
        recipe: recipe of this start.
        variants: variants of the recipe of this start.

    Raises:
        DataError: if the recorded description of the space is corrupt.
        InvalidValueError: if the space or the code is another one; the message says what differs.
    """
    now = Identity(describe_space(space), recipe, {recipes.fingerprint(variant): variant for variant in variants})
    config = config or {}
    fixed = config.get("fixed", {})
    old_space, old_recipe = fixed.get("space"), fixed.get("recipe")
    if not isinstance(old_space, dict) or not isinstance(old_recipe, dict):
        return now  # `run_config.origin_of` refuses a corrupt configuration
    check_description(old_space, workspace.config)
    is_older = is_by_name_only(old_space)
    if old_space.get("fingerprint") != space.fingerprint or not is_older:
        changed = space_difference(old_space, now.space)
        if changed:
            workspace.refuse_settings(f"space: {changed}")
    recipe = json.loads(json.dumps(recipe))  # as it was written, with tuples as lists
    known = recipe_with_code(config)
    changed = recipes.code_difference(known, recipe)
    is_completed = known != old_recipe
    if (is_older or is_completed and not changed) and recipe != old_recipe == recipes.without_code(recipe):
        if not is_completed:
            logging.warning(
                "The run in %s was begun by a version that did not record the code of functions and operations. Make "
                "sure that the code has not changed since: %s. It is recorded from now on.",
                workspace.root,
                changed,
            )
        kept = config.get("variants", {})
        variants_of_both = {**(kept if isinstance(kept, dict) else {}), **now.variants}
        return Identity(now.space, old_recipe, variants_of_both, recipes.only_code(recipe))
    _check_images(workspace, old_recipe, recipe)
    # If more than the code differs, `settle_config` names all of it.
    if changed and recipes.without_code(old_recipe) == recipes.without_code(recipe):
        raise InvalidValueError(
            f"workdir={str(workspace.root)!r} is a run whose rewards came from other code. "
            f"{changed}. Restore the code (or pass the same version= as before), or "
            "start in another folder."
        )
    return now


def _check_images(workspace: Workspace, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raises InvalidValueError if only the images differ: the same data set by name, with other content."""
    before, now = old.get("data"), new.get("data")
    if not isinstance(before, dict) or not isinstance(now, dict) or before == now:
        return
    if before.get("name") == now.get("name") and {**old, "data": None} == {**new, "data": None}:
        raise InvalidValueError(
            f"workdir={str(workspace.root)!r} is a run on other images of {now.get('name')}: their digest was "
            f"{str(before.get('digest'))[:16]} and is {str(now.get('digest'))[:16]}. Files were added, removed or "
            "changed, or the images are resized or split otherwise. Restore them, or start in another folder."
        )
