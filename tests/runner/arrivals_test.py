"""Tests of nas_keras/runner/arrivals.py, by way of the evaluators that a user may write, and of base.py."""

import concurrent.futures
import threading
import time

import pytest
from helpers import job

import nas_keras as nk
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.base import Evaluator
from nas_keras.runner.arrivals import Arrivals

A, B = job("a"), job("b")
ONE, TWO = nk.Evaluation(1.0), nk.Evaluation(2.0)


class Gives:
    """An evaluator that gives what it was made with, an exception in it being raised."""

    def __init__(self, *answers):
        self._answers = answers

    def evaluate(self, jobs):
        for answer in self._answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer


@pytest.mark.parametrize("concurrent", [False, True])
def test_results_come_in_the_order_in_which_they_finish(concurrent):
    arrivals = Arrivals(Gives((B, TWO), (A, ONE)), concurrent=concurrent)
    arrivals.start([A, B])
    assert [arrivals.next(), arrivals.next()] == [(B, TWO), (A, ONE)]


def test_a_wait_with_a_limit_ends_without_an_evaluation():
    is_over = threading.Event()

    class Late:
        def evaluate(self, jobs):
            assert is_over.wait(20)
            yield A, ONE

    arrivals = Arrivals(Late(), concurrent=True)
    arrivals.start([A])
    assert arrivals.next(0.0) is None and arrivals.next(0.01) is None
    is_over.set()
    assert arrivals.next(1e300) == (A, ONE)


def test_an_evaluator_in_the_callers_thread_is_not_asked_if_there_is_no_time():
    arrivals = Arrivals(Gives((A, ONE)), concurrent=False)
    arrivals.start([A])
    assert arrivals.next(0) is None
    assert arrivals.next(0.01) == (A, ONE)


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([(A, ONE)], r"The evaluator gave no evaluation of \['b'\]. It must give one for each job"),
        ([], r"gave no evaluation of \['a', 'b'\]"),
        ([(A, ONE), (A, TWO)], r"gave Evaluation\(reward=2.0.* for Job\(key='a'.*, which it was not asked for"),
        ([(A, ONE), (job("c"), ONE)], "for Job.key='c'.*, which it was not asked for"),
        ([(A, ONE), ("b", TWO)], "for 'b', which it was not asked for"),
        ([(A, ONE), (B, 0.5)], "The evaluator gave 0.5 for Job.key='b'"),
        ([(A, ONE), (B, None)], "The evaluator gave None for Job.key='b'"),
        ([(A, ONE), None], "The evaluator gave None: it must give pairs of a job and its nk.Evaluation"),
        ([(A, ONE), B], "The evaluator gave Job.*: it must give pairs"),
        ([(A, ONE), (B, TWO, 3)], r"The evaluator gave \(Job.*: it must give pairs"),
        ([(A, ONE), ONE], "The evaluator gave Evaluation.*: it must give pairs"),
        ([(A, ONE), (TWO, B)], "for Evaluation.reward=2.0.*, which it was not asked for"),
        ([(A, ONE), (B._replace(key=[]), TWO)], "for Job.key=...*, which it was not asked for"),
    ],
)
def test_an_evaluator_that_breaks_its_promise(answers, says, concurrent):
    arrivals = Arrivals(Gives(*answers), concurrent=concurrent)
    arrivals.start([A, B])
    with pytest.raises(InvalidValueError, match=says):
        for _ in range(3):
            arrivals.next()


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("answers", [None, 5, 0.5, ONE, len, NotImplemented], ids=repr)
def test_an_evaluator_that_gives_nothing_to_go_through(answers, concurrent):
    evaluator = Gives()
    evaluator.evaluate = lambda jobs: answers
    arrivals = Arrivals(evaluator, concurrent=concurrent)
    arrivals.start([A, B])
    with pytest.raises(InvalidValueError, match="evaluate gave .*: it must yield, or return a list of, pairs of a job"):
        arrivals.next()


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize(
    ("answer", "error"), [(OSError("disk full"), OSError), ((A, ONE), InvalidValueError)], ids=["exception", "again"]
)
def test_what_comes_after_the_last_evaluation_is_not_lost(answer, error, concurrent):
    arrivals = Arrivals(Gives((A, ONE), (B, TWO), answer), concurrent=concurrent)
    finish = arrivals.start([A, B])
    assert [arrivals.next(), arrivals.next()] == [(A, ONE), (B, TWO)]
    with pytest.raises(error, match="disk full|not asked for"):
        finish()


@pytest.mark.parametrize("concurrent", [False, True])
def test_finishing_waits_for_what_the_evaluator_does_last(concurrent):
    done = []

    class Tidies:
        def evaluate(self, jobs):
            yield A, ONE
            done.append(True)

    arrivals = Arrivals(Tidies(), concurrent=concurrent)
    finish = arrivals.start([A])
    assert arrivals.next() == (A, ONE)
    assert finish() is None and done == [True]


@pytest.mark.parametrize("concurrent", [False, True])
def test_an_exception_of_the_evaluators_is_raised_where_somebody_waits(concurrent):
    arrivals = Arrivals(Gives((A, ONE), OSError("disk full")), concurrent=concurrent)
    arrivals.start([A, B])
    assert arrivals.next() == (A, ONE)
    with pytest.raises(OSError, match="disk full"):
        arrivals.next()


@pytest.mark.parametrize("concurrent", [False, True])
def test_closing_ends_the_evaluators_generator_so_that_it_can_cancel_the_rest(concurrent):
    is_ended, may_go_on = threading.Event(), threading.Event()

    class Cancels:
        def evaluate(self, jobs):
            try:
                yield A, ONE
                assert may_go_on.wait(20)
                yield B, TWO
            finally:
                is_ended.set()

    arrivals = Arrivals(Cancels(), concurrent=concurrent)
    arrivals.start([A, B, A._replace(key="c")])
    assert arrivals.next() == (A, ONE) and not is_ended.is_set()
    arrivals.close()
    may_go_on.set()
    assert is_ended.wait(20)


def test_a_search_that_ends_early_starts_no_further_job_of_any_open_batch():
    """The only worker is busy with the first batch; nothing of the second one has arrived that would end its thread."""
    started, may_go_on = [], threading.Event()

    def work(key):
        started.append(key)
        assert may_go_on.wait(20)

    class Queues(Evaluator):
        def __init__(self):
            self.futures, self.cancelled = {}, []

        def evaluate(self, jobs):
            self.futures.update({job.key: workers.submit(work, job.key) for job in jobs})
            if jobs[0].key == "b":
                b_is_queued.set()
            for one in jobs:
                self.futures[one.key].result()
                yield one, ONE

        def cancel(self, jobs):
            self.cancelled += [job.key for job in jobs]
            for one in jobs:
                self.futures[one.key].cancel()

    evaluator, b_is_queued = Queues(), threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as workers:
        arrivals = Arrivals(evaluator, concurrent=True)
        finish = arrivals.start([job("z")])
        may_go_on.set()
        arrivals.next()
        finish()
        may_go_on.clear()
        arrivals.start([A])
        while started != ["z", "a"]:
            time.sleep(0.01)
        arrivals.start([B, job("c")])
        assert b_is_queued.wait(20)
        arrivals.close()
        arrivals.close()
        may_go_on.set()
    assert evaluator.cancelled == ["a", "b", "c"]  # and not "z", whose batch is finished
    assert started == ["z", "a"]


def test_two_batches_are_open_at_once():
    b_is_done = threading.Event()

    class Waits:
        def evaluate(self, jobs):
            if jobs == [A]:
                assert b_is_done.wait(20)
            yield jobs[0], ONE
            b_is_done.set()

    arrivals = Arrivals(Waits(), concurrent=True)
    arrivals.start([A])
    arrivals.start([B])
    assert [arrivals.next()[0], arrivals.next()[0]] == [B, A]


def test_without_concurrency_all_happens_in_the_callers_thread():
    threads = []

    class Notes:
        def evaluate(self, jobs):
            threads.append(threading.current_thread())
            yield A, ONE

    arrivals = Arrivals(Notes(), concurrent=False)
    arrivals.start([A])
    arrivals.next()
    assert threads == [threading.current_thread()]
