"""The check that two sources of rewards agree: rewards compare only within one search space and one recipe."""

from typing import Any

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.description import describe_space
from nas_keras.spaces.description_difference import space_difference
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.recipe import difference


def check_same(
    subject: object,
    other: object,
    *,
    space: tuple[dict[str, Any], SearchSpace | dict[str, Any]] | None = None,
    recipe: tuple[dict[str, Any], dict[str, Any]] | None = None,
    fix: str,
) -> None:
    """Raises InvalidValueError if `subject` is of another space than `other`, or has another recipe.

    Args:
        subject: folder or other name that begins the message.
        other: name of what it must agree with.
        space: both spaces, the subject's first. Each is a description that holds at least the fingerprint; the second
            may be the space itself. None checks no space.
        recipe: both recipes, the subject's first. None checks no recipe.
        fix: sentences that say how to fix it; they end the message.
    """
    if space is not None:
        old, new = space
        if old["fingerprint"] != (new.fingerprint if isinstance(new, SearchSpace) else new["fingerprint"]):
            differs = space_difference(old, describe_space(new) if isinstance(new, SearchSpace) else new)
            raise InvalidValueError(f"{subject} is of another space than {other}: {differs}. {fix}")
    if recipe is not None and recipe[0] != recipe[1]:
        raise InvalidValueError(f"{subject} has another recipe than {other}: {difference(*recipe)}. {fix}")
