"""Computes a table: evaluates every key of a space with several seeds; an interrupted table is continued."""

import hashlib
import pathlib
from collections.abc import Callable, Mapping, Sequence

from nas_keras.errors import check_at_least
from nas_keras.evaluators.base import Evaluator
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.storage.table_writer import TableWriter
from nas_keras.storage.taking import Taken
from nas_keras.trial import Evaluation, Job, Trial, training_seed

_MANY = 500  # keys; a part of the table of a larger space is worth more if it is a sample of the whole space

OnJob = Callable[[int, int, Job | None, Evaluation | None], None]
_Places = Mapping[tuple[str, int], int]  # (key, training seed) -> place of the job among all jobs


def precompute(
    space: SearchSpace,
    evaluator: Evaluator,
    path: pathlib.Path,
    *,
    seeds: int,
    keys: Mapping[str, Actions] | None = None,
    taken: Taken | None = None,
    shard: tuple[int, int] = (1, 1),
    on_job: OnJob | None = None,
) -> None:
    """Evaluates all keys with run seeds 0 to `seeds` - 1 and writes the table; existing records are not repeated.

    Every key is trained with the first seed before any with the second, so a partial table is already a smaller table.
    Up to 500 keys come in the order of the space. More keys come in a fixed pseudo-random order, so that an unfinished
    table is a fair sample of the space.

    Args:
        space: the space whose keys are evaluated.
        evaluator: a `TrainingEvaluator`, with `measure_test` for a table that is to hold test accuracies.
        path: the table's folder.
        seeds: number of trainings of each key.
        keys: only these keys in this order, each with one of its encodings; None: every key of the space.
        taken: records that exist elsewhere, see `storage/taking.py`; those that belong in the table are not evaluated
            again.
        shard: (i, n): the i-th of n parts of the jobs, from 1, for n machines; each writes a folder of its own.
        on_job: called with (jobs done, number of jobs, job, evaluation) at the start (None, None) and after each job.

    Raises:
        InvalidValueError: before any work, for a value that is not allowed, a folder with another recipe, or a table
            that another process is writing.
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
    numbered = [(place, job) for place, job in enumerate(_jobs(space, seeds, keys)) if place % count == index - 1]
    jobs = [job for _, job in numbered]
    places = {(job.key, job.seed): place for place, job in numbered}
    with writer.locked():
        evaluator.resume(writer.environment)
        if taken:
            _add_taken(writer, jobs, places, taken)
        writer.flush(list(places))
        _evaluate(writer, jobs, places, evaluator, on_job)


def _add_taken(writer: TableWriter, jobs: Sequence[Job], places: _Places, taken: Taken) -> None:
    """Adds the records of `taken` that belong in the table and are not there yet."""
    known = {(trial.key, trial.seed): trial.evaluation for trial in taken.trials}
    is_new = known.keys() - writer.done.keys()
    found = [(job, (job.key, job.seed)) for job in jobs]
    writer.add_many([_trial(job, known[at], place=places[at]) for job, at in found if at in is_new])


def _evaluate(
    writer: TableWriter, jobs: Sequence[Job], places: _Places, evaluator: Evaluator, on_job: OnJob | None
) -> None:
    """Evaluates the jobs that are not in the table, and writes each evaluation as soon as it is finished."""
    todo = [job for job in jobs if (job.key, job.seed) not in writer.done]
    num_done, order = len(jobs) - len(todo), list(places)
    if on_job:
        on_job(num_done, len(jobs), None, None)
    for job, evaluation in evaluator.evaluate(todo) if todo else ():
        writer.add(_trial(job, evaluation, place=places[job.key, job.seed]))
        writer.flush(order)
        num_done += 1
        if on_job:
            on_job(num_done, len(jobs), job, evaluation)


def _jobs(space: SearchSpace, seeds: int, keys: Mapping[str, Actions] | None) -> list[Job]:
    """Lists the jobs of the whole table in order."""
    if keys is None:
        keys = {space.key(actions): actions for actions in space.enumerate(distinct=True)}
        if len(keys) > _MANY:  # sorted by a hash, which is the same on every machine and in every version
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
