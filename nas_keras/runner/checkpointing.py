"""When the strategy's state is kept, and from which of the states a search goes on.

A search may go on from any state that going through D from its beginning comes to: the result is the same as without
checkpoints. Other states are not kept, and not gone on from if an earlier version kept them.
"""

import pathlib
import time
from collections.abc import Sequence

from absl import logging

from nas_keras.errors import printable
from nas_keras.runner.open_batch import Asked, describe, proposals_of
from nas_keras.storage.checkpoints import Checkpoint, read_checkpoints, write_checkpoint
from nas_keras.storage.dataset import Dataset
from nas_keras.strategies import Strategy
from nas_keras.strategies.base import State


class Checkpointing:
    """Keeps and restores the state of one search's strategy.

    Args:
        folder: of the checkpoints; None keeps none.
        strategy: whose state it is.
        dataset: D of the search.
        lag: batches that are open whenever another one may be asked for.

    Attributes:
        folder: see above.
        last_time: when the latest checkpoint was made, by the monotonic clock.
    """

    def __init__(self, folder: pathlib.Path | None, strategy: Strategy, dataset: Dataset, lag: int):
        self.folder = folder
        self._strategy, self._dataset, self._lag = strategy, dataset, lag
        self._saved = 0  # batches told at the latest checkpoint
        self.last_time = time.monotonic()

    def stop(self) -> None:
        """Keeps no further state: from here on the strategy knows what going through D does not tell it."""
        self.folder = None

    def save_news(self, asked: Sequence[Asked]) -> None:
        """Keeps the state if a batch was told since the latest checkpoint."""
        if self._strategy.num_told > self._saved:
            self.save(asked)

    def save(self, asked: Sequence[Asked]) -> None:
        """Keeps the state and the batches that were asked and not told, unless those are fewer than the lag allows.

        They are fewer while a search is ending; one with a larger budget would have asked for more by then.
        """
        if self.folder is None or len(asked) < self._lag:
            return
        num_told = self._strategy.num_told
        batches = [describe(policy, proposals) for policy, proposals in asked]
        checkpoint = Checkpoint(num_told, self._dataset.digest(num_told), self._strategy.state(), batches)
        write_checkpoint(self.folder, checkpoint)
        self._saved, self.last_time = num_told, time.monotonic()

    def restore(self) -> list[Asked]:
        """Restores the newest state that D agrees with, if there is any; returns the batches that were asked then."""
        untouched: State | None = None
        for checkpoint in read_checkpoints(self.folder) if self.folder else ():
            num_told = checkpoint.num_told
            if num_told > len(self._dataset.batches) or self._dataset.digest(num_told) != checkpoint.digest:
                logging.warning("The checkpoint after %d batches is not of this D, and is not used.", num_told)
                continue
            untouched = untouched or self._strategy.state()
            try:
                asked = [(batch["policy"], proposals_of(batch)) for batch in checkpoint.open]
                if not self._is_on_the_way(num_told, asked):
                    continue
                self._strategy.restore(checkpoint.state)
                counts = self._strategy.num_told, self._strategy.num_asked
                if counts != (num_told, num_told + len(asked)):
                    raise ValueError(f"its strategy was told and asked {counts}")
            except Exception as error:  # whatever is wrong with it: D itself is what counts
                self._strategy.restore(untouched)  # it may have taken over a part
                what = printable(repr(error))
                logging.warning("The checkpoint after %d batches is not of this strategy: %s.", num_told, what)
                continue
            self._saved = num_told
            return asked
        return []

    def _is_on_the_way(self, num_told: int, asked: Sequence[Asked]) -> bool:
        """Whether going through D comes to a state in which these batches are asked and not told.

        It does not if they are fewer than the lag allows, or if the budget of a later start cut one of them.
        """
        stored = self._dataset.batches[num_told:]
        is_whole = all(len(one.actions) <= len(trials) for (_, one), trials in zip(asked, stored, strict=False))
        return len(asked) >= self._lag and is_whole
