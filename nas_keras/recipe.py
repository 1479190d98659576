"""A recipe: everything a reward depends on besides the key and the seed, as JSON, as a fingerprint, or by name.

A named recipe is the one of a shipped table and never changes: a better one gets a new name and a new table.
"""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

from nas_keras.child import ChildConfig
from nas_keras.code_fingerprint import parts_difference
from nas_keras.errors import DataError, InvalidValueError, shown
from nas_keras.record import Origin
from nas_keras.space_description import check_description
from nas_keras.training import TrainConfig


@dataclasses.dataclass(frozen=True)
class NamedRecipe:
    """How the children of a table are trained.

    Attributes:
        dataset: TFDS name.
        child: the network around a cell.
        train: the training.
    """

    dataset: str
    child: ChildConfig
    train: TrainConfig


NAMED = {
    "mnist_v1": NamedRecipe("mnist", ChildConfig(), TrainConfig(epochs=3, shift=1)),
    "mnist_1epoch_v1": NamedRecipe("mnist", ChildConfig(), TrainConfig(epochs=1)),
}


def settings_of(config: Any) -> dict[str, Any]:
    """The fields of a configuration as a part of a recipe.

    A field that a later version added (metadata "later") stands there only if it is not at its default, which is what
    older children were trained with: so their fingerprints stay what they were.
    """
    later = {field.name: field.default for field in dataclasses.fields(config) if field.metadata.get("later")}
    return {
        name: value for name, value in dataclasses.asdict(config).items() if name not in later or value != later[name]
    }


def fingerprint(recipe: dict[str, Any]) -> str:
    """16 hex digits of a recipe (a JSON object); the order of its names does not matter.

    Raises:
        InvalidValueError: if it is none.
    """
    try:
        if not isinstance(recipe, dict):
            raise TypeError("it is no dict")
        text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)  # NaN is not even itself
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError(
            f"recipe={shown(recipe)} is not allowed: {error}. It must be a JSON object: a dict of texts, finite "
            "numbers, lists and the like, such as {'epochs': 3}."
        ) from error
    return hashlib.sha256(text.encode()).hexdigest()[:16]


FUNCTION, OPERATIONS = "function_code", "operation_code"  # the parts of a recipe that identify a user's code


def with_code(
    recipe: dict[str, Any],
    *,
    function: dict[str, str] | None = None,
    operations: dict[str, dict[str, str]] | None = None,
) -> dict[str, Any]:
    """A recipe with the identity of a user's code, as `code_parts` gives it; where there is none it stays as it is.

    Args:
        recipe: without code.
        function: that gives the rewards.
        operations: registered from outside, those of the searched space only.
    """
    return {**recipe, **({FUNCTION: function} if function else {}), **({OPERATIONS: operations} if operations else {})}


def without_code(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe as versions wrote it that knew code by its name alone."""
    return {name: value for name, value in recipe.items() if name not in (FUNCTION, OPERATIONS)}


def code_difference(old: dict[str, Any], new: dict[str, Any], *, common: bool = False) -> str:
    """What differs between the code of two recipes, in words; "" if nothing does.

    Args:
        old: a recipe.
        new: a recipe.
        common: count only parts that both have: what is new or gone cannot have changed the rewards of an architecture
            that both spaces hold.
    """
    said = []
    for what, before, now in _codes(old, new):
        if common and not (before and now):
            continue
        if common:
            before, now = ({name: code[name] for name in before if name in now} for code in (before, now))
        changed = parts_difference(before, now)
        said += [f"{what}: {changed}"] if changed else []
    return "; ".join(said)


def _codes(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, dict, dict]]:
    function = [recipe.get(FUNCTION) for recipe in (old, new)]
    operations = [recipe.get(OPERATIONS) for recipe in (old, new)]
    before, now = (value if isinstance(value, dict) else {} for value in operations)
    named = [(f"operation {name!r}", before.get(name), now.get(name)) for name in sorted({**before, **now})]
    pairs = [("the function", *function), *named]
    return [(what, *(code if isinstance(code, dict) else {} for code in pair)) for what, *pair in pairs]


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What differs between two recipes, one level down: "train: {...} before, {...} now"; code by its parts."""
    code = code_difference(old, new)
    old, new = without_code(old), without_code(new)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    said = [f"{name}: {old.get(name)} before, {new.get(name)} now" for name in names]
    return "; ".join([*said, *([code] if code else [])])


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


def configs_of(recipe: dict[str, Any], place: object) -> tuple[ChildConfig, TrainConfig]:
    """The child and the training of a recipe of trained children, for more of them to be trained alike.

    Args:
        recipe: as `settings_of` made its parts.
        place: where it stands, for the message.

    Raises:
        DataError: if this version of the package has other settings, or the values cannot be.
    """
    try:
        return ChildConfig(**recipe["child"]), TrainConfig(**recipe["train"])
    except (KeyError, TypeError, InvalidValueError) as error:
        raise DataError(
            f"The recipe in {place} cannot be trained by: {error}. Use the version of nas_keras that wrote it, or "
            "restore the file from a copy."
        ) from error
