"""TensorBoard scalars of a search: one point for each batch told."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import writing
from nas_keras.trial import Trial


class Monitor:
    """Writes scalars to `<workdir>/tensorboard`; without a run folder it does nothing.

    Args:
        workspace: the run's folder, or None.
    """

    def __init__(self, workspace: Workspace | None):
        self._folder = workspace.tensorboard if workspace else None
        self._writer: Any = None
        self._best = -np.inf
        self._num_batches = 0  # batches that `_best` covers

    def write(self, iteration: int, dataset: Dataset, batch: Sequence[Trial], metrics: Mapping[str, float]) -> None:
        """Writes one batch.

        Args:
            iteration: the batch's number, the step in TensorBoard.
            dataset: D, the batch included.
            batch: the trials just told.
            metrics: metrics of the strategy, such as the policy's entropy.

        Raises:
            WriteError: if the disk is full, writing is not allowed, or the like.
        """
        if self._folder is not None:
            policy = {f"policy/{name}": value for name, value in metrics.items()}
            with writing(self._folder):
                self._write(iteration, {**self._scalars(dataset, batch), **policy})

    def _scalars(self, dataset: Dataset, batch: Sequence[Trial]) -> dict[str, float]:
        for earlier in dataset.batches[self._num_batches :]:
            self._best = max([self._best, *(trial.reward for trial in earlier if not trial.evaluation.failed)])
        self._num_batches = len(dataset.batches)
        rewards = np.array([trial.reward for trial in batch])
        scalars = {
            "search/evaluations": dataset.num_evaluations,
            "search/cache_hit_rate": np.mean([trial.cached for trial in batch]),
            "search/failure_rate": np.mean(np.isnan(rewards)),
        }
        if not np.isnan(rewards).all():
            scalars["reward/mean"] = np.nanmean(rewards)
        if np.isfinite(self._best):  # -inf until an evaluation has succeeded
            scalars["reward/best"] = self._best
        return scalars

    def _write(self, iteration: int, scalars: Mapping[str, float]) -> None:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        # Arrays, since TensorFlow keeps a tensor of every Python number that it has ever seen: 500 bytes a trial.
        with np.errstate(over="ignore"), self._writer.as_default(step=tf.constant(np.array(iteration, np.int64))):
            for name, value in scalars.items():
                tf.summary.scalar(name, np.array(value, np.float32))
        self._writer.flush()
