"""The time limit of a command: what of it is left for the search once the final training is provided for."""

import time

from nas_keras.system.words import counted
from nas_keras.trial import Trial

# Least seconds for all of a final training but its epochs: a worker starts, the child is tested, saved and checked.
_AROUND_SECONDS = 15.0
_AROUND_STARTS = 2  # the same on a slow machine, in times that the search's first worker took to start
# Seconds between the end of a search and its final training: the workers end and the results are printed.
_BETWEEN_SECONDS = 5.0


class TimeBudget:
    """Divides a time limit between a search and the final training of its best child.

    The estimate for E epochs of a final training, with the start of its worker, the test and the export, is

        seconds = max(15, 2 * w) + E * c * s / e

    where the child's evaluation in the search took s seconds for e epochs, a larger final network has c times the cost,
    and the search's first worker took w seconds to start. It errs on the long side, since s includes building the child
    and measuring it, and other workers were busy at the same time.

    Args:
        seconds: the time limit, from now on.
        search_epochs: number of epochs that a child is trained in the search; a final training has no fewer.
        final_epochs: number of epochs that the final training should have; 0 for no final training.
        slowdown: the cost c of an epoch of the final training, in epochs of the search.
    """

    def __init__(self, seconds: float, *, search_epochs: int, final_epochs: int, slowdown: float = 1.0):
        self._end = time.monotonic() + seconds
        self._least_epochs, self._final_epochs = min(search_epochs, final_epochs), final_epochs
        self._slowdown = slowdown
        self._slowest: float | None = None  # seconds per epoch
        self._began: float | None = None  # when the search began
        self._around = _AROUND_SECONDS

    @property
    def seconds_left(self) -> float:
        """Seconds until the limit is reached; 0 once it is."""
        return max(0.0, self._end - time.monotonic())

    def begin_search(self) -> float:
        """Notes that the search begins; returns the seconds left."""
        self._began = time.monotonic()
        return self.seconds_left

    def observe(self, trial: Trial) -> None:
        """Notes how long a child of this search took, for a best child whose reward was known before."""
        if trial.evaluation.refused:  # it was not trained
            return
        seconds = _seconds_per_epoch(trial)
        if seconds is not None:
            self._slowest = max(seconds, self._slowest or 0.0)
        if self._began is not None:
            start = time.monotonic() - self._began - trial.evaluation.seconds
            if start > 0:  # else an earlier start of the run trained the child
                self._around, self._began = max(_AROUND_SECONDS, _AROUND_STARTS * start), None

    def estimate(self, best: Trial, epochs: int) -> float | None:
        """Returns the seconds of a final training of `best`; None as long as no child was trained here.

        A child whose own time is not known, as its reward is from a table or a warm start, is taken for as slow as the
        slowest child of this search.
        """
        seconds = _seconds_per_epoch(best) or self._slowest
        return None if seconds is None else self._around + epochs * self._slowdown * seconds

    def reserve(self, best: Trial) -> float:
        """Returns the seconds before the limit at which a search has to end, if `best` stays its best trial."""
        estimate = self.estimate(best, self._final_epochs) if self._final_epochs else None
        return 0.0 if estimate is None else estimate + _BETWEEN_SECONDS

    def epochs_that_fit(self, best: Trial) -> int:
        """Returns the number of epochs for which `best` can be trained in the time left.

        It is that of the final training if it fits or its time is not known, and 0 if not even as many epochs fit as
        the child had in the search.
        """
        left = self.seconds_left
        for epochs in range(self._final_epochs, self._least_epochs - 1, -1):
            estimate = self.estimate(best, epochs)
            if estimate is None or estimate <= left:
                return epochs
        return 0

    def describe(self) -> str:
        """Returns a sentence on how the time will be divided."""
        if not self._final_epochs:
            return f"The search ends after {show_seconds(self.seconds_left)} at the latest."
        each = "one" if self._slowdown == 1 else f"{self._slowdown:.1f}"
        return (
            f"{show_seconds(self.seconds_left)} for the search and the final training: the search ends early enough "
            f"for {counted(self._final_epochs, 'epoch')}, each as long as {each} of the best child in the search, and "
            f"{_AROUND_SECONDS:.0f} s or more around them."
        )

    def describe_final(self, best: Trial) -> str:
        """Returns a sentence on the estimated time of the final training of `best`, and what of it fits."""
        estimate = self.estimate(best, self._final_epochs)
        left = f"{show_seconds(self.seconds_left)} of the time limit are left"
        if estimate is None:
            return f"{left}. The time of the final training is not known, since no child was trained here."
        final = f"final training of {counted(self._final_epochs, 'epoch')}"
        text = f"The {final} takes about {show_seconds(estimate)}; {left}."
        fitting = self.epochs_that_fit(best)
        if fitting == self._final_epochs:
            return text
        if fitting:
            return f"{text} So it has {counted(fitting, 'epoch')} instead."
        return f"{text} So there is none: not even {counted(self._least_epochs, 'epoch')}, as in the search, would fit."


def show_seconds(seconds: float) -> str:
    """Returns a time as text: "45 s" or "3 min 20 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _seconds_per_epoch(trial: Trial) -> float | None:
    found = trial.evaluation
    return found.seconds / found.epochs if found.seconds > 0 and found.epochs > 0 else None
