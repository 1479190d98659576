"""TensorBoard's view of a search: numbers of each batch, a row for each child, texts and pictures, all bounded.

Up to batch 4,096 every batch has its numbers, then every second one, from batch 8,192 on every fourth, and so on.
"""

import collections
import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras.runner.monitoring.alarms import Alarm
from nas_keras.runner.monitoring.children_table import ChildrenTable
from nas_keras.runner.monitoring.events import EventFile, as_code, image, scalar, text, write_event_file
from nas_keras.runner.monitoring.pictures import Pictures
from nas_keras.runner.monitoring.texts import describe_run
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import writing
from nas_keras.trial import Trial

_EVERY_BATCH = 4_096  # batches, all of which have their numbers
_MOST_KINDS = 10  # of failures with a number of their own
_OTHER = "other"
_START = "events.out.tfevents.0"  # the file that each start of a run replaces


class Monitor:
    """Writes to `<workdir>/tensorboard`; without a run folder it does nothing.

    Args:
        workspace: the run's folder, or None.
        space: the space that is searched.
    """

    def __init__(self, workspace: Workspace | None, space: SearchSpace):
        self._workspace, self._space = workspace, space
        self._began, self._num_before = time.monotonic(), 0
        self._kinds: collections.Counter[str] = collections.Counter()
        if workspace is not None:
            self._folder = workspace.tensorboard
            self._events = EventFile(self._folder)
            self._children = ChildrenTable(self._folder, space)
            self._pictures = Pictures(space)
        self._step, self._has_started = 0, False

    def start(self, dataset: Dataset) -> None:
        """Counts what earlier starts of the run have told and shown; nothing of it is written again."""
        self._began, self._num_before = time.monotonic(), dataset.num_evaluations
        if self._workspace is None:
            return
        for batch in dataset.batches:
            self._step = batch[0].iteration
            self._count_failures(batch)
            for trial in batch:
                self._children.count(trial)
            self._pictures.observe(batch, None)

    def write(
        self,
        dataset: Dataset,
        batch: Sequence[Trial],
        metrics: Mapping[str, float],
        alarms: Sequence[Alarm] = (),
    ) -> None:
        """Writes one batch, whose number is the step in TensorBoard.

        Args:
            dataset: D, the batch included.
            batch: the trials just told.
            metrics: metrics of the strategy, such as the policy's entropy.
            alarms: the alarms that the batch raised.

        Raises:
            WriteError: if the disk is full, writing is not allowed, or the like.
        """
        if self._workspace is None:
            return
        self._step = step = batch[0].iteration
        self._count_failures(batch)
        self._pictures.observe(batch, dataset.best)
        values = list(map(_alarm, alarms))
        if _has_numbers(step):
            numbers = self._numbers(dataset, batch, metrics)
            with np.errstate(over="ignore"):
                values += [scalar(tag, float(np.float32(value))) for tag, value in numbers.items()]
        values += [image(*picture) for picture in self._pictures.due()]
        with writing(self._folder):
            if not self._has_started:
                self._write_start()
                self._has_started = True
            for trial in batch:
                self._children.add(trial)
            if values:
                self._events.write(step, values)

    def end(self, alarms: Sequence[Alarm] = ()) -> None:
        """Writes the alarms and the last pictures of a search that has not failed.

        Args:
            alarms: the alarms that only its end shows.

        Raises:
            WriteError: if the disk is full, writing is not allowed, or the like.
        """
        if not self._has_started:  # nothing is new
            return
        values = [*map(_alarm, alarms), *(image(*picture) for picture in self._pictures.due(last=True))]
        if values:
            with writing(self._folder):
                self._events.write(self._step, values)

    def close(self) -> None:
        """Closes the file."""
        if self._workspace is not None:
            self._events.close()

    def _write_start(self) -> None:
        """Writes what a start of the run shows: its texts, and the columns of the table of children."""
        assert self._workspace is not None
        self._folder.mkdir(exist_ok=True)
        config = self._workspace.read_config() or {}
        texts = [text(tag, content) for tag, content in describe_run(self._workspace.root, config).items()]
        write_event_file(self._folder / _START, [texts, self._children.columns()], durable=True)

    def _count_failures(self, batch: Sequence[Trial]) -> None:
        for trial in batch:
            if trial.evaluation.failed and not trial.cached:
                kind = failure_kind(trial.evaluation.status)
                known = kind in self._kinds or len(self._kinds) < _MOST_KINDS
                self._kinds[kind if known else _OTHER] += 1

    def _numbers(self, dataset: Dataset, batch: Sequence[Trial], metrics: Mapping[str, float]) -> dict[str, float]:
        rewards = np.array([trial.reward for trial in batch])
        elapsed = max(1e-9, time.monotonic() - self._began)
        numbers: dict[str, Any] = {
            "search/evaluations": dataset.num_evaluations,
            "search/cache_hit_rate": np.mean([trial.cached for trial in batch]),
            "search/failure_rate": np.mean(np.isnan(rewards)),
            "search/children_per_hour": 3600 * (dataset.num_evaluations - self._num_before) / elapsed,
        }
        if not np.isnan(rewards).all():
            numbers["reward/mean"] = np.nanmean(rewards)
        if dataset.best is not None:
            numbers["reward/best"] = dataset.best.reward
        numbers |= {f"failures/{kind}": count for kind, count in self._kinds.items()}
        numbers |= {f"policy/{name}": value for name, value in metrics.items()}
        if all(trial.log_probs for trial in batch):
            entropies = -np.mean([trial.log_probs for trial in batch], axis=0)  # [T], estimated from the samples
            names = (decision.name for decision in self._space.decisions)
            numbers |= {f"entropy/{name}": value for name, value in zip(names, entropies.tolist(), strict=True)}
        return numbers


def _alarm(alarm: Alarm) -> Any:
    return text(f"alarms/{alarm.name}", as_code(alarm.text))


def failure_kind(status: str) -> str:
    """Returns what kind of failure a status tells of: its text up to the first detail, without numbers.

    "failed: refused: num_params 9,000 is over ..." and "failed: refused: num_params 7,000 is over ..." are of one kind.
    """
    text = re.split(r"[(;]", status.removeprefix("failed: "), maxsplit=1)[0]
    return re.sub(r"\d[\d,.]*", "N", text).strip()[:60] or _OTHER


def _has_numbers(step: int) -> bool:
    stride = 2 ** max(0, math.floor(math.log2(max(1, step) / _EVERY_BATCH)) + 1)
    return step % stride == 0
