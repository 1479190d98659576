"""Named recipes: those of the shipped tables and of final trainings; and configurations as parts of a recipe.

A named recipe never changes: a better one gets a new name and a new table.
"""

import dataclasses
from typing import Any

from nas_keras.children.build import ChildConfig
from nas_keras.children.train_config import TrainConfig
from nas_keras.errors import DataError, InvalidValueError


@dataclasses.dataclass(frozen=True)
class NamedRecipe:
    """The data set, network and training of a table's children.

    Attributes:
        dataset: name of the data set in TFDS.
        child: the network around a cell.
        train: the settings of the training.
    """

    dataset: str
    child: ChildConfig
    train: TrainConfig


NAMED = {
    "mnist_v1": NamedRecipe("mnist", ChildConfig(), TrainConfig(epochs=3, shift=1)),
    "mnist_1epoch_v1": NamedRecipe("mnist", ChildConfig(), TrainConfig(epochs=1)),
}

# Longer trainings of the best children of a search, by name.
FINAL = {
    "mnist_long_v1": TrainConfig(epochs=30, shift=2, rotate=10, label_smoothing=0.05, weight_decay=0.01, ema=0.999),
}


def settings_of(config: Any) -> dict[str, Any]:
    """Returns the fields of a configuration as a part of a recipe.

    A field that a later version added (metadata "later") is left out if it has its default value, with which older
    children were trained; this keeps the fingerprints of their recipes unchanged.
    """
    later = {field.name: field.default for field in dataclasses.fields(config) if field.metadata.get("later")}
    return {
        name: value for name, value in dataclasses.asdict(config).items() if name not in later or value != later[name]
    }


def configs_of(recipe: dict[str, Any], place: object) -> tuple[ChildConfig, TrainConfig]:
    """Returns the configurations of child and training in a recipe, for training more children in the same way.

    Args:
        recipe: a recipe whose parts "child" and "train" come from `settings_of`.
        place: the file of the recipe, for the message.

    Raises:
        DataError: if this version of the package has other settings, or a value is not allowed.
    """
    return _config(ChildConfig, recipe, "child", place), train_config_of(recipe, place)


def train_config_of(recipe: dict[str, Any], place: object) -> TrainConfig:
    """Returns the configuration of the training alone, also of children that a user's function built."""
    return _config(TrainConfig, recipe, "train", place)


def _config(kind: type, recipe: dict[str, Any], part: str, place: object) -> Any:
    try:
        return kind(**recipe[part])
    except (KeyError, TypeError, InvalidValueError) as error:
        raise DataError(
            f"The recipe in {place} cannot be used for training: {error}. Use the version of nas_keras that wrote it, "
            "or restore the file from a copy."
        ) from error
