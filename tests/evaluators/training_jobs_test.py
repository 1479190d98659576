"""Tests of nas_keras/evaluators/training_jobs.py, with futures that no worker fulfils."""

import concurrent.futures

from nas_keras.evaluators.training_jobs import TrainingJobs
from nas_keras.evaluators.workers.worker import WorkerOutOfMemoryError
from nas_keras.trial import Evaluation, Job

_JOBS = [Job(key, (), None, 0) for key in "abc"]


class _Pool:
    """Keeps the futures of what is submitted, by key and whether it is a second try."""

    def __init__(self):
        self.futures = {}
        self.finished_at_retry = []  # keys of first tries that finish when a second try is submitted

    def submit(self, job, is_retry):
        future = self.futures[job.key, is_retry] = concurrent.futures.Future()
        for key in self.finished_at_retry if is_retry else ():
            self.finish(key)
        return future

    def finish(self, key, *, is_retry=False):
        self.futures[key, is_retry].set_result((Evaluation(0.5), False))

    def fail(self, key, *, is_retry=False):
        self.futures[key, is_retry].set_exception(WorkerOutOfMemoryError("killed"))


_KNOWN = Job("over", (), None, 0), Evaluation.refusal("max_params=1")


def _start(retry_recipe=None):
    """A run of three jobs that have been submitted, none of which is finished."""
    pool = _Pool()
    jobs = TrainingJobs(pool.submit)
    answers = jobs.run(_JOBS, known=[_KNOWN], retry_recipe=retry_recipe)
    assert next(answers) == _KNOWN  # while the workers begin
    assert list(pool.futures) == [("a", False), ("b", False), ("c", False)]
    return pool, jobs, answers


def test_children_come_as_they_finish():
    pool, _, answers = _start()
    for key in "cab":
        pool.finish(key)
        job, evaluation = next(answers)
        assert (job.key, evaluation.reward) == (key, 0.5)
    assert list(answers) == []


def test_a_child_out_of_memory_is_tried_once_more_under_the_other_recipe():
    pool, _, answers = _start(retry_recipe="half")
    pool.finished_at_retry = ["b"]
    pool.fail("a")
    job, evaluation = next(answers)
    assert (job.key, evaluation.recipe) == ("b", "") and ("a", True) in pool.futures
    pool.finish("a", is_retry=True)
    job, evaluation = next(answers)
    assert (job.key, evaluation.status, evaluation.recipe) == ("a", "ok", "half")


def test_there_is_no_third_try():
    pool, _, answers = _start(retry_recipe="half")
    pool.finished_at_retry = ["b"]
    pool.fail("a")
    next(answers)
    pool.fail("a", is_retry=True)
    _, evaluation = next(answers)
    assert (evaluation.status, evaluation.recipe, len(pool.futures)) == ("failed: killed", "half", 4)


def test_without_another_recipe_it_fails_at_once():
    pool, _, answers = _start()
    pool.fail("a")
    _, evaluation = next(answers)
    assert evaluation.status == "failed: killed" and len(pool.futures) == 3


def test_a_caller_that_stops_drops_the_rest():
    pool, _, answers = _start()
    answers.close()
    assert all(future.cancelled() for future in pool.futures.values())


def test_jobs_are_dropped_by_identity():
    pool, jobs, _answers = _start()
    jobs.cancel([_JOBS[1], Job("c", (), None, 0)])  # the latter is another job of that key
    assert [future.cancelled() for future in pool.futures.values()] == [False, True, False]
