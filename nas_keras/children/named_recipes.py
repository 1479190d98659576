"""The configurations of a child and its training as parts of a recipe, and the recipes of the shipped tables by name.

A named recipe is the one of a shipped table and never changes: a better one gets a new name and a new table.
"""

import dataclasses
from typing import Any

from nas_keras.children.build import ChildConfig
from nas_keras.children.training import TrainConfig
from nas_keras.errors import DataError, InvalidValueError


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
