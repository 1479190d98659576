"""The loop: ask, look up, evaluate, store, tell. It knows nothing of what a strategy or an evaluator does inside.

The same seed gives the same D, for any number of workers and any interruption. Batch b is asked once the batches up to
b - 1 - lag are told; results enter D and are told in the order asked, whatever order they finish in. A run that is
started again goes through the same steps, and the batches that stand in D need no evaluation.
"""

import collections
import dataclasses
import sys
from collections.abc import Callable

import numpy as np
from absl import logging

from nas_keras.dataset import Dataset
from nas_keras.evaluators.arrivals import Arrivals
from nas_keras.evaluators.base import Evaluates
from nas_keras.monitoring import Monitor
from nas_keras.search_space import SearchSpace
from nas_keras.strategies import Strategy
from nas_keras.trial import Evaluation, Job, Proposals, Trial, training_seed

_PENDING_SECONDS = 0.1  # an evaluation that took less is cheaper to do again than to keep in a file of its own

OnBatch = Callable[[Dataset, list[Trial]], None]


@dataclasses.dataclass
class _Batch:
    """A batch that was asked and is not yet told."""

    iteration: int
    policy: int
    keys: list[str]
    actions: list[tuple[int, ...]]
    log_probs: list[tuple[float, ...]]
    waits_for: set[str]  # keys that it sent to the evaluator and has no answer for
    sent: set[str]  # all keys that it sent


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
    ):
        self._space, self._strategy, self._dataset = space, strategy, dataset
        self._seed, self._lag = seed, lag
        self._monitor, self._on_batch = monitor, on_batch
        self._arrivals = Arrivals(evaluator, concurrent=lag > 0)
        self._stored = collections.deque(dataset.batches)  # of an earlier process, to be told again
        self._open: collections.deque[_Batch] = collections.deque()
        self._finished: dict[str, Evaluation] = {}  # of the open batches
        self._known: set[str] = set()  # keys told or in flight
        self._num_sent = 0  # of those, evaluated by this run
        self._num_trials = 0  # told or in flight

    def go(self, *, batch_size: int, max_evaluations: int, max_trials: int, num_keys: int | None) -> str:
        """Runs until a budget is spent or nothing is left to propose; says which."""
        stopped = None
        while True:
            # Ask as long as the policy may be that old.
            while stopped is None and len(self._open) <= self._lag:
                if not self._stored:
                    stopped = self._spent(max_evaluations, max_trials, num_keys)
                    if stopped:
                        break
                if not self._open_batch(batch_size, max_evaluations, max_trials):
                    stopped = "nothing proposed"
            if not self._open:
                return stopped
            # Evaluate: hours live in this line.
            while self._open[0].waits_for:
                self._take(*self._arrivals.next())
            # Store before learning, so that a crash loses nothing; then learn.
            self._close_batch(self._open.popleft())

    def _spent(self, max_evaluations: int, max_trials: int, num_keys: int | None) -> str | None:
        if self._num_sent >= max_evaluations:
            return "max_evaluations"
        if self._num_trials >= max_trials:
            return "max_trials"
        return "space exhausted" if num_keys is not None and len(self._known) >= num_keys else None

    def _open_batch(self, batch_size: int, max_evaluations: int, max_trials: int) -> bool:
        """Asks for a batch and sends its new keys to the evaluator; False if nothing was proposed."""
        iteration = self._strategy.num_asked
        policy = self._strategy.num_told
        if self._stored:
            return self._open_stored(iteration, policy, batch_size)
        proposals = self._strategy.ask(min(batch_size, max_trials - self._num_trials))
        batch = _Batch(iteration, policy, [], [], [], set(), set())
        jobs = []
        for actions, log_probs in _rows(proposals):
            key = sys.intern(self._space.key(actions))  # one string for all trials of a key
            if key not in self._known and self._dataset.lookup(key):
                self._known.add(key)  # another run or a table knows it: a repeat
            if key not in self._known:
                if self._num_sent >= max_evaluations:
                    continue  # the budget ends within this batch: dropped, neither stored nor told
                self._known.add(key)
                self._num_sent += 1
                batch.sent.add(key)
                earlier = self._dataset.lookup_pending(key)
                if earlier:
                    self._finished[key] = earlier
                else:
                    jobs.append(Job(key, actions, self._space.decode(actions), training_seed(self._seed, key)))
            batch.keys.append(key)
            batch.actions.append(actions)
            batch.log_probs.append(log_probs)
        if not batch.keys:
            return False
        self._num_trials += len(batch.keys)
        batch.waits_for = {job.key for job in jobs}
        self._open.append(batch)
        if jobs:
            self._arrivals.start(jobs)
        return True

    def _open_stored(self, iteration: int, policy: int, batch_size: int) -> bool:
        """Goes through the motions for a batch that stands in D: what was asked then is what counts."""
        trials = self._stored.popleft()
        proposals = self._strategy.ask(len(trials))
        is_whole = len(trials) >= batch_size  # a budget may have dropped trials in the middle of a batch
        if is_whole and [trial.actions for trial in trials] != [actions for actions, _ in _rows(proposals)]:
            logging.log_first_n(
                logging.WARNING,
                "Batch %d in D is not what this machine proposes: the run was made by another version or processor. "
                "D counts.",
                1,
                iteration,
            )
        sent = {trial.key for trial in trials if not trial.cached}
        batch = _Batch(
            iteration,
            policy,
            [t.key for t in trials],
            [t.actions for t in trials],
            [t.log_probs for t in trials],
            set(),
            sent,
        )
        self._known.update(batch.keys)
        self._num_sent += len(sent)
        self._num_trials += len(trials)
        self._open.append(batch)
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

    def _close_batch(self, batch: _Batch) -> None:
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
            self._monitor.write(batch.iteration, self._dataset, trials, self._strategy.metrics)
            if self._on_batch:
                self._on_batch(self._dataset, trials)

    def _trial(self, batch: _Batch, index: int, *, trial: int, cached: bool) -> Trial:
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


def _rows(proposals: Proposals) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Each proposal's actions [T] and log-probs [T], as tuples; no log-probs are an empty tuple."""
    actions = map(tuple, np.asarray(proposals.actions).tolist())
    if proposals.log_probs is None:
        return [(row, ()) for row in actions]
    return list(zip(actions, map(tuple, np.asarray(proposals.log_probs, np.float32).tolist()), strict=True))
