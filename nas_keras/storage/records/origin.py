"""Where a record comes from: the space, the recipe and the run that all records of a folder have in common."""

import pathlib
from typing import Any, NamedTuple

from nas_keras.errors import DataError
from nas_keras.trial import training_seed


class Origin(NamedTuple):
    """Fingerprints that all records of a run or table have in common.

    Attributes:
        space: fingerprint of the search space.
        recipe: fingerprint of the recipe.
        variants: fingerprints of recipes that a record may have instead, such as the one with half the batch size.
        seed: seed of the run, on which the seed of each child's training depends; None for a table, which has several.
    """

    space: str
    recipe: str
    variants: tuple[str, ...] = ()
    seed: int | None = None


def check_origin(values: dict[str, Any], origin: Origin | None, path: pathlib.Path, number: int) -> None:
    """Raises DataError if a decoded record is of another space, recipe or run; an origin of None accepts any."""
    problem = origin_problem(values, origin) if origin else ""
    if problem:
        raise DataError(
            f"Record {number} of {path} {problem}. Move the file away, or name the folder of the run it belongs to."
        )


def origin_problem(values: dict[str, Any], origin: Origin) -> str:
    """Describes why a record is of another space, recipe or run; "" if it is not."""
    for name, variants in (("space", ()), ("recipe", origin.variants)):
        found, wanted = values[name], getattr(origin, name)
        if found != wanted and found not in variants:
            return f"is of {name} {found}, but this run has {name} {wanted}"
    if origin.seed is not None and values["seed"] != training_seed(origin.seed, values["key"]):
        return (
            f"is of another run: its training has the seed {values['seed']}, but with this run's seed {origin.seed} it "
            f"would be {training_seed(origin.seed, values['key'])}"
        )
    return ""
