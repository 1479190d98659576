"""The loop: ask, look up, evaluate, store, tell. It knows nothing of what a strategy or an evaluator does inside.

The same seed gives the same D, for any number of workers and any interruption. Batch b is asked once the batches up to
b - 1 - lag are told; results enter D and are told in the order asked, whatever order they finish in. A run that is
started again goes through the same steps, and the batches that stand in D need no evaluation.
"""

import collections
import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable

from absl import logging

from nas_keras.checkpoints import Checkpoint, read_checkpoints, write_checkpoint
from nas_keras.dataset import Dataset
from nas_keras.errors import printable
from nas_keras.evaluators.arrivals import Arrivals
from nas_keras.evaluators.base import Evaluates
from nas_keras.interrupts import held
from nas_keras.monitoring import Monitor
from nas_keras.open_batch import OpenBatch, describe, proposals_of, rows_of, stored_batch
from nas_keras.search_space import SearchSpace
from nas_keras.strategies import Strategy
from nas_keras.strategies.base import State
from nas_keras.trial import Evaluation, Job, Proposals, Trial, training_seed
from nas_keras.workspace import writing

_CHECKPOINT_SECONDS = 5.0  # between two: one costs about 20 ms, going through a batch of D again about 10
_PENDING_SECONDS = 0.1  # an evaluation that took less is cheaper to do again than to keep in a file of its own

OnBatch = Callable[[Dataset, list[Trial]], None]


class Loop:
    """The loop and what it carries from batch to batch."""

    def __init__(
        self,
        space: SearchSpace,
        evaluator: Evaluates,
        strategy: Strategy,
        dataset: Dataset,
        *,
        seed: int,
        lag: int,
        monitor: Monitor,
        on_batch: OnBatch | None,
        checkpoints: pathlib.Path | None = None,
    ):
        self._space, self._strategy, self._dataset = space, strategy, dataset
        self._seed, self._lag = seed, lag
        self._monitor, self._on_batch = monitor, on_batch
        self._arrivals = Arrivals(evaluator, concurrent=lag > 0)
        self._stored = collections.deque(dataset.batches)  # of an earlier process, to be told again
        self._open: collections.deque[OpenBatch] = collections.deque()
        self._finished: dict[str, Evaluation] = {}  # of the open batches
        self._known: set[str] = set()  # keys told or in flight
        self._num_sent = 0  # of those, evaluated by this run
        self._num_trials = 0  # told or in flight
        self._num_opened = 0  # batches
        self._asked: collections.deque[Proposals] = collections.deque()  # of batches that were open at the checkpoint
        self._policies: collections.deque[int] = collections.deque()  # that drew them
        self._checkpoints = checkpoints
        self._curves = checkpoints and checkpoints.with_name("tensorboard")
        self._saved = len(dataset.batches)  # batches that need no new checkpoint
        self._last_checkpoint = time.monotonic()
        if checkpoints is not None:
            self._restore(checkpoints)

    def go(self, *, batch_size: int, max_evaluations: int, max_trials: int, num_keys: int | None) -> str:
        """Runs until a budget is spent or nothing is left to propose; says which."""
        try:
            return self._go(batch_size, max_evaluations, max_trials, num_keys)
        except KeyboardInterrupt:  # which comes between two steps: the strategy's state is whole
            with held():
                self._save_news()
            raise

    def _go(self, batch_size: int, max_evaluations: int, max_trials: int, num_keys: int | None) -> str:
        stopped = None
        while True:
            # Ask as long as the policy may be that old.
            while stopped is None and len(self._open) <= self._lag:
                if not self._stored:
                    stopped = self._spent(max_evaluations, max_trials, num_keys)
                    if stopped:
                        break
                with held():
                    if not self._open_batch(batch_size, max_evaluations, max_trials):
                        stopped = "nothing proposed"
            if not self._open:
                self._save_news()
                return stopped
            # Evaluate: hours live in this line.
            while self._open[0].waits_for:
                self._take(*self._arrivals.next())
            # Store before learning, so that a crash loses nothing; then learn.
            with held():
                self._close_batch(self._open.popleft())

    def _spent(self, max_evaluations: int, max_trials: int, num_keys: int | None) -> str | None:
        if self._num_sent >= max_evaluations:
            return "max_evaluations"
        if self._num_trials >= max_trials:
            return "max_trials"
        return "space exhausted" if num_keys is not None and len(self._known) >= num_keys else None

    def _open_batch(self, batch_size: int, max_evaluations: int, max_trials: int) -> bool:
        """Asks for a batch and sends its new keys to the evaluator; False if nothing was proposed."""
        iteration, policy = self._num_opened, self._strategy.num_told
        if self._stored:
            return self._open_stored(iteration, policy, batch_size)
        if self._asked:
            policy, proposals = self._policies.popleft(), self._asked.popleft()
        else:
            proposals = self._strategy.ask(min(batch_size, max_trials - self._num_trials))
        batch = OpenBatch(iteration, policy, [], [], [], set(), set(), proposals)
        jobs = []
        for actions, log_probs in rows_of(proposals):
            key = sys.intern(self._space.key(actions))  # one string for all trials of a key
            if key not in self._known and self._dataset.lookup(key):
                self._known.add(key)  # another run or a table knows it: a repeat
            if key not in self._known:
                if self._num_sent >= max_evaluations:
                    # The budget ends within this batch: dropped, neither stored nor told. The strategy's state knows
                    # of it, so none is kept any more: with a larger budget another start asks from D alone.
                    self._checkpoints = None
                    continue
                self._known.add(key)
                self._num_sent += 1
                batch.sent.add(key)
                earlier = self._dataset.lookup_pending(key)
                if earlier:
                    self._finished[key] = earlier
                else:
                    jobs.append(Job(key, actions, self._space.decode(actions), training_seed(self._seed, key)))
            batch.add(key, actions, log_probs)
        if not batch.keys:
            self._checkpoints = None
            return False
        self._num_trials += len(batch.keys)
        self._num_opened += 1
        batch.waits_for = {job.key for job in jobs}
        self._open.append(batch)
        if jobs:
            self._arrivals.start(jobs)
        return True

    def _open_stored(self, iteration: int, policy: int, batch_size: int) -> bool:
        """Goes through the motions for a batch that stands in D: what was asked then is what counts."""
        trials = self._stored.popleft()
        self._num_opened += 1
        if self._asked:  # before the checkpoint
            self._policies.popleft()
            proposals = self._asked.popleft()
        else:
            proposals = self._strategy.ask(len(trials))
        is_whole = len(trials) >= batch_size  # a budget may have dropped trials in the middle of a batch
        if is_whole and [trial.actions for trial in trials] != [actions for actions, _ in rows_of(proposals)]:
            logging.log_first_n(
                logging.WARNING,
                "Batch %d in D is not what this machine proposes: the run was made by another version or processor. "
                "D counts.",
                1,
                iteration,
            )
        self._count(trials)
        self._open.append(stored_batch(policy, trials, proposals))
        return True

    def _take(self, job: Job, evaluation: Evaluation) -> None:
        self._finished[job.key] = evaluation
        batch = next(batch for batch in self._open if job.key in batch.waits_for)
        batch.waits_for.discard(job.key)
        if evaluation.failed:
            logging.warning("%s: %s", job.key, evaluation.status)
        if evaluation.seconds >= _PENDING_SECONDS:
            index = batch.keys.index(job.key)
            self._dataset.add_pending(self._trial(batch, index, trial=index, cached=False))

    def _close_batch(self, batch: OpenBatch) -> None:
        is_new = batch.iteration >= len(self._dataset.batches)
        if is_new:
            first = sum(map(len, self._dataset.batches[-1:])) and self._dataset.batches[-1][-1].trial + 1
            unsent = set(batch.sent)
            trials = []
            for index, key in enumerate(batch.keys):
                trials.append(self._trial(batch, index, trial=first + index, cached=key not in unsent))
                unsent.discard(key)
            self._dataset.append(trials)
        else:
            trials = self._dataset.batches[batch.iteration]
        for key in batch.sent:
            self._finished.pop(key, None)
        self._strategy.tell(trials)
        if is_new:
            with writing(self._curves):
                self._monitor.write(batch.iteration, self._dataset, trials, self._strategy.metrics)
            if self._on_batch:
                self._on_batch(self._dataset, trials)
        # Also while going through D once more: a process that is killed again and again gets on all the same.
        if time.monotonic() - self._last_checkpoint >= _CHECKPOINT_SECONDS:
            self._save()

    def _save_news(self) -> None:
        if self._strategy.num_told > self._saved:
            self._save()

    def _save(self) -> None:
        """Keeps the strategy's state."""
        num_told = self._strategy.num_told
        if self._checkpoints is None:
            return
        digest = self._dataset.digest(num_told)
        open_batches = [describe(batch) for batch in self._open]
        write_checkpoint(self._checkpoints, Checkpoint(num_told, digest, self._strategy.state(), open_batches))
        self._saved, self._last_checkpoint = num_told, time.monotonic()

    def _restore(self, folder: pathlib.Path) -> None:
        """Goes on from the newest checkpoint that D agrees with; without one, from the first batch of D."""
        untouched: State | None = None
        for checkpoint in read_checkpoints(folder):
            num_told = checkpoint.num_told
            if num_told > len(self._dataset.batches) or self._dataset.digest(num_told) != checkpoint.digest:
                logging.warning("The checkpoint after %d batches is not of this D, and is not used.", num_told)
                continue
            untouched = untouched or self._strategy.state()
            try:
                asked = [(batch["policy"], proposals_of(batch)) for batch in checkpoint.open]
                self._strategy.restore(checkpoint.state)
                counts = self._strategy.num_told, self._strategy.num_asked
                if counts != (num_told, num_told + len(asked)):
                    raise ValueError(f"its strategy was told and asked {counts}")
            except Exception as error:  # whatever is wrong with it: D itself is what counts
                self._strategy.restore(untouched)  # it may have taken over a part
                what = printable(repr(error))
                logging.warning("The checkpoint after %d batches is not of this strategy: %s.", num_told, what)
                continue
            for policy, proposals in asked:
                self._policies.append(policy)
                self._asked.append(proposals)
            self._num_opened = num_told
            for _ in range(num_told):
                self._count(self._stored.popleft())
            return

    def _count(self, trials: list[Trial]) -> None:
        """Counts a batch that stands in D."""
        self._known.update(trial.key for trial in trials)
        self._num_sent += len({trial.key for trial in trials if not trial.cached})
        self._num_trials += len(trials)

    def _trial(self, batch: OpenBatch, index: int, *, trial: int, cached: bool) -> Trial:
        key = batch.keys[index]
        evaluation = self._dataset.lookup(key) or self._finished[key]
        if cached:
            evaluation = self._dataset.lookup_repeat(key) or dataclasses.replace(evaluation, seconds=0.0)
        return Trial(
            trial=trial,
            iteration=batch.iteration,
            policy=batch.policy,
            seed=training_seed(self._seed, key),
            actions=batch.actions[index],
            log_probs=batch.log_probs[index],
            key=key,
            cached=cached,
            evaluation=evaluation,
        )
