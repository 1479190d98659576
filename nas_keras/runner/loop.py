"""The loop: ask, look up, evaluate, store, tell. It knows nothing of what a strategy or an evaluator does inside.

The same seed gives the same D, for any number of workers and any interruption. Batch b is asked once the batches up to
b - 1 - lag are told; results enter D and are told in the order asked, whatever order they finish in. A run that is
started again goes through the same steps, and the batches that stand in D need no evaluation: each is asked once as
many batches are told as its trials say of their policy.

A budget that ends leaves no trace in the strategy: batches that are open then are evaluated, stored and told, but the
latest checkpoint is of the moment before, so that a larger budget goes on as if it had been there from the start. Only
a batch that the budget cut stays cut.
"""

import collections
import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable

from absl import logging

from nas_keras.errors import StopSearch
from nas_keras.evaluators.base import Evaluates
from nas_keras.runner.arrivals import Arrivals
from nas_keras.runner.budget import Budget
from nas_keras.runner.checkpointing import Checkpointing
from nas_keras.runner.monitoring import Monitor
from nas_keras.runner.open_batch import Asked, OpenBatch, rows_of, stored_batch
from nas_keras.runner.proposing import Proposing
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.dataset import Dataset
from nas_keras.strategies import Strategy
from nas_keras.system.atomic_files import writing
from nas_keras.system.interrupts import held
from nas_keras.trial import Evaluation, Job, Trial, training_seed

_CHECKPOINT_SECONDS = 5.0  # between two: one costs about 20 ms, going through a batch of D again about 10
_PENDING_SECONDS = 0.1  # an evaluation that took less is cheaper to do again than to keep in a file of its own

OnBatch = Callable[[Dataset, list[Trial]], None]
OnTrial = Callable[[Dataset, Trial], None]


class Loop:
    """The loop and what it carries from batch to batch.

    Attributes:
        pending: after `go`, the finished trials of batches that are not, in the order asked.
    """

    def __init__(
        self,
        space: SearchSpace,
        evaluator: Evaluates,
        strategy: Strategy,
        dataset: Dataset,
        *,
        seed: int,
        lag: int,
        batch_size: int,
        budget: Budget,
        monitor: Monitor,
        on_batch: OnBatch | None = None,
        on_trial: OnTrial | None = None,
        checkpoints: pathlib.Path | None = None,
    ):
        self._space, self._strategy, self._dataset = space, strategy, dataset
        self._seed, self._lag, self._batch_size = seed, lag, batch_size
        self._budget, self._monitor, self._on_batch, self._on_trial = budget, monitor, on_batch, on_trial
        self._arrivals = Arrivals(evaluator, concurrent=lag > 0)
        self._stored = collections.deque(dataset.batches)  # of an earlier process, to be told again
        self._open: collections.deque[OpenBatch] = collections.deque()
        self._last_batch: int | None = None  # after which a callback wants the search to end
        self._deadline: float | None = None
        self._curves = checkpoints and checkpoints.with_name("tensorboard")
        self.pending: list[Trial] = []
        self._checkpointing = Checkpointing(checkpoints, strategy, dataset, lag)
        self._proposing = Proposing(strategy, dataset, self._checkpointing.restore())
        for _ in range(strategy.num_told):
            trials = self._stored.popleft()
            self._budget.count(trials)
            self._budget.give_back(trials)

    def go(self, max_seconds: float | None = None) -> str:
        """Runs until the budget is spent, nothing is left to propose, or a callback or the clock ends it; says why."""
        if max_seconds is not None:
            self._deadline = time.monotonic() + max_seconds
        try:
            return self._go()
        except KeyboardInterrupt:  # which comes between two steps: the strategy's state is whole
            with held():
                self._checkpointing.save_news(self._open_proposals())
            raise
        finally:
            self._arrivals.close()

    def _go(self) -> str:
        stopped = None
        while True:
            # Ask as long as the policy may be that old.
            while stopped is None and self._last_batch is None and len(self._open) <= self._lag:
                if self._stored:
                    if self._open and self._stored[0][0].policy_version > self._strategy.num_told:
                        break  # it was asked later
                else:
                    stopped = self._budget.spent()
                    if stopped:
                        self._save_last()
                        if stopped == "max_evaluations" and self._open:
                            stopped = None  # what is in flight may be refused, and cost nothing
                        break
                    if self._is_time_up():
                        return self._leave("max_seconds")
                with held():
                    if not self._open_batch():
                        stopped = "nothing proposed"
            if not self._open:
                return stopped
            # Evaluate: hours live in these lines.
            batch = self._open[0]
            try:
                while batch.is_waiting:
                    self._take(*self._arrivals.next())
                    if batch.is_waiting and self._is_time_up():
                        return self._leave("max_seconds")
                batch.finish()
            except StopSearch:  # of the evaluator's, such as a function of the user's
                return self._leave("callback")
            # Store before learning, so that a crash loses nothing; then learn.
            with held():
                self._close_batch(self._open.popleft())
            if self._last_batch is not None and batch.iteration >= self._last_batch:
                return self._leave("callback")

    def _is_time_up(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _leave(self, reason: str) -> str:
        """Ends with batches open: what is finished of them is kept."""
        with held():
            for batch in self._open:
                for key in batch.finished:
                    trial = self._trial(batch, batch.keys.index(key), cached=False)
                    self.pending.append(trial)
                    if not self._dataset.lookup_pending(key):
                        self._dataset.add_pending(trial)
            self._checkpointing.save_news(self._open_proposals())
        return reason

    def _open_batch(self) -> bool:
        """Asks for a batch and sends its new keys to the evaluator; False if nothing was proposed."""
        if self._stored:
            trials = self._stored.popleft()
            self._open.append(stored_batch(trials, self._proposing.ask_again(trials, self._batch_size)))
            self._budget.count(trials)
            return True
        n = min(self._batch_size, self._budget.trials_left)
        policy, proposals = self._proposing.ask(n, may_be_cut=self._budget.evaluations_left < n)
        iteration = self._strategy.num_told + len(self._open)
        batch = OpenBatch(iteration, policy, self._budget.num_trials, proposals)
        jobs = []
        for actions, log_probs in rows_of(proposals):
            key = sys.intern(self._space.key(actions))  # one string for all trials of a key
            # What another run or a table knows is a repeat from the first time on.
            evaluates = key not in self._budget.known and not self._dataset.lookup(key)
            if evaluates and self._budget.evaluations_left <= 0:
                continue  # dropped, neither stored nor told
            self._budget.take(key, evaluates=evaluates)
            batch.add(key, actions, log_probs)
            if evaluates:
                batch.sent.add(key)
                earlier = self._dataset.lookup_pending(key)
                if earlier:
                    batch.answers[key] = earlier
                else:
                    jobs.append(Job(key, actions, self._space.decode(actions), training_seed(self._seed, key)))
        if len(batch.keys) < len(proposals.actions) or not batch.keys:
            # The strategy knows of proposals that do not stand in D: no state of it is kept from here on.
            self._checkpointing.stop()
            if not batch.keys:
                return False
            self._proposing.cut(len(batch.keys))
        self._open.append(batch)
        if jobs:
            batch.finish = self._arrivals.start(jobs)
        for key in batch.finished:
            self._report(batch, key)
        return True

    def _take(self, job: Job, evaluation: Evaluation) -> None:
        batch = next(batch for batch in self._open if job.key in batch.sent)
        batch.answers[job.key] = evaluation
        if evaluation.failed:
            logging.warning("%s: %s", job.key, evaluation.status)
        if evaluation.seconds >= _PENDING_SECONDS:
            self._dataset.add_pending(self._trial(batch, batch.keys.index(job.key), cached=False))
        self._report(batch, job.key)

    def _report(self, batch: OpenBatch, key: str) -> None:
        """Calls the user's function with an evaluation that is there."""
        if self._on_trial:
            try:
                self._on_trial(self._dataset, self._trial(batch, batch.keys.index(key), cached=False))
            except StopSearch:
                with held():  # now, as batches after this one will not be asked for
                    self._checkpointing.save_news(self._open_proposals())
                last = self._last_batch
                self._last_batch = batch.iteration if last is None else min(last, batch.iteration)

    def _close_batch(self, batch: OpenBatch) -> None:
        is_new = batch.iteration >= len(self._dataset.batches)
        if is_new:
            unsent = set(batch.sent)
            trials = []
            for index, key in enumerate(batch.keys):
                trials.append(self._trial(batch, index, cached=key not in unsent))
                unsent.discard(key)
            self._dataset.append(trials)
        else:
            trials = self._dataset.batches[batch.iteration]
        self._budget.give_back(trials)
        self._strategy.tell(trials)
        if is_new:
            with writing(self._curves):
                self._monitor.write(batch.iteration, self._dataset, trials, self._strategy.metrics)
            if self._on_batch:
                try:
                    self._on_batch(self._dataset, trials)
                except StopSearch:
                    self._last_batch = batch.iteration
        # Also while going through D once more: a process that is killed again and again gets on all the same.
        if time.monotonic() - self._checkpointing.last_time >= _CHECKPOINT_SECONDS:
            self._checkpointing.save(self._open_proposals())

    def _save_last(self) -> None:
        """Keeps the state in which the budget has a say for the first time in what is asked, or when."""
        with held():
            self._checkpointing.save_news(self._open_proposals())
        self._checkpointing.stop()

    def _open_proposals(self) -> list[Asked]:
        """What was asked and is not told."""
        return [*((batch.policy, batch.proposals) for batch in self._open), *self._proposing.asked]

    def _trial(self, batch: OpenBatch, index: int, *, cached: bool) -> Trial:
        key = batch.keys[index]
        evaluation = self._dataset.lookup(key) or batch.answers[key]
        if cached:
            evaluation = self._dataset.lookup_repeat(key) or dataclasses.replace(evaluation, seconds=0.0)
        return batch.trial(index, evaluation, seed=training_seed(self._seed, key), cached=cached)
