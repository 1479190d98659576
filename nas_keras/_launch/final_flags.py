"""The flags of the final training, which follows a search, and --max_minutes, a time limit of both."""

import time
from collections.abc import Callable
from typing import Any

from absl import flags

from nas_keras._launch.flag_checks import refuse_given
from nas_keras.children.named_recipes import FINAL, train_config_of
from nas_keras.children.network import Network
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.evaluators.base import Evaluator
from nas_keras.evaluators.network_check import network_of
from nas_keras.results.exportable_run import check_exportable
from nas_keras.results.exporting.final_settings import NETWORK, FinalSettings
from nas_keras.results.time_budget import TimeBudget

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script

Build = Callable[..., Any] | None


class FinalSettingsFlags:
    """--final_recipe, --final_filters, --final_cells_per_stage and --final_stem_stride."""

    def __init__(self) -> None:
        self._recipe = flags.DEFINE_string(
            "final_recipe",
            None,
            f"Settings of the final training: {', '.join(FINAL)} (docs/child.md). Default: those of the search, with "
            "more epochs.",
        )
        usual = "of the final network. Default: as in the search."
        self._network = {
            "filters": flags.DEFINE_integer("final_filters", None, f"Filters of the first stage {usual}"),
            "cells_per_stage": flags.DEFINE_integer("final_cells_per_stage", None, f"Cells in a stage {usual}"),
            "stem_stride": flags.DEFINE_integer("final_stem_stride", None, f"Stride of the first convolution {usual}"),
        }

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `nk.export_best` that the flags give."""
        network = {name: flag.value for name, flag in self._network.items() if flag.value is not None}
        return {**({"recipe": self._recipe.value} if self._recipe.value else {}), **network}

    @property
    def text(self) -> str:
        """The flags that are given, as on a command line, each after a space."""
        return "".join(f" --final_{name}={value}" for name, value in self.arguments.items())

    def settings(self, epochs: int | None) -> FinalSettings:
        """Returns the settings of the final training.

        Args:
            epochs: its number of epochs; None: see `FinalSettings`.

        Raises:
            InvalidValueError: for a value that is not allowed; the message names the flag.
        """
        try:
            return FinalSettings(epochs, **self.arguments)
        except InvalidValueError as error:
            names = ("recipe", *NETWORK)
            given = next((name for name in names if str(error).startswith(f"{name}=")), None)
            raise InvalidValueError(f"--final_{error}" if given else str(error)) from error

    def refuse(self, why: str) -> None:
        """Raises InvalidValueError if one of the flags is given, since it would be ignored; see `refuse_given`."""
        refuse_given((f"final_{name}" for name in ("recipe", *NETWORK)), why)


class FinalFlags:
    """--final_epochs and other settings of the final training; --max_minutes, one limit for it and the search."""

    def __init__(self) -> None:
        self._final_epochs = flags.DEFINE_integer(
            "final_epochs",
            10,
            "Epochs of the best child's final training; 0: no export. Without the flag, those of --final_recipe, or "
            "three times --epochs if that is more.",
        )
        self._settings = FinalSettingsFlags()
        self._max_minutes = flags.DEFINE_float(
            "max_minutes",
            None,
            "Minutes from the start of this command to its end, the final training and the export included. Default: "
            "no limit.",
        )

    @property
    def exports(self) -> bool:
        """Whether the best child is trained longer and exported."""
        return bool(self._final_epochs.value)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `nk.export_best` that the flags give, but for the epochs."""
        return self._settings.arguments

    @property
    def text(self) -> str:
        """The flags of the final training that are given, each after a space, but for the epochs."""
        return self._settings.text

    @property
    def max_minutes(self) -> float | None:
        """The time limit of the command in minutes; None for no limit."""
        return self._max_minutes.value

    def check(self) -> None:
        """Raises InvalidValueError for a setting of the final training or minutes that are not possible."""
        check_at_least("final_epochs", self._final_epochs.value, 0)
        if self.max_minutes is not None:
            check_at_least("max_minutes", self.max_minutes, 0.01, integer=False)
        if self.exports:
            TrainConfig(epochs=self._final_epochs.value)
            self._settings.settings(None)
        else:
            self._settings.refuse("is for the final training, and --final_epochs=0 leaves it out. Give epochs.")

    def epochs(self, evaluator: Evaluator, images: Images | None, build: Build = None) -> int:
        """The epochs of the final training, 0 for none; without the flag those of `nk.export_best`.

        Args:
            evaluator: gives the recipe of the children of the search.
            images: the data set of the final training.
            build: the user's function that builds the children; None for children around cells.

        Raises:
            InvalidValueError: if children of the evaluator's recipe cannot be trained on these images, or as the flags
                say.
        """
        if not self.exports:
            return 0
        check_exportable(evaluator.recipe, images)
        final, network, train = self._final(evaluator, build)
        final.network(network)
        if images is not None:
            final.check(network, train, images)
        return final.train(train).epochs

    def time_budget(
        self, began: float, evaluator: Evaluator, images: Images | None, build: Build = None
    ) -> TimeBudget | None:
        """The time limit of this command; None if it has none.

        Args:
            began: when the command was started, in seconds of `time.monotonic()`.
            evaluator: see `epochs`, also for the others.
            images: the data set.
            build: the user's function.
        """
        if self.max_minutes is None:
            return None
        seconds = 60 * self.max_minutes - (time.monotonic() - began)
        epochs, slowdown = evaluator.recipe.get("train", {}).get("epochs", 1), 1.0
        final_epochs = self.epochs(evaluator, images, build)
        if final_epochs and images is not None:
            final, network, _ = self._final(evaluator, build)
            slowdown = final.slowdown(network, images)
        return TimeBudget(seconds, search_epochs=epochs, final_epochs=final_epochs, slowdown=slowdown)

    def _final(self, evaluator: Evaluator, build: Build) -> tuple[FinalSettings, Network, TrainConfig]:
        """The final training, and network and training of the search."""
        epochs = self._final_epochs.value if flags.FLAGS["final_epochs"].present else None
        recipe, place = evaluator.recipe, "the recipe of the rewards"
        return self._settings.settings(epochs), network_of(recipe, build, place), train_config_of(recipe, place)
