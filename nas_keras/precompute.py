"""Rewards computed beforehand: trains every key of a space with several seeds, into a table that resumes."""

import pathlib
from collections.abc import Callable, Sequence

from nas_keras.errors import check_at_least
from nas_keras.evaluators.base import Evaluator
from nas_keras.search_space import SearchSpace
from nas_keras.tables import TableWriter
from nas_keras.trial import Evaluation, Job, Trial, training_seed


def precompute(
    space: SearchSpace,
    evaluator: Evaluator,
    path: pathlib.Path,
    *,
    seeds: int,
    keys: Sequence[str] | None = None,
    shard: tuple[int, int] = (1, 1),
    on_job: Callable[[int, int, Job | None, Evaluation | None], None] | None = None,
) -> None:
    """Evaluates all keys with run seeds 0 to `seeds` - 1 and writes the table; what stands in it is not done again.

    All keys come with the first seed before any with the second, so that a part of the table is a small table.

    Args:
        space: whose keys.
        evaluator: a `TrainingEvaluator`, with `measure_test` for tables that are to hold test accuracies.
        path: the table's folder.
        seeds: trainings of each key.
        keys: only these; by default every key of the space.
        shard: (i, n): the i-th of n parts of the jobs, from 1, for n machines; each into a folder of its own.
        on_job: called with (jobs done, jobs in all, job, evaluation) at the start (None, None) and for each job.

    Raises:
        InvalidValueError: before any work, for values that cannot be used or a folder of another recipe.
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
        environment=evaluator.environment,
    )
    evaluator.resume(writer.environment)
    jobs = [job for place, job in enumerate(_jobs(space, seeds, keys)) if place % count == index - 1]
    order = [(job.key, job.seed) for job in jobs]
    places = {job: place for place, job in enumerate(order)}
    writer.flush(order)
    todo = [job for job in jobs if (job.key, job.seed) not in writer.done]
    num_done = len(jobs) - len(todo)
    if on_job:
        on_job(num_done, len(jobs), None, None)
    for job, evaluation in evaluator.evaluate(todo) if todo else ():
        place = places[job.key, job.seed] * count + index - 1
        writer.add(_trial(job, evaluation, place=place))
        writer.flush(order)
        num_done += 1
        if on_job:
            on_job(num_done, len(jobs), job, evaluation)


def _jobs(space: SearchSpace, seeds: int, keys: Sequence[str] | None) -> list[Job]:
    strings = {space.key(actions): actions for actions in space.enumerate(distinct=True)}
    chosen = strings if keys is None else keys
    return [
        Job(key, strings[key], space.decode(strings[key]), training_seed(seed, key))
        for seed in range(seeds)
        for key in chosen
    ]


def _trial(job: Job, evaluation: Evaluation, *, place: int) -> Trial:
    return Trial(
        trial=place,
        iteration=0,
        policy=0,
        seed=job.seed,
        actions=job.actions,
        log_probs=(),
        key=job.key,
        cached=False,
        evaluation=evaluation,
    )
