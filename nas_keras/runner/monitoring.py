"""TensorBoard scalars of a search, one point for each batch told."""

from collections.abc import Mapping, Sequence

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.run_folder import Workspace
from nas_keras.trial import Trial


class Monitor:
    """Writes to `<workdir>/tensorboard`; without a workspace it does nothing.

    Args:
        workspace: of the run.
    """

    def __init__(self, workspace: Workspace | None):
        self._folder = workspace.tensorboard if workspace else None
        self._writer = None
        self._best = -np.inf
        self._num_batches = 0  # that `_best` has seen

    def write(self, iteration: int, dataset: Dataset, batch: Sequence[Trial], metrics: Mapping[str, float]) -> None:
        """Writes one batch.

        Args:
            iteration: the step in TensorBoard.
            dataset: D, the batch included.
            batch: the trials just told.
            metrics: of the strategy, such as the policy's entropy.
        """
        if self._folder is None:
            return
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        rewards = np.array([trial.reward for trial in batch])
        for earlier in dataset.batches[self._num_batches :]:
            self._best = max([self._best, *(trial.reward for trial in earlier if not trial.evaluation.failed)])
        self._num_batches = len(dataset.batches)
        scalars = {
            "search/distinct_evaluations": dataset.num_evaluations,
            "search/share_of_repeats": np.mean([trial.cached for trial in batch]),
            "search/share_of_failures": np.mean(np.isnan(rewards)),
            **{f"policy/{name}": value for name, value in metrics.items()},
        }
        if not np.isnan(rewards).all():
            scalars["reward/mean"] = np.nanmean(rewards)
        if np.isfinite(self._best):  # -inf until something has succeeded
            scalars["reward/best"] = self._best
        # Arrays, since TensorFlow keeps a tensor of every Python number that it ever saw: 500 bytes a trial.
        with np.errstate(over="ignore"), self._writer.as_default(step=tf.constant(np.array(iteration, np.int64))):
            for name, value in scalars.items():
                tf.summary.scalar(name, np.array(value, np.float32))
        self._writer.flush()
