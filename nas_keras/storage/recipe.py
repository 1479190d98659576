"""Recipes: everything that a reward depends on besides key and seed, as a JSON object with a fingerprint.

The code of a user's function or operations is part of a recipe. `children/named_recipes.py` defines the recipes of
trained children.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from nas_keras.errors import InvalidValueError, shown
from nas_keras.system.code.fingerprint import parts_difference


def fingerprint(recipe: dict[str, Any]) -> str:
    """Returns the fingerprint of a recipe, 16 hex digits; the order of names in the recipe does not matter.

    Raises:
        InvalidValueError: if the recipe is not a JSON object.
    """
    try:
        if not isinstance(recipe, dict):
            raise TypeError("it is not a dict")
        text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)  # NaN does not equal itself
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError(
            f"recipe={shown(recipe)} is not allowed: {error}. It must be a JSON object: a dict of strings, finite "
            "numbers, lists and the like, such as {'epochs': 3}."
        ) from error
    return hashlib.sha256(text.encode()).hexdigest()[:16]


FUNCTION, OPERATIONS, BUILD = (
    "function_code",
    "operation_code",
    "build_code",
)  # the parts of a recipe that identify a user's code


def is_trained(recipe: dict[str, Any]) -> bool:
    """Returns whether the rewards of a recipe come from trained children, so that they are accuracies."""
    return {"data", "train"} <= set(recipe) and bool({"child", BUILD} & set(recipe))


def with_code(
    recipe: dict[str, Any],
    *,
    function: dict[str, str] | None = None,
    operations: dict[str, dict[str, str]] | None = None,
    build: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Returns a recipe with the identity of a user's code, as `code_parts` returns it.

    Args:
        recipe: recipe without code.
        function: identity of the function that gives the rewards; None if there is none.
        operations: identities of the registered operations of the searched space, by name; None if there are none.
        build: identity of the function that builds the children; None if they are built around cells.
    """
    codes = {FUNCTION: function, OPERATIONS: operations, BUILD: build}
    return {**recipe, **{part: code for part, code in codes.items() if code}}


def without_code(recipe: dict[str, Any]) -> dict[str, Any]:
    """Returns a recipe without its code, as versions wrote it that recorded code by its name alone."""
    return {name: value for name, value in recipe.items() if name not in (FUNCTION, OPERATIONS, BUILD)}


def only_code(recipe: dict[str, Any]) -> dict[str, Any]:
    """Returns the code of a recipe, which `without_code` leaves out."""
    return {name: value for name, value in recipe.items() if name in (FUNCTION, OPERATIONS)}


def code_difference(old: dict[str, Any], new: dict[str, Any], *, common: bool = False) -> str:
    """Describes in words how the code of two recipes differs; "" if it does not.

    Args:
        old: a recipe.
        new: a recipe.
        common: whether to compare only parts that both have: an added or removed part cannot have changed the rewards
            of an architecture that both spaces hold.
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
    pairs = {"the function": function, "the build function": [recipe.get(BUILD) for recipe in (old, new)]}
    pairs |= {f"operation {name!r}": [before.get(name), now.get(name)] for name in sorted({**before, **now})}
    return [(what, _as_dict(pair[0]), _as_dict(pair[1])) for what, pair in pairs.items()]


def _as_dict(code: Any) -> dict[str, Any]:
    return code if isinstance(code, dict) else {}


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Describes in words how two recipes differ, such as "train.epochs: 1 before, 3 now"; "" if they do not."""
    code = code_difference(old, new)
    old, new = without_code(old), without_code(new)
    said = [change for name in {**old, **new} for change in changes(name, old.get(name), new.get(name), str)]
    return "; ".join([*said, *([code] if code else [])])


def changes(name: str, old: Any, new: Any, show: Callable[[Any], str] = json.dumps) -> list[str]:
    """Names each setting that differs, with its value before and now; [] if none does.

    Args:
        name: name of the settings.
        old: one value, or an object of settings, which may hold further ones.
        new: the same.
        show: formats a value.
    """
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() & new.keys():
        parts = {**old, **new}
        return [said for part in parts for said in changes(f"{name}.{part}", old.get(part), new.get(part), show)]
    return [] if old == new else [f"{name}: {show(old)} before, {show(new)} now"]
