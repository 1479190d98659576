"""The flags of what follows a search: --final_epochs for training its best child, --max_minutes for all of it."""

import time

from absl import flags

from nas_keras.children.named_recipes import train_config_of
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import check_at_least
from nas_keras.evaluators.base import Evaluator
from nas_keras.results.exportable_run import check_exportable
from nas_keras.results.exporting.final_training import final_settings
from nas_keras.results.time_budget import TimeBudget

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script


class FinalFlags:
    """--final_epochs and --max_minutes; the time limit is one for the search and the final training together."""

    def __init__(self) -> None:
        self._final_epochs = flags.DEFINE_integer(
            "final_epochs",
            10,
            "Epochs of the best child's final training; 0: no export. Without the flag, three times --epochs if that "
            "is more.",
        )
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
    def max_minutes(self) -> float | None:
        """The time limit of the command in minutes; None for no limit."""
        return self._max_minutes.value

    def check(self) -> None:
        """Raises InvalidValueError for a number of epochs or minutes that is not possible."""
        check_at_least("final_epochs", self._final_epochs.value, 0)
        if self.max_minutes is not None:
            check_at_least("max_minutes", self.max_minutes, 0.01, integer=False)
        if self.exports:
            TrainConfig(epochs=self._final_epochs.value)

    def epochs(self, evaluator: Evaluator, images: Images | None) -> int:
        """The epochs of the final training, 0 for none; without the flag those of `nk.export_best`.

        Raises:
            InvalidValueError: if children of the evaluator's recipe cannot be trained on these images.
        """
        if not self.exports:
            return 0
        check_exportable(evaluator.recipe, images)
        if flags.FLAGS["final_epochs"].present:
            return self._final_epochs.value
        return final_settings(train_config_of(evaluator.recipe, "the recipe of the rewards"), None).epochs

    def time_budget(self, began: float, evaluator: Evaluator, final_epochs: int) -> TimeBudget | None:
        """The time limit of this command; None if it has none.

        Args:
            began: when the command was started, in seconds of `time.monotonic()`.
            evaluator: gives the epochs of a child of the search.
            final_epochs: the epochs of the final training, 0 for none.
        """
        if self.max_minutes is None:
            return None
        seconds = 60 * self.max_minutes - (time.monotonic() - began)
        epochs = evaluator.recipe.get("train", {}).get("epochs", 1)
        return TimeBudget(seconds, search_epochs=epochs, final_epochs=final_epochs)
