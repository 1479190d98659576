"""D, the trials of one run: looked up by key, appended batch by batch, in memory and, in a workdir, on disk.

`dataset/trials-NNNNNN.tfrecord` is batch NNNNNN, whole or absent. Finished children of a batch that is still open
stand in `pending/`, one file each, until the batch's shard is in place: a crash loses nothing that was computed.
"""

import hashlib
import pathlib
import re
from collections.abc import Sequence

from nas_keras.errors import DataError
from nas_keras.storage.records.schema import Origin, values_of
from nas_keras.storage.records.shards import check_order, read_pending, read_shard, write_shard
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import sync_folder, writing
from nas_keras.trial import Evaluation, Trial

_SHARD = re.compile(r"trials-(\d{6,})\.tfrecord")


class Dataset:
    """D of one run.

    Args:
        origin: fingerprints of the space and of the recipe; records of another origin are refused.
        workspace: where D lives on disk; None keeps it in memory only.
        warm: trials of another run or table, whose keys are answered as repeats.
        read_only: of a run that another process may be writing: no file is removed. The trials of complete batches
            are in `batches`, and children that finished in a batch which was incomplete when it was read in `pending`.

    Raises:
        DataError: if a file is damaged, missing in the row, out of order or of another origin; the message names it.
    """

    def __init__(
        self,
        origin: Origin,
        workspace: Workspace | None = None,
        *,
        warm: Sequence[Trial] = (),
        read_only: bool = False,
    ):
        self._origin = origin
        self._workspace = workspace
        self._evaluations: dict[str, Evaluation] = {}
        self._warm = {trial.key: trial.evaluation for trial in warm}
        self._read_only = read_only
        self.num_evaluations = 0  # distinct keys that this run evaluated: failures count, refusals do not
        self._repeats: dict[str, Evaluation] = {}
        self._pending: dict[str, Trial] = {}
        self.batches: list[list[Trial]] = []
        self._digests = [""]
        self.best: Trial | None = None  # the first of those with the highest reward; None if all failed
        if workspace:
            self._read(workspace)
        self.num_resumed = len(self.trials)  # trials that an earlier process stored

    @property
    def pending(self) -> list[Trial]:
        """Children that are finished, of batches that are not; they are told once their batch is complete."""
        return sorted(self._pending.values(), key=lambda trial: (trial.iteration, trial.trial))

    @property
    def trials(self) -> list[Trial]:
        """All trials, in the order told."""
        return [trial for batch in self.batches for trial in batch]

    def digest(self, num_batches: int) -> str:
        """A fingerprint of the first batches: of all in them but the seconds. 16 hex digits; "" for none."""
        return self._digests[num_batches]

    def lookup(self, key: str) -> Evaluation | None:
        """What is known of a key, at no cost; None if nothing is."""
        return self._evaluations.get(key) or self._warm.get(key)

    def lookup_repeat(self, key: str) -> Evaluation | None:
        """The evaluation that the earlier repeats of a key share; None if there was none."""
        return self._repeats.get(key)

    def lookup_pending(self, key: str) -> Evaluation | None:
        """The evaluation of a child that an earlier process finished in a batch it did not."""
        return self._pending[key].evaluation if key in self._pending else None

    def add_pending(self, trial: Trial) -> None:
        """Keeps a finished child safe until its batch is complete."""
        if self._workspace:
            self.write_pending(self._workspace, trial, self._origin)
            self._pending[trial.key] = trial

    @staticmethod
    def write_pending(workspace: Workspace, trial: Trial, origin: Origin) -> None:
        """Writes the file of a finished child, for a run that is started later."""
        write_shard(_pending_path(workspace, trial.key), [trial], origin)

    def append(self, batch: Sequence[Trial]) -> None:
        """Adds one complete batch, on disk first.

        Raises:
            InvalidValueError: before anything is kept, if a trial is one that no record can hold.
        """
        if not self._workspace:
            for trial in batch:
                values_of(trial, self._origin, len(batch))
        if self._workspace:
            write_shard(self._workspace.dataset / shard_name(len(self.batches)), batch, self._origin)
        self._index(batch)
        if self._workspace:
            self._drop_pending(batch)

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

    def _drop_pending(self, batch: Sequence[Trial]) -> None:
        done = [trial.key for trial in batch if self._pending.pop(trial.key, None)]
        if done:
            with writing(self._workspace.pending):
                for key in done:
                    _pending_path(self._workspace, key).unlink(missing_ok=True)
                sync_folder(self._workspace.pending)

    def _read(self, workspace: Workspace) -> None:
        pending = read_pending(workspace.pending, self._origin)  # first: what moves meanwhile stands in both
        for number, path in enumerate(list_shards(workspace.dataset)):
            if shard_number(path) != number:
                raise DataError(
                    f"Batch {number} is missing in {workspace.dataset}: {path.name} comes next. Restore the file "
                    "from a copy, or let launch/repair.py save the rest."
                )
            trials = read_shard(path, self._origin)
            check_order(path, trials, first=sum(map(len, self.batches)))
            self._index(trials)
        for path, trial in pending.items():
            if trial.key in self._evaluations:  # the process died between writing the shard and removing this file
                if not self._read_only:
                    with writing(path):
                        path.unlink()
            else:
                self._pending[trial.key] = trial


def shard_name(number: int) -> str:
    """The file name of a shard."""
    return f"trials-{number:06d}.tfrecord"


def shard_number(path: pathlib.Path) -> int:
    """The number in a shard's name."""
    return int(_SHARD.fullmatch(path.name)[1])


def list_shards(folder: pathlib.Path) -> list[pathlib.Path]:
    """The shards of a folder in the order of their numbers."""
    shards = [path for path in folder.glob("trials-*.tfrecord") if _SHARD.fullmatch(path.name)]
    return sorted(shards, key=shard_number)


def _pending_path(workspace: Workspace, key: str) -> pathlib.Path:
    return workspace.pending / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.tfrecord"


def _digest(before: str, batch: Sequence[Trial]) -> str:
    facts = [
        (t.trial, t.policy_version, t.seed, t.actions, t.log_probs, t.key, t.cached, t.reward, t.evaluation.status)
        for t in batch
    ]
    return hashlib.sha256(f"{before}{facts!r}".encode()).hexdigest()[:16]
