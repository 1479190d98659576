"""Tests of the callbacks of nk.search, and of searches that a callback, the evaluator or the clock ends."""

import logging
import shutil
import threading
import time

import pytest
from helpers import facts, grid

import nas_keras as nk
from nas_keras.runner import stopping
from nas_keras.runner.search import run_search
from nas_keras.runner.settings import check_settings
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_folder import Workspace

_SPACE = grid(5, 5)


class Counting(nk.Evaluator):
    """Gives each key a reward and says that it took `seconds`; jobs of a batch in reverse order, if so wanted."""

    recipe = {"counting": 1}

    def __init__(self, *, lag=0, seconds=1.0, order=1, at=None):
        self.lag, self._seconds, self._order, self._at = lag, seconds, order, at
        self.keys = []

    def evaluate(self, jobs):
        for job in list(jobs)[:: self._order]:
            if len(self.keys) == self._at:
                raise nk.StopSearch
            self.keys.append(job.key)
            yield job, nk.Evaluation(float(job.seed % 97), seconds=self._seconds)


def _search(workdir=None, *, evaluator=None, lag=0, strategy="random", **settings):
    settings = {"max_evaluations": 14, "batch_size": 4, "seed": 3, **settings}
    return nk.search(_SPACE, evaluator or Counting(lag=lag), strategy=strategy, workdir=workdir, **settings)


def _on_disk(workdir):
    return Dataset(Origin(_SPACE.fingerprint, fingerprint(Counting.recipe)), Workspace(workdir), read_only=True)


def _stop_at(count):
    """A callback that ends the search at its call number `count`, from 1."""
    calls = []

    def callback(dataset, what):
        calls.append(what)
        if len(calls) == count:
            raise nk.StopSearch

    callback.calls = calls
    return callback


# --- Each trial ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lag", "order"), [(0, 1), (0, -1), (1, 1)])
def test_on_trial_sees_each_new_trial_once_as_it_will_stand_in_d(tmp_path, lag, order):
    seen = []

    def on_trial(dataset, trial):
        assert all(trial.key != told.key for told in dataset.trials)
        seen.append(trial)

    evaluator = Counting(lag=lag, order=order)
    result = _search(tmp_path / "run", evaluator=evaluator, strategy="evolution", on_trial=on_trial)
    assert [trial.key for trial in seen] == evaluator.keys or lag
    assert facts(sorted(seen, key=lambda trial: trial.trial)) == facts(t for t in result.trials if not t.cached)
    again = []
    _search(tmp_path / "run", lag=lag, strategy="evolution", on_trial=lambda dataset, trial: again.append(trial))
    assert again == []


def test_on_trial_sees_children_that_an_earlier_start_finished(tmp_path):
    """Otherwise a target that one of them reaches would be missed."""
    with pytest.raises(ZeroDivisionError):
        _search(tmp_path / "run", on_trial=lambda dataset, trial: 1 / (trial.trial - 1))
    seen = []
    result = _search(tmp_path / "run", on_trial=lambda dataset, trial: seen.append(trial.trial))
    assert sorted(seen) == list(range(14)) and len(result.trials) == 14


# --- A callback ends the search -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("is_lost", [False, True])
def test_stopped_after_a_batch_the_search_returns_what_it_has_and_goes_on_later(tmp_path, lag, count, is_lost):
    whole = _search(lag=lag, max_evaluations=16)
    result = _search(tmp_path / "run", lag=lag, max_evaluations=16, on_batch=_stop_at(count))
    assert (result.stopped, result.num_resumed) == ("callback", 0)
    assert facts(result.trials) == facts(whole.trials[: 4 * count]) == facts(_on_disk(tmp_path / "run").trials)
    assert result.best.reward == max(trial.reward for trial in [*result.trials, *result.pending])
    assert (tmp_path / "run" / "checkpoints").exists()
    if is_lost:
        shutil.rmtree(tmp_path / "run" / "checkpoints")
    again = _search(tmp_path / "run", lag=lag, max_evaluations=16)
    assert facts(again.trials) == facts(whole.trials)
    assert (again.stopped, again.num_resumed, again.pending) == ("max_evaluations", 4 * count, [])


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 7, 10])
def test_stopped_by_a_trial_its_batch_is_told_first(tmp_path, lag, count):
    whole = _search(lag=lag)
    callback = _stop_at(count)
    evaluator = Counting(lag=lag)
    result = _search(tmp_path / "run", evaluator=evaluator, on_trial=callback)
    assert result.stopped == "callback"
    last = callback.calls[count - 1].iteration
    assert facts(result.trials) == facts(whole.trials[: 4 * (last + 1)]) == facts(_on_disk(tmp_path / "run").trials)
    assert result.num_evaluations == len(result.trials) + len(result.pending)
    again = Counting(lag=lag)
    assert facts(_search(tmp_path / "run", evaluator=again).trials) == facts(whole.trials)
    told = {trial.key for trial in [*result.trials, *result.pending]}
    assert not told & set(again.keys)


def test_an_on_trial_that_stops_in_an_earlier_batch_too_stops_there(tmp_path):
    """With two batches open: the second one's first trial, and then the first one's."""
    second_is_seen = threading.Event()

    class Late(Counting):
        def evaluate(self, jobs):
            if "first" not in seen:
                seen.append("first")
                assert second_is_seen.wait(20)
            yield from super().evaluate(jobs)

    seen = []

    def on_trial(dataset, trial):
        second_is_seen.set()
        raise nk.StopSearch

    result = _search(evaluator=Late(lag=1), on_trial=on_trial)
    assert (len(result.trials), result.stopped) == (4, "callback")
    assert {trial.iteration for trial in result.pending} == {1}


def test_target_and_patience_in_two_lines():
    def on_trial(dataset, trial):
        if trial.reward >= target:
            raise nk.StopSearch

    def on_batch(dataset, batch):
        if dataset.best and batch[-1].trial - dataset.best.trial >= 6:
            raise nk.StopSearch

    whole = _search(max_evaluations=25).trials
    target = sorted(trial.reward for trial in whole)[-3]
    first = next(trial for trial in whole if trial.reward >= target)
    result = _search(max_evaluations=25, on_trial=on_trial)
    assert result.best.reward >= target and result.trials[-1].iteration == first.iteration
    result = _search(max_evaluations=25, on_batch=on_batch)
    assert result.stopped == "callback" and result.trials[-1].trial - result.best.trial >= 6
    assert result.trials[-5].trial - max(result.trials[:-4], key=lambda t: t.reward).trial < 6


@pytest.mark.parametrize("lag", [0, 1])
def test_the_evaluator_may_end_the_search_too_within_a_batch(tmp_path, lag):
    whole = _search(lag=lag)
    result = _search(tmp_path / "run", evaluator=Counting(lag=lag, at=6, seconds=0.0))
    assert result.stopped == "callback" and result.num_evaluations == 6
    finished = [*result.trials, *result.pending]
    assert facts(finished) == facts(whole.trials[:6]) or lag
    assert result.best.reward == max(trial.reward for trial in finished)
    assert facts(_search(tmp_path / "run", evaluator=Counting(lag=lag, seconds=0.0)).trials) == facts(whole.trials)


class _Stopping(nk.strategies.RandomSearch):
    """Random search that raises StopSearch in `method` at its call number `at`, from 0."""

    def __init__(self, method, at):
        super().__init__(_SPACE, seed=3)
        self._method, self._at = method, at

    def _ask(self, n, iteration):
        self._stop("ask", iteration)
        return super()._ask(n, iteration)

    def _tell(self, trials, iteration):
        self._stop("tell", iteration)
        super()._tell(trials, iteration)

    def _stop(self, method, iteration):
        if (method, iteration) == (self._method, self._at):
            raise nk.StopSearch


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("method", ["ask", "tell"])
def test_the_strategy_may_end_the_search_too(tmp_path, lag, method):
    whole = _search(lag=lag, strategy=_Stopping("", 0))
    result = _search(tmp_path / "run", lag=lag, strategy=_Stopping(method, 2))
    assert result.stopped == "callback"
    assert facts(result.trials) == facts(whole.trials[: len(result.trials)]) and len(result.trials) <= 12
    assert facts(result.trials) == facts(_on_disk(tmp_path / "run").trials)
    if method == "tell":
        assert len(result.trials) == 12  # D holds the batch before the strategy is told
        again = _search(tmp_path / "run", lag=lag, strategy=_Stopping(method, 2))
        assert (again.stopped, facts(again.trials)) == ("callback", facts(result.trials))
    again = _search(tmp_path / "run", lag=lag, strategy=_Stopping("", 0))
    assert (again.stopped, facts(again.trials)) == ("max_evaluations", facts(whole.trials))


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("check", "The evaluator's check raised nk.StopSearch, but no search is running that it could end"),
        ("resume", "The evaluator, the space or the strategy raised nk.StopSearch"),
        ("review", "The evaluator's review, after the search has ended, raised nk.StopSearch"),
    ],
)
def test_a_stop_where_no_search_runs_is_an_error(tmp_path, method, says):
    def stop(self, *arguments):
        raise nk.StopSearch

    evaluator = type("Wrong", (Counting,), {method: stop})()
    if method == "resume":
        _search(tmp_path / "run", max_evaluations=4)
    with pytest.raises(nk.InvalidValueError, match=says):
        _search(tmp_path / "run", evaluator=evaluator)
    assert (tmp_path / "run").exists() is (method != "check")
    assert len(_search(tmp_path / "run").trials) == 14


def test_another_exception_of_a_callback_is_the_users_to_see(tmp_path):
    for name in ("on_batch", "on_trial"):
        with pytest.raises(ZeroDivisionError):
            _search(tmp_path / name, **{name: lambda dataset, what: 1 / 0})
        assert facts(_search(tmp_path / name).trials) == facts(_search().trials)


# --- The clock ----------------------------------------------------------------------------------------------------


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """A clock that goes only when it is told to."""
    now = [0.0]
    monkeypatch.setattr(stopping.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("count", range(1, 14))
def test_after_max_seconds_the_search_ends_and_what_is_finished_counts(tmp_path, clock, count):
    def on_trial(dataset, trial):
        clock[0] += 1.0

    whole = _search()
    result = _search(tmp_path / "run", evaluator=Counting(seconds=0.0), on_trial=on_trial, max_seconds=count)
    assert (result.stopped, result.num_evaluations) == ("max_seconds", count)
    assert facts([*result.trials, *result.pending]) == facts(whole.trials[:count])
    assert len(result.trials) == count // 4 * 4
    assert result.best.reward == result.top(1)[0].reward == max(trial.reward for trial in whole.trials[:count])
    run = _on_disk(tmp_path / "run")
    assert facts([*run.trials, *run.pending]) == facts(whole.trials[:count])
    evaluator = Counting(seconds=0.0)
    again = _search(tmp_path / "run", evaluator=evaluator, max_seconds=100)
    assert facts(again.trials) == facts(whole.trials) and len(evaluator.keys) == 14 - count
    assert (again.stopped, again.pending) == ("max_evaluations", [])


def test_a_start_without_time_has_what_earlier_ones_finished(tmp_path, clock):
    def on_trial(dataset, trial):
        clock[0] += 1.0

    first = _search(tmp_path / "run", on_trial=on_trial, max_seconds=6)
    again = _search(tmp_path / "run", max_seconds=0)
    assert (again.stopped, again.num_evaluations, again.best) == ("max_seconds", 6, first.best)
    assert (again.trials, again.pending) == (first.trials, first.pending) and len(first.pending) == 2


def test_with_a_lag_no_evaluation_goes_on_after_the_time_is_up():
    class Slow(Counting):
        def evaluate(self, jobs):
            for answer in super().evaluate(jobs):
                time.sleep(0.05)
                yield answer

    evaluator = Slow(lag=1)
    result = _search(evaluator=evaluator, max_seconds=0.12)
    assert result.stopped == "max_seconds" and result.num_evaluations < 14
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon and "_drain" in thread.name:
            thread.join(20)
    count = len(evaluator.keys)
    assert count <= result.num_evaluations + 4
    time.sleep(0.2)
    assert len(evaluator.keys) == count


def test_an_evaluation_that_takes_too_long_is_dropped_and_made_anew_later(tmp_path):
    whole = _search(lag=1)
    is_over = threading.Event()

    class Stuck(Counting):
        def evaluate(self, jobs):
            for number, answer in enumerate(super().evaluate(jobs)):
                if number == 2:
                    assert is_over.wait(20)
                yield answer

    start = time.monotonic()
    result = _search(tmp_path / "run", evaluator=Stuck(lag=1), max_seconds=0.5)
    assert 0.5 <= time.monotonic() - start < 5
    is_over.set()
    assert (result.stopped, result.trials, len(result.pending)) == ("max_seconds", [], 4)  # two of each open batch
    again = Counting(lag=1)
    assert facts(_search(tmp_path / "run", evaluator=again).trials) == facts(whole.trials)
    assert not {trial.key for trial in result.pending} & set(again.keys) and len(again.keys) == 10


def test_the_search_leaves_the_time_that_is_reserved(tmp_path, clock):
    def on_trial(dataset, trial):
        clock[0] += 1.0

    settings = check_settings(
        _SPACE,
        strategy="random",
        strategy_config=None,
        max_evaluations=14,
        max_trials=None,
        max_seconds=10,
        batch_size=4,
        lag=0,
        seed=3,
        workdir=tmp_path / "run",
        warm_start_from=None,
    )
    best = []

    def reserve(trial):
        best.append(trial.reward)
        return 4.0

    result = run_search(Counting(), settings, on_trial=on_trial, reserve=reserve)
    assert (result.stopped, result.num_evaluations, clock[0]) == ("max_seconds", 6, 6.0)
    assert best == [max(best[: i + 1]) for i in range(6)] and best[-1] == result.best.reward
    again = run_search(Counting(), settings, on_trial=on_trial, reserve=lambda trial: 9.5)
    # Each start has the whole time, and what earlier ones found counts from the beginning.
    assert (again.num_evaluations, clock[0]) == (6, 8.0)


@pytest.mark.parametrize("value", [-1, "60", float("nan"), float("inf"), True])
def test_a_time_that_cannot_be(tmp_path, value):
    with pytest.raises(nk.InvalidValueError, match="max_seconds=.* is not allowed: it must be a number of at least 0"):
        _search(tmp_path / "run", max_seconds=value)
    assert not (tmp_path / "run").exists()


def test_on_trial_must_be_a_function(tmp_path):
    with pytest.raises(nk.InvalidValueError, match="on_trial=5 is not allowed: it must be a function, or None"):
        _search(tmp_path / "run", on_trial=5)
    assert not (tmp_path / "run").exists()


# --- A run that goes on -------------------------------------------------------------------------------------------


def test_a_run_that_is_continued_says_so(tmp_path, caplog):
    def log():
        return [text for text in caplog.messages if "is continued" in text]

    with caplog.at_level(logging.INFO, "absl"):
        first = _search(tmp_path / "run", evaluator=Counting(at=6))
        assert log() == [] and first.num_resumed == 0
        numbers = []
        again = _search(tmp_path / "run", on_batch=lambda dataset, batch: numbers.append(dataset.num_resumed))
    assert log() == [f"The run in {tmp_path / 'run'} is continued: it has 4 trials, and 2 more are finished."]
    assert again.num_resumed == 4 and set(numbers) == {4}
