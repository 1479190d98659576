"""The result of a search, and the best trials of any list of trials."""

import dataclasses
from collections.abc import Sequence

from nas_keras.errors import InvalidValueError, check_at_least, shown
from nas_keras.trial import Trial


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """The result of `nk.search`.

    Attributes:
        best: the trial with the highest reward, the first of equal ones; None if every evaluation failed.
        trials: every trial, in the order in which the strategy was told.
        num_evaluations: number of distinct keys that this run evaluated; failures count, refusals do not.
        stopped: why the search ended: "max_evaluations", "max_trials", "nothing proposed", "space exhausted", "no new
            proposals" (see `nk.search`), "callback" (`nk.StopSearch`, whoever raised it) or "max_seconds".
        workdir: absolute path of the run's folder, or None.
        pending: finished trials of batches that a callback or the clock left unfinished. The strategy is told about
            them when the search is continued; `best`, `top` and `num_evaluations` count them.
        num_resumed: number of trials that earlier starts of the run had stored; 0 for a new run.
    """

    best: Trial | None
    trials: list[Trial]
    num_evaluations: int
    stopped: str
    workdir: str | None
    pending: list[Trial] = dataclasses.field(default_factory=list)
    num_resumed: int = 0

    def top(self, count: int) -> list[Trial]:
        """Returns the `count` best trials with different keys, best first."""
        return top_trials([*self.trials, *self.pending], count)


def top_trials(trials: Sequence[Trial], count: int) -> list[Trial]:
    """Returns the `count` best trials with different keys, best first; failures are left out.

    Raises:
        InvalidValueError: if `trials` is not a list of trials, or `count` is not an integer of at least 0.
    """
    check_at_least("count", count, 0)
    if not isinstance(trials, Sequence) or not all(isinstance(trial, Trial) for trial in trials):
        raise InvalidValueError(f"trials={shown(trials)} is not allowed: it must be a list of nk.Trial.")
    first_of_key: dict[str, Trial] = {}
    for trial in trials:
        first_of_key.setdefault(trial.key, trial)
    successful = [trial for trial in first_of_key.values() if not trial.evaluation.failed]
    return sorted(successful, key=lambda trial: -trial.reward)[:count]  # stable: the earlier of equal ones comes first
