"""Saving the strategy's state during a search, and choosing the state from which a search continues.

A search may continue from any state that a replay of D from its beginning reaches: the result is the same as without
checkpoints. Other states are not saved, and are skipped if an earlier version saved them.
"""

import pathlib
import time
from collections.abc import Sequence

from absl import logging

from nas_keras.errors import printable
from nas_keras.runner.proposing import Asked
from nas_keras.storage.checkpoints import Checkpoint, read_checkpoints, write_checkpoint
from nas_keras.storage.dataset import Dataset
from nas_keras.strategies import Strategy
from nas_keras.strategies.base import State

_SECONDS = 5.0  # between two checkpoints: one costs about 20 ms, the replay of a batch about 10 ms


class Checkpointing:
    """Saves and restores the state of one search's strategy.

    Args:
        folder: folder of the checkpoints; None to save none.
        strategy: the strategy.
        dataset: D of the search.
        lag: number of batches that are open whenever another one may be asked for.
    """

    def __init__(self, folder: pathlib.Path | None, strategy: Strategy, dataset: Dataset, lag: int):
        self._folder, self._strategy, self._dataset, self._lag = folder, strategy, dataset, lag
        self._is_ended = False
        self._num_saved = 0  # batches told at the latest checkpoint
        self._last_time = time.monotonic()

    def end(self) -> None:
        """Saves no further state: from now on the strategy knows something that a replay of D does not tell it."""
        self._is_ended = True

    def save_if_due(self, asked: Sequence[Asked]) -> None:
        """Saves the state if the latest checkpoint is some seconds old."""
        if time.monotonic() - self._last_time >= _SECONDS:
            self._save(asked)

    def save_if_new(self, asked: Sequence[Asked]) -> None:
        """Saves the state if a batch has been told since the latest checkpoint."""
        if self._strategy.num_told > self._num_saved:
            self._save(asked)

    def _save(self, asked: Sequence[Asked]) -> None:
        """Saves the state and the batches asked and not told, unless those are fewer than the lag allows.

        They are fewer while a search is ending; with a larger budget it would have asked for more by then.
        """
        if self._folder is None or self._is_ended or len(asked) < self._lag:
            return
        num_told = self._strategy.num_told
        batches = [batch.to_json() for batch in asked]
        checkpoint = Checkpoint(num_told, self._dataset.digest(num_told), self._strategy.state(), batches)
        write_checkpoint(self._folder, checkpoint)
        self._num_saved, self._last_time = num_told, time.monotonic()

    def restore(self) -> list[Asked]:
        """Restores the newest state that agrees with D, if there is one.

        Returns:
            The batches that had been asked and not told in that state.
        """
        initial: State | None = None
        for checkpoint in read_checkpoints(self._folder) if self._folder else ():
            num_told = checkpoint.num_told
            if num_told > len(self._dataset.batches) or self._dataset.digest(num_told) != checkpoint.digest:
                logging.warning("The checkpoint after %d batches belongs to another D and is skipped.", num_told)
                continue
            initial = initial or self._strategy.state()
            try:
                asked = [Asked.from_json(batch) for batch in checkpoint.open]
                if not self._is_reached_by_replay(num_told, asked):
                    continue
                self._restore_state(checkpoint, len(asked))
            except Exception as error:  # whatever is wrong with a checkpoint, D can be replayed without it
                self._strategy.restore(initial)  # the strategy may have taken over a part
                what = printable(repr(error))
                logging.warning("The checkpoint after %d batches does not fit this strategy: %s.", num_told, what)
                continue
            self._num_saved = num_told
            return asked
        return []

    def _restore_state(self, checkpoint: Checkpoint, num_asked: int) -> None:
        self._strategy.restore(checkpoint.state)
        counts = self._strategy.num_told, self._strategy.num_asked
        if counts != (checkpoint.num_told, checkpoint.num_told + num_asked):
            raise ValueError(f"its strategy was told and asked {counts}")

    def _is_reached_by_replay(self, num_told: int, asked: Sequence[Asked]) -> bool:
        """Returns whether a replay of D reaches a state in which these batches are asked and not told.

        It does not if they are fewer than the lag allows, or if the budget of a later start shortened one of them.
        """
        stored = self._dataset.batches[num_told:]
        is_whole = all(len(one.proposals.actions) <= len(trials) for one, trials in zip(asked, stored, strict=False))
        return len(asked) >= self._lag and is_whole
