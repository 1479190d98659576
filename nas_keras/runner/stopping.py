"""Ending a search before its budget is spent: by the clock, or by a user's code that raises `nk.StopSearch`."""

import contextlib
import time
from collections.abc import Callable, Iterator

from nas_keras.errors import InvalidValueError, StopSearch
from nas_keras.storage.dataset import Dataset
from nas_keras.trial import Trial

OnBatch = Callable[[Dataset, list[Trial]], None]
OnTrial = Callable[[Dataset, Trial], None]
Reserve = Callable[[Trial], float]


class EndOfSearch(Exception):  # noqa: N818  (it is not an error)
    """Raised within the loop to end the search at once.

    Args:
        reason: see `SearchResult.stopped`.
    """

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@contextlib.contextmanager
def refusing_stop(where: str) -> Iterator[None]:
    """Raises InvalidValueError if the block raises StopSearch, which means nothing outside of a search.

    Args:
        where: what the block runs, the first words of the message.
    """
    try:
        yield
    except StopSearch as error:
        raise InvalidValueError(
            f"{where} raised nk.StopSearch, but no search is running that it could end. Raise it in on_batch or "
            "on_trial, in the evaluator's evaluate, or in the strategy's ask or tell; an error elsewhere is another "
            "exception."
        ) from error


class Stopping:
    """Calls the callbacks and watches the clock.

    Once a callback asks for the end, the search asks for no more, but continues until the callback's batch is told.

    Args:
        max_seconds: time limit in seconds, from `start`; None for no limit.
        on_batch: see `nk.search`.
        on_trial: see `nk.search`.
        reserve: gives the seconds of the time limit that what follows the search needs, from the best trial so far.
    """

    def __init__(
        self,
        max_seconds: float | None,
        on_batch: OnBatch | None,
        on_trial: OnTrial | None,
        reserve: Reserve | None = None,
    ):
        self._max_seconds = max_seconds
        self._on_batch, self._on_trial, self._reserve = on_batch, on_trial, reserve
        self._deadline: float | None = None
        self._best: Trial | None = None
        self._reserved = 0.0  # seconds
        self._last_batch: int | None = None  # the batch after which a callback wants the search to end

    def start(self, best: Trial | None = None) -> None:
        """Starts the clock of a search whose best trial until now is `best`."""
        if self._max_seconds is not None:
            self._deadline = time.monotonic() + self._max_seconds
        if best is not None:
            self._reserve_time(best)

    @property
    def is_requested(self) -> bool:
        """Whether a callback wants the search to end."""
        return self._last_batch is not None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the time is up, 0 if it is; None for no limit."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - self._reserved - time.monotonic())

    def check_time(self) -> None:
        """Raises EndOfSearch if the time is up."""
        if self.seconds_left == 0:
            raise EndOfSearch("max_seconds")

    def check_batch(self, iteration: int) -> None:
        """Raises EndOfSearch if batch `iteration`, which has been told, is the last one that a callback wants."""
        if self._last_batch is not None and iteration >= self._last_batch:
            raise EndOfSearch("callback")

    def call_on_trial(self, dataset: Dataset, trial: Trial) -> bool:
        """Calls `on_trial` with a finished trial; returns whether it wants the search to end."""
        is_last = False
        try:
            if self._on_trial is not None:
                self._on_trial(dataset, trial)
        except StopSearch:
            self._request(trial.iteration)
            is_last = True
        self._reserve_time(trial)
        return is_last

    def call_on_batch(self, dataset: Dataset, batch: list[Trial]) -> None:
        """Calls `on_batch` with a batch that has been told."""
        if self._on_batch is None:
            return
        try:
            self._on_batch(dataset, batch)
        except StopSearch:
            self._request(batch[0].iteration)

    def _reserve_time(self, trial: Trial) -> None:
        """Keeps the trial if it is the best so far, and reserves time for what follows the search."""
        if not trial.evaluation.failed and (self._best is None or trial.reward > self._best.reward):
            self._best = trial
        if self._reserve is not None and self._best is not None:
            self._reserved = self._reserve(self._best)

    def _request(self, iteration: int) -> None:
        self._last_batch = iteration if self._last_batch is None else min(self._last_batch, iteration)
