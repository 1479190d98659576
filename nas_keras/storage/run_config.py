"""Reads the parts of a run's configuration, which is a file that anybody may have edited: each is checked first."""

import pathlib
from typing import Any

from nas_keras.errors import DataError, shown
from nas_keras.spaces.description import check_description
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.schema import Origin


def origin_of(config: dict[str, Any], path: pathlib.Path) -> Origin:
    """What a run's records have in common, by its configuration.

    Args:
        config: of the run, as `Workspace.read_config` gives it.
        path: of its file, for the message.

    Raises:
        DataError: if it does not say.
    """
    fixed, variants = config["fixed"], config.get("variants", {})
    if isinstance(fixed.get("space"), dict) and "fingerprint" in fixed["space"]:
        check_description(fixed["space"], path)
    space, recipe = fixed.get("space"), fixed.get("recipe")
    name = space.get("fingerprint") if isinstance(space, dict) else None
    if not (isinstance(name, str) and isinstance(recipe, dict) and isinstance(variants, dict)):
        raise DataError(f"{path} does not say its space, recipe and variants. Restore it from a copy.")
    seed = fixed.get("seed")
    return Origin(name, fingerprint(recipe), tuple(variants), seed if type(seed) is int else None)


def check_settings(config: dict[str, Any], path: pathlib.Path) -> None:
    """Raises DataError unless a run says strategy, seed, batch size, lag and budget; `origin_of` is for the rest."""
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
        raise DataError(f"{path} does not say its strategy, seed, batch size, lag and budget. Restore it from a copy.")


def environment_of(config: dict[str, Any], path: pathlib.Path) -> dict[str, Any]:
    """What a run's rewards also depend on in their last digits, by its configuration.

    Raises:
        DataError: if it is no object.
    """
    environment = config.get("environment", {})
    if not isinstance(environment, dict):
        raise DataError(
            f"{path} has the environment {shown(environment)}, where an object is due. Restore it from a copy."
        )
    return environment
