"""What a final training changes of the children of a search: more epochs, a recipe of its own, a larger network."""

import dataclasses
from typing import Any

from absl import logging

from nas_keras.children.augmentation import check_shift
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.children.flops import count_flops
from nas_keras.children.named_recipes import FINAL
from nas_keras.children.network import CellNetwork, Network
from nas_keras.children.train_config import MOST_EPOCHS, TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import InvalidValueError, check_at_least, check_choice
from nas_keras.spaces.cell import Cell

NETWORK = ("filters", "cells_per_stage", "stem_stride")  # what a final network may have otherwise
_LEAST_EPOCHS, _TIMES_LONGER = 10, 3  # by default


@dataclasses.dataclass(frozen=True)
class FinalSettings:
    """The final training of a run's best children, as far as it differs from those of the search.

    Attributes:
        epochs: number of epochs; None: those of the recipe, or else 10, or three times those of the search if that is
            more.
        recipe: the settings of the training, or their name in `named_recipes.FINAL`; None: those of the search.
        filters: see `ChildConfig`; None: that of the search. The same holds for the other two.
        cells_per_stage: see `ChildConfig`.
        stem_stride: see `ChildConfig`.

    Raises:
        InvalidValueError: for an unknown recipe, or a number that is not allowed.
    """

    epochs: int | None = None
    recipe: str | TrainConfig | None = None
    filters: int | None = None
    cells_per_stage: int | None = None
    stem_stride: int | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None:
            check_at_least("epochs", self.epochs, 1, at_most=MOST_EPOCHS)
        if self.recipe is not None and not isinstance(self.recipe, TrainConfig):
            check_choice("recipe", self.recipe, FINAL)
        ChildConfig(**self._network)

    @property
    def recipe_name(self) -> str:
        """The name of the recipe; "" if it has none or is that of the search."""
        return self.recipe if isinstance(self.recipe, str) else ""

    @property
    def _network(self) -> dict[str, int]:
        """The settings of the network that are given."""
        return {name: value for name in NETWORK if (value := getattr(self, name)) is not None}

    def train(self, search: TrainConfig) -> TrainConfig:
        """Returns the settings of the final training, given those of the search."""
        recipe = FINAL[self.recipe] if isinstance(self.recipe, str) else self.recipe
        epochs = self.epochs
        if epochs is None and recipe is None:
            epochs = min(max(_LEAST_EPOCHS, _TIMES_LONGER * search.epochs), MOST_EPOCHS)
        recipe = search if recipe is None else recipe
        return recipe if epochs is None else dataclasses.replace(recipe, epochs=epochs)

    def network(self, search: Network) -> Network:
        """Returns the final network, given that of the search.

        Raises:
            InvalidValueError: if a function of the user's builds it, which has no such settings; or if it is too large.
        """
        given = self._network
        if not given:
            return search
        if not isinstance(search, CellNetwork):
            name, value = next(iter(given.items()))
            raise InvalidValueError(
                f"{name}={value} of the final training is not allowed: it is for children around cells, and a function "
                f"of yours (build=) makes the whole network here. Leave it out."
            )
        return CellNetwork(dataclasses.replace(search.child, **given))

    def changes(self, network: Network, train: TrainConfig) -> dict[str, Any]:
        """Returns the settings of the final network and training, but the epochs, that the search had otherwise.

        Args:
            network: the network of the search.
            train: the training of the search.
        """
        pairs: list[tuple[Any, Any]] = [(dataclasses.replace(self.train(train), epochs=train.epochs), train)]
        final = self.network(network)
        if isinstance(final, CellNetwork) and isinstance(network, CellNetwork):
            pairs.insert(0, (final.child, network.child))
        return {
            field.name: getattr(now, field.name)
            for now, before in pairs
            for field in dataclasses.fields(now)
            if getattr(now, field.name) != getattr(before, field.name)
        }

    def slowdown(self, network: Network, images: Images) -> float:
        """Returns how many times as long an epoch takes as in the search: by the FLOPs of a cell of convolutions.

        Args:
            network: the network of the search.
            images: the data set.
        """
        final = self.network(network)
        if final == network or not isinstance(final, CellNetwork) or not isinstance(network, CellNetwork):
            return 1.0
        cell, shape = Cell.chain("conv_3x3", "conv_3x3"), images.image_shape
        now, before = (
            count_flops(build_child(cell, child, input_shape=shape, num_classes=images.num_classes))
            for child in (final.child, network.child)
        )
        return now / before

    def check(self, network: Network, train: TrainConfig, images: Images) -> None:
        """Raises InvalidValueError for a network or a shift that these images are too small for.

        Args:
            network: the network of the search.
            train: the training of the search.
            images: the data set.
        """
        check_shift(self.train(train), images.image_shape)
        final = self.network(network)
        if isinstance(final, CellNetwork):
            smallest = Cell.chain("identity")
            build_child(smallest, final.child, input_shape=images.image_shape, num_classes=images.num_classes)


def warn_if_shorter(train: TrainConfig, search: TrainConfig) -> None:
    """Warns of a final training `train` that is shorter than the trainings of the search."""
    if train.epochs < search.epochs:
        logging.warning(
            "The final training has %d epochs, fewer than the %d of the search, so the exported child may be worse "
            "than the one that was found. Leave epochs out, or use more.",
            train.epochs,
            search.epochs,
        )
