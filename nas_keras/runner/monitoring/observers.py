"""What watches a search: the live line, the alarms and TensorBoard. The loop tells them of every step, in one place."""

from collections.abc import Mapping, Sequence

from absl import logging

from nas_keras.evaluators.base import Evaluates
from nas_keras.runner.monitoring.alarms import NOISE, Alarm, AlarmWatch
from nas_keras.runner.monitoring.progress import Progress, is_interactive
from nas_keras.runner.monitoring.tensorboard import Monitor
from nas_keras.runner.settings import Settings
from nas_keras.storage.dataset import Dataset
from nas_keras.trial import Trial


class Observers:
    """The observers of one search.

    Args:
        settings: the settings of the search.
        evaluator: its evaluator, which says how much it does at once.
        progress: whether the live line is shown; None: if a person watches.
    """

    def __init__(self, settings: Settings, evaluator: Evaluates, *, progress: bool | None = None):
        self._alarms = AlarmWatch(settings.space)
        self._iteration = 0  # the latest batch
        self._monitor = Monitor(settings.workspace, settings.space)
        self._line: Progress | None = None
        if is_interactive() if progress is None else progress:
            self._line = Progress(
                settings.space,
                max_evaluations=settings.max_evaluations,
                max_seconds=settings.max_seconds,
                num_parallel=getattr(evaluator, "num_parallel", 1),
            )

    def start(self, dataset: Dataset) -> None:
        """The search begins; `dataset` holds what earlier starts of the run have told."""
        for batch in dataset.batches:  # they have raised their alarms
            self._alarms.observe(batch, {})
            self._iteration = batch[0].iteration
        self._monitor.start(dataset)
        if self._line:
            self._line.start(dataset)

    def sent(self, num_jobs: int) -> None:
        """The evaluator was given jobs."""
        if self._line:
            self._line.sent(num_jobs)

    def finished(self, trial: Trial) -> None:
        """An evaluation has finished."""
        if self._line:
            self._line.finished(trial)

    def told(self, dataset: Dataset, batch: Sequence[Trial], metrics: Mapping[str, float]) -> None:
        """A new batch was stored and told.

        Args:
            dataset: D, the batch included.
            batch: its trials.
            metrics: metrics of the strategy.

        Raises:
            WriteError: if TensorBoard's files cannot be written.
        """
        if self._line:
            self._line.told(batch)
        self._iteration = batch[0].iteration
        alarms = self._alarms.observe(batch, metrics)
        for alarm in alarms:
            logging.warning("%s", alarm)
        self._monitor.write(dataset, batch, metrics, alarms)

    def end(self, caveat: str | None = None) -> None:
        """The search has ended without an error.

        Args:
            caveat: why the best of it may be chance.

        Raises:
            WriteError: if TensorBoard's files cannot be written.
        """
        alarms = [Alarm(NOISE, self._iteration, caveat)] if caveat else []
        for alarm in alarms:
            logging.warning("%s", alarm)
        self._monitor.end(alarms)

    def close(self) -> None:
        """The search has ended, in whatever way."""
        self._monitor.close()
        if self._line:
            self._line.close()
