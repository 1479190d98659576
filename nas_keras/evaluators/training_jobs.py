"""Jobs whose children are being trained: results as they finish, a second try, and jobs that are dropped."""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterator, Sequence

from absl import logging

from nas_keras.evaluators.training_task import outcome
from nas_keras.trial import Evaluation, Job

_Submitted = dict[concurrent.futures.Future, tuple[Job, bool]]  # whether it is the second try


class TrainingJobs:
    """The jobs that workers are training, of any number of calls of `evaluate` at once.

    Args:
        submit: `submit(job, is_retry)` gives a job to the workers; a second try runs alone, with half the batch size.
    """

    def __init__(self, submit: Callable[[Job, bool], concurrent.futures.Future]):
        self._submit = submit
        self._submitted: list[_Submitted] = []  # one for each open call of `run`

    def run(
        self, jobs: Sequence[Job], *, known: Sequence[tuple[Job, Evaluation]], retry_recipe: str | None
    ) -> Iterator[tuple[Job, Evaluation]]:
        """Trains children and yields each with its evaluation, as soon as it has finished.

        Args:
            jobs: the jobs to train.
            known: jobs whose evaluation is known already; they are yielded first, while the workers begin.
            retry_recipe: fingerprint of the recipe with half the batch size, by which a child that runs out of memory
                is trained once more; None: it fails.
        """
        submitted: _Submitted = {self._submit(job, False): (job, False) for job in jobs}
        self._submitted.append(submitted)
        try:
            yield from known
            while submitted:
                done, _ = concurrent.futures.wait(submitted, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    job, is_retry = submitted.pop(future)
                    evaluation, out_of_memory = outcome(future)
                    if out_of_memory and retry_recipe is not None and not is_retry:
                        logging.warning(
                            "%s: %s. It is trained again, alone and with half the batch size.",
                            job.key,
                            evaluation.status,
                        )
                        submitted[self._submit(job, True)] = job, True
                        continue
                    if is_retry:
                        evaluation = dataclasses.replace(evaluation, recipe=retry_recipe or "")
                    yield job, evaluation
        finally:
            # If the caller stops before the last evaluation, the workers do not begin the rest.
            for future in submitted:
                future.cancel()
            self._submitted[:] = [other for other in self._submitted if other is not submitted]

    def cancel(self, jobs: Sequence[Job]) -> None:
        """Drops jobs that no worker has begun; a child that is being trained is trained to its end."""
        dropped = set(map(id, jobs))
        for submitted in list(self._submitted):
            for future, (job, _) in list(submitted.items()):
                if id(job) in dropped:
                    future.cancel()
