"""A recipe: everything a reward depends on besides the key and the seed, as JSON, as a fingerprint, or by name.

A named recipe is the one of a shipped table and never changes: a better one gets a new name and a new table.
"""

import dataclasses
import hashlib
import json
from typing import Any

from nas_keras.child import ChildConfig
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


NAMED = {"mnist_v1": NamedRecipe("mnist", ChildConfig(), TrainConfig(epochs=3, shift=1))}


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
    """16 hex digits of a recipe (a JSON object); the order of its names does not matter."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What differs between two recipes, one level down: "train: {...} before, {...} now"."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return "; ".join(f"{name}: {old.get(name)} before, {new.get(name)} now" for name in names)
