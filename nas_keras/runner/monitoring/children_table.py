"""TensorBoard's table of children, the tab HParams: a row for each, with its decisions and what came of them.

TensorBoard reads each row from a folder of its own. So that a long search does not drown it, the first `MOST_ROWS`
children have a row, and after them those that are better than all before.
"""

import math
import pathlib
from typing import Any

from nas_keras.runner.monitoring.events import scalar, values_of, write_event_file
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Trial

MOST_ROWS = 1_000
_METRICS = {
    "child/reward": "reward",
    "child/accuracy": "accuracy",
    "child/parameters": "parameters",
    "child/seconds": "seconds",
}


class ChildrenTable:
    """The rows of one run.

    Args:
        folder: TensorBoard's folder.
        space: the space that is searched.
    """

    def __init__(self, folder: pathlib.Path, space: SearchSpace):
        self._folder = folder / "children"
        self._names = [decision.name for decision in space.decisions]
        self._choices = [_values(decision.choices) for decision in space.decisions]
        self._num_rows = 0
        self._best = -math.inf

    def columns(self) -> list[Any]:
        """Returns the values of the event that describes the columns."""
        from tensorboard.plugins.hparams import api

        hparams = [
            api.HParam(name, api.Discrete(values)) for name, values in zip(self._names, self._choices, strict=True)
        ]
        metrics = [api.Metric(tag, display_name=name) for tag, name in _METRICS.items()]
        return values_of(api.hparams_config_pb(hparams, metrics))

    def count(self, trial: Trial) -> bool:
        """Counts a trial that D holds; returns whether it has a row."""
        evaluation = trial.evaluation
        if trial.cached or evaluation.refused:
            return False
        is_best = not evaluation.failed and trial.reward > self._best
        if is_best:
            self._best = trial.reward
        self._num_rows += 1
        return self._num_rows <= MOST_ROWS or is_best

    def add(self, trial: Trial) -> None:
        """Writes the row of a trial, if it has one.

        Raises:
            OSError: if the disk is full, writing is not allowed, or the like.
        """
        if not self.count(trial):
            return
        from tensorboard.plugins.hparams import api, api_pb2, summary

        evaluation = trial.evaluation
        chosen = (values[action] for values, action in zip(self._choices, trial.actions, strict=True))
        name = f"{trial.trial:06d}"
        begin = api.hparams_pb(dict(zip(self._names, chosen, strict=True)), trial_id=name)
        status = api_pb2.STATUS_FAILURE if evaluation.failed else api_pb2.STATUS_SUCCESS
        known = {
            "child/reward": evaluation.reward,
            "child/accuracy": evaluation.valid_accuracy,
            "child/parameters": evaluation.num_params or math.nan,
            "child/seconds": evaluation.seconds,
        }
        values = [scalar(tag, value) for tag, value in known.items() if not math.isnan(value)]
        row = self._folder / name
        row.mkdir(parents=True, exist_ok=True)
        # Not flushed to disk: a row that is lost with the machine costs less than the time.
        events = [values_of(begin), values, values_of(summary.session_end_pb(status))]
        write_event_file(row / "events.out.tfevents.0", events, durable=False)


def _values(choices: tuple[Any, ...]) -> list[Any]:
    """The choices as values of a column, which TensorBoard wants to be of one type."""
    for kind in (bool, int, float):
        if all(type(choice) is kind for choice in choices):
            return list(choices)
    return [choice if isinstance(choice, str) else repr(choice) for choice in choices]
