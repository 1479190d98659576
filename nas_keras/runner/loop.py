"""The loop: ask, look up, evaluate, store, tell. It knows nothing of what a strategy or an evaluator does inside.

The same seed gives the same D, for any number of workers and any interruption. Batch b is asked once the batches up to
b - 1 - lag are told; results enter D and are told in the order asked, whatever order they finish in. A run that is
started again takes the same steps, and the batches that D holds need no evaluation: each is asked once as many batches
are told as its trials state.

A budget that ends leaves no trace in the strategy. Batches that are open then are evaluated, stored and told, but the
latest checkpoint is of the moment before, so that a search with a larger budget continues as if it had been there from
the start. Only a batch that the budget shortened stays as it is.
"""

import collections

from absl import logging

from nas_keras.errors import StopSearch
from nas_keras.evaluators.base import Evaluates
from nas_keras.runner.arrivals import Arrivals
from nas_keras.runner.checkpointing import Checkpointing
from nas_keras.runner.lookup import Lookup
from nas_keras.runner.monitoring.observers import Observers
from nas_keras.runner.open_batch import OpenBatch
from nas_keras.runner.proposing import Proposer
from nas_keras.runner.result import top_trials
from nas_keras.runner.settings import Settings
from nas_keras.runner.stopping import EndOfSearch, Stopping
from nas_keras.storage.dataset import Dataset
from nas_keras.strategies import Strategy
from nas_keras.system.interrupts import held
from nas_keras.trial import Evaluation, Job, Trial

_PENDING_SECONDS = 0.1  # an evaluation that took less is cheaper to repeat than to keep in a file of its own


class Loop:
    """The loop of one search.

    Args:
        evaluator: the evaluator.
        strategy: the strategy, which has been told nothing yet.
        dataset: D of the search.
        settings: settings of the search, its lag filled in.
        stopping: ends the search before its budget is spent.
        observers: what watches the search.

    Attributes:
        pending: after `run`, the finished trials of batches that are not finished, in the order asked.
    """

    def __init__(
        self,
        evaluator: Evaluates,
        strategy: Strategy,
        dataset: Dataset,
        settings: Settings,
        stopping: Stopping,
        observers: Observers,
    ):
        workspace, lag = settings.workspace, settings.lag or 0
        self._strategy, self._dataset, self._lag, self._stopping = strategy, dataset, lag, stopping
        self._checkpointing = Checkpointing(workspace.checkpoints if workspace else None, strategy, dataset, lag)
        asked = self._checkpointing.restore()
        self._proposer = Proposer(strategy, dataset, batch_size=settings.batch_size, asked=asked)
        self._budget = settings.make_budget()
        for trials in dataset.batches[: strategy.num_told]:
            self._budget.count_batch(trials)
            self._budget.release_refused(trials)
        self._lookup = Lookup(settings.space, dataset, self._budget, settings.seed)
        self._objective = settings.objective
        self._arrivals = Arrivals(evaluator, concurrent=lag > 0)
        self._observers = observers
        self._open: collections.deque[OpenBatch] = collections.deque()
        self._ended = ""  # the reason why no further batch is asked for
        self.pending: list[Trial] = []

    def run(self) -> str:
        """Runs until the budget is spent, nothing is left to propose, or the clock or a callback ends the search.

        Returns:
            The reason for the end; see `SearchResult.stopped`.
        """
        best = top_trials(self._dataset.finished, 1)
        self._stopping.start(best[0] if best else None)
        self._observers.start(self._dataset)
        try:
            while self._ask_ahead():
                batch = self._open[0]
                self._evaluate(batch)  # a search spends nearly all of its time here
                with held():
                    self._store_and_tell(self._open.popleft())
                self._stopping.check_batch(batch.iteration)
            return self._ended
        except EndOfSearch as end:
            self._arrivals.close()  # first, so that no further child starts while files are written
            with held():
                self._keep_finished()
            return end.reason
        except StopSearch:  # raised by the strategy, which may be within a step: its state is not saved
            self._checkpointing.end()
            with held():
                self._keep_finished()
            return "callback"
        except KeyboardInterrupt:  # it is raised between two steps, where the strategy's state is consistent
            with held():
                self._checkpointing.save_if_new(self._proposer.asked)
            raise
        finally:
            self._arrivals.close()

    def _ask_ahead(self) -> bool:
        """Opens batches as far ahead as the lag allows; returns whether any batch is open."""
        while self._may_ask():
            with held():
                if self._proposer.is_replaying:
                    self._open_stored()
                else:
                    self._open_new()
        return bool(self._open)

    def _may_ask(self) -> bool:
        if self._ended or self._stopping.is_requested or len(self._open) > self._lag:
            return False
        if self._proposer.is_replaying:
            return self._proposer.may_replay
        reason = self._budget.spent()
        if reason is None:
            self._stopping.check_time()
            return True
        # From here on the budget influences what is asked, or when: the state before that is the last one saved.
        with held():
            self._checkpointing.save_if_new(self._proposer.asked)
        self._checkpointing.end()
        # The evaluator may refuse what is in flight, and the budget then has room again.
        if not self._open or reason != "max_evaluations":
            self._ended = reason
        return False

    def _open_stored(self) -> None:
        trials = self._proposer.replay()
        self._budget.count_batch(trials)
        self._open.append(OpenBatch.of_stored(trials))

    def _open_new(self) -> None:
        """Asks for a batch, looks it up, and sends its new keys to the evaluator."""
        iteration, budget = self._proposer.iteration, self._budget
        asked = self._proposer.ask(trials_left=budget.trials_left, evaluations_left=budget.evaluations_left)
        batch, jobs = self._lookup.open(iteration, asked)
        if len(batch.keys) < len(asked.proposals.actions) or not batch.keys:
            self._checkpointing.end()  # the strategy knows of proposals that D does not hold
            if not batch.keys:
                self._ended = "nothing proposed"
                return
            self._proposer.shorten(len(batch.keys))
        self._open.append(batch)
        if jobs:
            self._observers.sent(len(jobs))
            batch.finish = self._arrivals.start(jobs)
        for key in batch.finished:
            self._report(batch, key)

    def _evaluate(self, batch: OpenBatch) -> None:
        """Waits for the evaluations of the earliest open batch; those of the others may arrive meanwhile."""
        try:
            while batch.is_waiting:
                arrival = self._arrivals.next(self._stopping.seconds_left)
                if arrival is None:  # what is finished when the time is up has been received
                    self._stopping.check_time()
                else:
                    self._receive(*arrival)
            batch.finish()
        except StopSearch as stop:  # raised by the evaluator, such as by a function of the user's
            raise EndOfSearch("callback") from stop

    def _receive(self, job: Job, evaluation: Evaluation) -> None:
        batch = next(batch for batch in self._open if job.key in batch.sent)
        evaluation = self._objective.judge(job.key, evaluation)
        batch.evaluations[job.key] = evaluation
        if evaluation.failed and not evaluation.refused:  # there may be thousands of refusals
            logging.warning("%s: %s", job.key, evaluation.status)
        if evaluation.seconds >= _PENDING_SECONDS:
            self._dataset.add_pending(self._lookup.trial(batch, job.key))
        self._report(batch, job.key)

    def _report(self, batch: OpenBatch, key: str) -> None:
        """Shows the observers and the callback a finished evaluation."""
        trial = self._lookup.trial(batch, key)
        self._observers.finished(trial)
        if self._stopping.call_on_trial(self._dataset, trial):
            with held():  # now, since the batches that a later checkpoint needs will not be asked for
                self._checkpointing.save_if_new(self._proposer.asked)

    def _store_and_tell(self, batch: OpenBatch) -> None:
        """Stores a finished batch before the strategy learns from it, so that a crash loses nothing."""
        trials = batch.stored or self._lookup.trials(batch)
        if not batch.stored:
            self._dataset.append(trials)
        self._budget.release_refused(trials)
        self._proposer.tell(trials)
        if not batch.stored:
            self._observers.told(self._dataset, trials, self._strategy.metrics)
            self._stopping.call_on_batch(self._dataset, trials)
        # Also during a replay: a process that is killed again and again still makes progress.
        self._checkpointing.save_if_due(self._proposer.asked)

    def _keep_finished(self) -> None:
        """Keeps the finished evaluations of batches that stay open."""
        for batch in self._open:
            for key in batch.finished:
                trial = self._lookup.trial(batch, key)
                self.pending.append(trial)
                if not self._dataset.lookup_pending(key):
                    self._dataset.add_pending(trial)
        known = {trial.key for trial in self.pending}
        # Of batches that an earlier start left open, and that this one had no time to ask for.
        self.pending += [trial for trial in self._dataset.pending if trial.key not in known]
        self._checkpointing.save_if_new(self._proposer.asked)
