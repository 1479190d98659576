"""Rewards computed beforehand: trains every key of a space with several seeds, into a table that resumes."""

import hashlib
import pathlib
from collections.abc import Callable, Mapping

from nas_keras.errors import check_at_least
from nas_keras.evaluators.base import Evaluator
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.storage.table_writer import TableWriter
from nas_keras.storage.taking import Taken
from nas_keras.trial import Evaluation, Job, Trial, training_seed

_MANY = 500  # keys; of a space with more, a part is worth more if it is a sample of the whole


def precompute(
    space: SearchSpace,
    evaluator: Evaluator,
    path: pathlib.Path,
    *,
    seeds: int,
    keys: Mapping[str, Actions] | None = None,
    taken: Taken | None = None,
    shard: tuple[int, int] = (1, 1),
    on_job: Callable[[int, int, Job | None, Evaluation | None], None] | None = None,
) -> None:
    """Evaluates all keys with run seeds 0 to `seeds` - 1 and writes the table; what stands in it is not done again.

    All keys come with the first seed before any with the second, so that a part of the table is a small table. Up to
    500 keys come in the order of the space. More come in a fixed order that looks random, so that the part that is
    there is a fair sample of the space.

    Args:
        space: whose keys.
        evaluator: a `TrainingEvaluator`, with `measure_test` for tables that are to hold test accuracies.
        path: the table's folder.
        seeds: trainings of each key.
        keys: only these, each with an encoding that means it, in this order; by default every key of the space.
        taken: records that are there already, see `storage/taking.py`; those that the table wants are not trained
            again.
        shard: (i, n): the i-th of n parts of the jobs, from 1, for n machines; each into a folder of its own.
        on_job: called with (jobs done, jobs in all, job, evaluation) at the start (None, None) and for each job.

    Raises:
        InvalidValueError: before any work, for values that cannot be used, a folder of another recipe, or a table that
            another process is filling.
    """
    check_at_least("seeds", seeds, 1)
    index, count = shard
    check_at_least("shard", index, 1)
    check_at_least("shard count", count, index)
    evaluator.check(space)
    writer = TableWriter(
        path,
        space=space,
        recipe=evaluator.recipe,
        variants=evaluator.variants,
        environment=(taken and taken.environment) or evaluator.environment,
    )
    jobs = [job for place, job in enumerate(_jobs(space, seeds, keys)) if place % count == index - 1]
    order = [(job.key, job.seed) for job in jobs]
    places = {job: place * count + index - 1 for place, job in enumerate(order)}
    with writer.locked():
        evaluator.resume(writer.environment)
        known = {(trial.key, trial.seed): trial.evaluation for trial in taken.trials} if taken else {}
        is_new = known.keys() - writer.done.keys()
        writer.add_many(
            [_trial(job, known[at], place=places[at]) for at, job in zip(order, jobs, strict=True) if at in is_new]
        )
        writer.flush(order)
        todo = [job for job in jobs if (job.key, job.seed) not in writer.done]
        num_done = len(jobs) - len(todo)
        if on_job:
            on_job(num_done, len(jobs), None, None)
        for job, evaluation in evaluator.evaluate(todo) if todo else ():
            writer.add(_trial(job, evaluation, place=places[job.key, job.seed]))
            writer.flush(order)
            num_done += 1
            if on_job:
                on_job(num_done, len(jobs), job, evaluation)


def _jobs(space: SearchSpace, seeds: int, keys: Mapping[str, Actions] | None) -> list[Job]:
    if keys is None:
        keys = {space.key(actions): actions for actions in space.enumerate(distinct=True)}
        if len(keys) > _MANY:  # by a hash, which is the same everywhere and for ever
            keys = dict(sorted(keys.items(), key=lambda item: hashlib.sha256(item[0].encode()).digest()))
    return [
        Job(key, actions, space.decode(actions), training_seed(seed, key))
        for seed in range(seeds)
        for key, actions in keys.items()
    ]


def _trial(job: Job, evaluation: Evaluation, *, place: int) -> Trial:
    return Trial(
        trial=place,
        iteration=0,
        policy_version=0,
        seed=job.seed,
        actions=job.actions,
        log_probs=(),
        key=job.key,
        cached=False,
        evaluation=evaluation,
    )
