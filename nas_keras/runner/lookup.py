"""Look-up: which proposals need an evaluation, and which are cache hits; and the trials that both become."""

import dataclasses
import sys

from nas_keras.runner.budget import Budget
from nas_keras.runner.open_batch import OpenBatch
from nas_keras.runner.proposing import Asked, rows_of
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.dataset import Dataset
from nas_keras.trial import Job, Trial, training_seed


class Lookup:
    """Turns proposals into an open batch with jobs, and a finished batch into trials.

    Args:
        space: the space that is searched.
        dataset: D of the search.
        budget: counts the proposals; new keys beyond it are dropped, neither stored nor told.
        seed: seed of the run, from which each child's seed is made.
    """

    def __init__(self, space: SearchSpace, dataset: Dataset, budget: Budget, seed: int):
        self._space, self._dataset, self._budget, self._seed = space, dataset, budget, seed

    def open(self, iteration: int, asked: Asked) -> tuple[OpenBatch, list[Job]]:
        """Looks up a batch of proposals.

        Args:
            iteration: the batch's number.
            asked: the proposals.

        Returns:
            The open batch without the proposals that the budget drops, and the jobs that the evaluator has to do.
        """
        batch = OpenBatch(iteration, asked.policy_version, self._budget.num_trials)
        jobs = []
        for actions, log_probs in rows_of(asked.proposals):
            key = sys.intern(self._space.key(actions))  # one string object for all trials of a key
            # A key that a warm start knows is a cache hit from its first trial on.
            is_new = key not in self._budget.known and not self._dataset.lookup(key)
            if is_new and self._budget.evaluations_left <= 0:
                continue
            self._budget.count(key, is_new=is_new)
            batch.add(key, actions, log_probs)
            if not is_new:
                continue
            batch.sent.add(key)
            # An earlier start may have finished the child of a batch that it did not finish.
            evaluation = self._dataset.lookup_pending(key)
            if evaluation:
                batch.evaluations[key] = evaluation
            else:
                jobs.append(Job(key, actions, self._space.decode(actions), training_seed(self._seed, key)))
        return batch, jobs

    def trial(self, batch: OpenBatch, key: str) -> Trial:
        """Returns the trial of a finished key of a batch, as it will be in D."""
        return self._trial(batch, batch.keys.index(key), cached=False)

    def trials(self, batch: OpenBatch) -> list[Trial]:
        """Returns the trials of a batch whose evaluations are finished, in the order asked."""
        trials, unused = [], set(batch.sent)
        for index, key in enumerate(batch.keys):
            trials.append(self._trial(batch, index, cached=key not in unused))  # its later copies are cache hits
            unused.discard(key)
        return trials

    def _trial(self, batch: OpenBatch, index: int, *, cached: bool) -> Trial:
        key = batch.keys[index]
        evaluation = self._dataset.lookup(key) or batch.evaluations[key]
        if cached:  # all cache hits of a key share one evaluation
            evaluation = self._dataset.lookup_repeat(key) or dataclasses.replace(evaluation, seconds=0.0)
        return Trial(
            trial=batch.first + index,
            iteration=batch.iteration,
            policy_version=batch.policy_version,
            seed=training_seed(self._seed, key),
            actions=batch.actions[index],
            log_probs=batch.log_probs[index],
            key=key,
            cached=cached,
            evaluation=evaluation,
        )
