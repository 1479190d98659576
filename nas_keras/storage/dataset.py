"""D, the trials of one run: looked up by key, appended batch by batch, in memory and, in a workdir, on disk.

`dataset/trials-NNNNNN.tfrecord` holds batch NNNNNN and is written atomically. Finished children of a batch that is
still open wait in `pending/`, one file each, until the batch's shard is written: a crash loses no finished evaluation.
"""

import hashlib
import operator
from collections.abc import Sequence

from nas_keras.errors import DataError
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shard_folder import ShardFolder, shard_number
from nas_keras.storage.records.shards import check_order
from nas_keras.storage.records.trial_values import values_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.system import locks
from nas_keras.system.atomic_files import writing
from nas_keras.trial import Evaluation, Trial


class Dataset:
    """D of one run.

    Args:
        origin: fingerprints of the space and of the recipe; records of another origin are refused.
        workspace: paths of the run; None keeps D in memory only.
        warm: trials of another run or table, whose keys are cache hits.
        read_only: whether another process may be writing the run, so that no file may be removed.

    Attributes:
        batches: trials of the complete batches, in the order told.
        pending: finished children of batches that are incomplete.
        num_evaluations: distinct keys that this run evaluated; failures count, refusals do not.
        num_resumed: trials that an earlier process stored.
        best: first of the trials with the highest reward; None if all failed.

    Raises:
        DataError: if a file is corrupt, missing from the sequence, out of order or of another origin.
    """

    def __init__(
        self,
        origin: Origin,
        workspace: Workspace | None = None,
        *,
        warm: Sequence[Trial] = (),
        read_only: bool = False,
    ):
        self._origin, self._workspace = origin, workspace
        self._folder = shard_folder(workspace, origin) if workspace else None
        self._evaluations: dict[str, Evaluation] = {}
        self._warm = {trial.key: trial.evaluation for trial in warm}
        self.num_evaluations = 0
        self._repeats: dict[str, Evaluation] = {}
        self.batches: list[list[Trial]] = []
        self._digests = [""]
        self.best: Trial | None = None
        if self._folder:
            self._read(self._folder, tidy=not read_only)
        self.num_resumed = len(self.trials)

    @property
    def pending(self) -> list[Trial]:
        """Finished children of incomplete batches; they are told once their batch is complete."""
        waiting = self._folder.pending.values() if self._folder else ()
        return sorted(waiting, key=lambda trial: (trial.iteration, trial.trial))

    @property
    def trials(self) -> list[Trial]:
        """The trials, in the order told."""
        return [trial for batch in self.batches for trial in batch]

    @property
    def finished(self) -> list[Trial]:
        """All trials that are finished: those told, in their order, then those of incomplete batches."""
        return [*self.trials, *self.pending]

    def digest(self, num_batches: int) -> str:
        """Returns a fingerprint, 16 hex digits, of the first batches without their seconds; "" for no batches."""
        return self._digests[num_batches]

    def lookup(self, key: str) -> Evaluation | None:
        """Returns the evaluation of a key that D or the warm start holds, or None."""
        return self._evaluations.get(key) or self._warm.get(key)

    def lookup_repeat(self, key: str) -> Evaluation | None:
        """Returns the evaluation that earlier cache hits of a key were told, or None."""
        return self._repeats.get(key)

    def lookup_pending(self, key: str) -> Evaluation | None:
        """Returns the evaluation of a child that an earlier process finished in an incomplete batch, or None."""
        trial = self._folder.pending.get(key) if self._folder else None
        return trial.evaluation if trial else None

    def begin(self) -> None:
        """Prepares the folders for writing; they and the configuration must stay in their places from now on.

        Raises:
            DataError: if something else is in the place of a folder.
        """
        if self._folder and self._workspace:
            self._folder.begin()
            with writing(self._workspace.config):
                locks.watch(self._workspace.config)

    def add_pending(self, trial: Trial) -> None:
        """Stores a finished child on disk until its batch is complete; does nothing in memory."""
        if self._folder:
            self._folder.add_pending(trial)

    def append(self, batch: Sequence[Trial]) -> None:
        """Adds one complete batch, on disk first.

        Raises:
            InvalidValueError: before anything is stored, if no record can hold a trial.
            WriteError: if the disk is full, writing is not allowed, or the like.
        """
        if self._folder:
            self._folder.add_shard(len(self.batches), batch)
        else:
            for trial in batch:
                values_of(trial, self._origin, len(batch))
        self._index(batch)

    def _index(self, batch: Sequence[Trial]) -> None:
        self.batches.append(list(batch))
        self._digests.append(_digest(self._digests[-1], batch))
        for trial in batch:
            self._evaluations.setdefault(trial.key, trial.evaluation)
            self.num_evaluations += not trial.cached and not trial.evaluation.refused
            if trial.cached:
                self._repeats.setdefault(trial.key, trial.evaluation)
            if not trial.evaluation.failed and (self.best is None or trial.reward > self.best.reward):
                self.best = trial

    def _read(self, folder: ShardFolder, *, tidy: bool) -> None:
        for number, (path, trials) in enumerate(folder.read(tidy=tidy)):
            if shard_number(path) != number:
                raise DataError(
                    f"Batch {number} is missing from {path.parent}: {path.name} comes next. Restore the file from a "
                    "copy, or run launch/repair.py to save the rest."
                )
            check_order(path, trials, first=sum(map(len, self.batches)))
            self._index(trials)


def shard_folder(workspace: Workspace, origin: Origin) -> ShardFolder:
    """Returns the records of a run on disk: one shard for each batch, one record for each key that is pending."""
    return ShardFolder(workspace.dataset, workspace.pending, origin, operator.attrgetter("key"))


def _digest(before: str, batch: Sequence[Trial]) -> str:
    facts = [
        (t.trial, t.policy_version, t.seed, t.actions, t.log_probs, t.key, t.cached, t.reward, t.evaluation.status)
        for t in batch
    ]
    return hashlib.sha256(f"{before}{facts!r}".encode()).hexdigest()[:16]
