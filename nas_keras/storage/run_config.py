"""Checked access to the parts of a run's configuration, a file that a user may have edited."""

import pathlib
from typing import Any

from nas_keras.errors import DataError, shown
from nas_keras.spaces.description import check_description
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.origin import Origin


def origin_of(config: dict[str, Any], path: pathlib.Path) -> Origin:
    """Returns the origin that all records of a run share.

    Args:
        config: the configuration, as `Workspace.read_config` returns it.
        path: its file, for the message.

    Raises:
        DataError: if space, recipe or variants are missing or corrupt.
    """
    fixed, variants = config["fixed"], config.get("variants", {})
    if isinstance(fixed.get("space"), dict) and "fingerprint" in fixed["space"]:
        check_description(fixed["space"], path)
    space, recipe = fixed.get("space"), fixed.get("recipe")
    name = space.get("fingerprint") if isinstance(space, dict) else None
    if not (isinstance(name, str) and isinstance(recipe, dict) and isinstance(variants, dict)):
        raise DataError(f"{path} lacks its space, recipe or variants. Restore it from a copy.")
    seed = fixed.get("seed")
    return Origin(name, fingerprint(recipe), tuple(variants), seed if type(seed) is int else None)


def check_settings(config: dict[str, Any], path: pathlib.Path) -> None:
    """Raises DataError unless strategy, seed, batch size, lag and budget are there; `origin_of` checks the rest."""
    fixed, budget = config["fixed"], config.get("budget")
    strategy = fixed.get("strategy")
    numbers = [
        fixed.get("seed"),
        fixed.get("batch_size"),
        fixed.get("lag"),
        budget.get("max_evaluations") if isinstance(budget, dict) else 0.5,
    ]
    is_strategy = isinstance(strategy, dict) and isinstance(strategy.get("name"), str)
    if not (
        is_strategy and isinstance(strategy.get("config"), dict) and all(type(number) is int for number in numbers)
    ):
        raise DataError(f"{path} lacks its strategy, seed, batch size, lag or budget. Restore it from a copy.")


def environment_of(config: dict[str, Any], path: pathlib.Path) -> dict[str, Any]:
    """Returns the machine and software of a run, on which the last digits of its rewards depend.

    Raises:
        DataError: if it is not a JSON object.
    """
    environment = config.get("environment", {})
    if not isinstance(environment, dict):
        raise DataError(
            f"{path} has the environment {shown(environment)}, which is not a JSON object. Restore it from a copy."
        )
    return environment
