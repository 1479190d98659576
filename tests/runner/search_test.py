"""Tests of nas_keras/runner/search.py and loop.py: the rules of a search, with made-up evaluators."""

import contextlib
import dataclasses
import itertools
import json
import threading

import numpy as np
import pytest
from helpers import facts, grid

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.runner import proposing
from nas_keras.runner.result import top_trials
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_folder import Workspace
from nas_keras.strategies import RandomSearch, Strategy
from nas_keras.trial import training_seed


class Scripted(Strategy):
    """Proposes the given batches of encodings, each a text such as "a b c" of letters, and notes what happens.

    A letter is an encoding of `LETTERS`; two letters that differ only in case have the same key.
    """

    def __init__(self, *batches, space=None):
        super().__init__(space or LETTERS)
        self._batches = [batch.split() for batch in batches]
        self.calls, self.told = [], []

    def _ask(self, n, iteration):
        self.calls.append(f"ask {iteration}")
        batch = self._batches[iteration][:n] if iteration < len(self._batches) else []
        return nk.Proposals([[_NAMES.index(name)] for name in batch])

    def _tell(self, trials, iteration):
        self.calls.append(f"tell {iteration}")
        self.told.append(" ".join(_NAMES[trial.actions[0]] for trial in trials))


_NAMES = "abcdefghABCDEFGH"
LETTERS = nk.SearchSpace(
    "letters", [nk.Decision("letter", tuple(_NAMES))], key=lambda actions: _NAMES[actions[0]].lower()
)


class Counting(nk.Evaluator):
    """Gives each architecture a reward, or a failure for those in `failing`; raises an exception after `stop_after`.

    Every evaluation says that it took `seconds`, so that it is worth keeping (0.1) or not.
    """

    recipe = {"counting": 1}

    def __init__(self, *, lag=0, failing=(), stop_after=None, seconds=0.5, order=1):
        self.lag, self._failing, self._stop_after, self._seconds = lag, failing, stop_after, seconds
        self._order = order
        self.keys = []

    def evaluate(self, jobs):
        for job in list(jobs)[:: self._order]:
            if len(self.keys) == self._stop_after:
                raise KeyboardInterrupt
            self.keys.append(job.key)
            if job.key in self._failing:
                yield job, nk.Evaluation.failure("made to", seconds=self._seconds)
            else:
                yield job, nk.Evaluation(job.seed % 97, loss=1.0, num_params=len(self.keys), seconds=self._seconds)


def _search(strategy, evaluator=None, **settings):
    space = settings.pop("space", None) or strategy.space
    return nk.search(space, evaluator or Counting(), strategy=strategy, **settings)


def _on_disk(workdir, space, recipe=Counting.recipe):
    return Dataset(Origin(space.fingerprint, fingerprint(recipe)), Workspace(workdir)).trials


def _names(trials):
    return " ".join(_NAMES[trial.actions[0]] for trial in trials)


# --- Budgets ------------------------------------------------------------------------------------------------------


def test_new_keys_beyond_the_budget_are_dropped_neither_stored_nor_told(tmp_path):
    strategy, evaluator = Scripted("a b", "c d a e A", "f"), Counting()
    result = _search(strategy, evaluator, max_evaluations=3, workdir=tmp_path / "run")
    assert evaluator.keys == ["a", "b", "c"]
    assert strategy.told == ["a b", "c a A"]
    assert _names(result.trials) == _names(_on_disk(tmp_path / "run", LETTERS)) == "a b c a A"
    assert (result.num_evaluations, result.stopped) == (3, "max_evaluations")
    assert [trial.trial for trial in result.trials] == [0, 1, 2, 3, 4]
    assert [trial.iteration for trial in result.trials] == [0, 0, 1, 1, 1]


def test_failures_count():
    evaluator = Counting(failing="ab")
    result = _search(Scripted("a b c", "d e"), evaluator, max_evaluations=4)
    assert evaluator.keys == ["a", "b", "c", "d"]
    assert [trial.evaluation.failed for trial in result.trials] == [True, True, False, False]
    assert result.num_evaluations == 4 and result.trials[0].evaluation.status == "failed: made to"


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("max_evaluations", [1, 5, 12])
def test_no_more_keys_than_the_budget_for_any_lag(lag, max_evaluations):
    evaluator = Counting(lag=lag)
    result = nk.search(grid(4, 4), evaluator, strategy="random", max_evaluations=max_evaluations, batch_size=4)
    assert len(evaluator.keys) == len(set(evaluator.keys)) == max_evaluations == result.num_evaluations
    assert result.stopped == "max_evaluations"


def test_a_key_that_stands_twice_in_a_batch_is_evaluated_once():
    strategy, evaluator = Scripted("a b A a"), Counting(seconds=3)
    result = _search(strategy, evaluator)
    assert evaluator.keys == ["a", "b"] and strategy.told == ["a b A a"]
    assert [trial.cached for trial in result.trials] == [False, False, True, True]
    assert [trial.evaluation.seconds for trial in result.trials] == [3, 3, 0, 0]
    a, _, again, _ = result.trials
    assert again.actions == (8,) and again.key == "a" and again.seed == a.seed  # its own encoding, the same child
    assert repr(again.evaluation) == repr(dataclasses.replace(a.evaluation, seconds=0.0))


def test_a_repeat_of_an_earlier_batch_costs_nothing_and_is_told():
    strategy, evaluator = Scripted("a", "A b", "a B"), Counting(failing="b", seconds=3)
    result = _search(strategy, evaluator)
    assert evaluator.keys == ["a", "b"] and strategy.told == ["a", "A b", "a B"]
    assert [trial.cached for trial in result.trials] == [False, True, False, True, True]
    assert [trial.evaluation.seconds for trial in result.trials] == [3, 0, 3, 0, 0]
    assert [trial.reward for trial in result.trials[:2]] == [result.best.reward] * 2
    assert result.trials[4].evaluation.status == "failed: made to"


def test_max_trials_bounds_the_trials_told_repeats_included():
    strategy = Scripted("a b c", "a b c", "a b c")
    result = _search(strategy, max_trials=7, max_evaluations=5)
    assert strategy.told == ["a b c", "a b c", "a"]
    assert (len(result.trials), result.num_evaluations, result.stopped) == (7, 3, "max_trials")


def test_max_trials_is_twenty_times_the_evaluations_unless_given():
    result = _search(Scripted(*["a"] * 100), max_evaluations=2)
    assert (len(result.trials), result.stopped) == (40, "max_trials")


@pytest.mark.parametrize("lag", [0, 1])
def test_max_trials_holds_with_batches_in_flight(lag):
    result = _search(Scripted("a b", "a b", "a b"), Counting(lag=lag), max_trials=3, max_evaluations=9)
    assert (_names(result.trials), result.stopped) == ("a b a", "max_trials")


def test_a_search_ends_when_nothing_is_proposed():
    result = _search(Scripted("a b", "c"), max_evaluations=9)
    assert (_names(result.trials), result.stopped) == ("a b c", "nothing proposed")
    result = _search(Scripted(), max_evaluations=9)
    assert (result.trials, result.best, result.num_evaluations, result.stopped) == ([], None, 0, "nothing proposed")


def test_a_search_ends_when_every_key_is_known_unless_max_trials_was_given():
    class Same(Scripted):
        def _ask(self, n, iteration):
            return nk.Proposals([[0], [1], [1]][:n])

    result = _search(Same(space=grid(2)), max_evaluations=9)
    assert (len(result.trials), result.stopped) == (3, "space exhausted")
    result = _search(Same(space=grid(2)), max_evaluations=9, max_trials=8)
    assert (len(result.trials), result.stopped) == (8, "max_trials")
    # A space that does not know how many keys it has goes on to the default of max_trials.
    unknown = grid(2, key=lambda actions: str(actions[0]))
    assert _search(Same(space=unknown), max_evaluations=1, batch_size=3).stopped == "max_evaluations"
    assert _search(Same(space=unknown), max_evaluations=3, batch_size=3).stopped == "max_trials"


# --- What comes out -----------------------------------------------------------------------------------------------


def test_the_best_is_the_first_of_equal_ones_and_no_repeat_or_failure_is_in_the_top():
    rewards = {"a": 0.5, "b": 0.75, "c": float("nan"), "d": 0.75, "e": 0.25}
    evaluator = nk.FunctionEvaluator(lambda letters: rewards[letters[0].lower()])
    result = _search(Scripted("a b c", "B d e"), evaluator)
    assert result.best is result.trials[1] and result.workdir is None
    assert _names(result.top(9)) == "b d a e"
    assert _names(result.top(2)) == _names(top_trials(result.trials, 2)) == "b d"
    assert _search(Scripted("c"), evaluator).best is None


def test_an_evaluator_gets_jobs_that_say_all_it_needs():
    jobs = []

    class Notes:  # any object with this method will do
        def evaluate(self, asked):
            jobs.extend(asked)
            return [(job, nk.Evaluation(1.0)) for job in asked]

    _search(Scripted("b A"), Notes())
    assert jobs == [
        nk.Job("b", (1,), ("b",), training_seed(0, "b")),
        nk.Job("a", (8,), ("A",), training_seed(0, "a")),
    ]
    assert isinstance(jobs[0].actions[0], int)


def test_a_recipe_that_is_no_json_is_found_before_anything_is_written(tmp_path):
    with pytest.raises(InvalidValueError, match="not JSON serializable. It must be a JSON object"):
        nk.search(grid(2), nk.FunctionEvaluator(sum, recipe={"x": np.float32(1)}), workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_seed_decides_proposals_and_the_childrens_seeds():
    def trials(seed):
        return nk.search(grid(8, 8), Counting(), strategy="random", seed=seed, max_evaluations=6, batch_size=3).trials

    assert facts(trials(1)) == facts(trials(1))
    assert [trial.key for trial in trials(1)] != [trial.key for trial in trials(2)]
    assert trials(2)[0].seed == training_seed(2, trials(2)[0].key)


def test_on_batch_sees_d_and_each_new_batch_after_it_is_told(tmp_path):
    seen = []

    def note(strategy):
        return lambda dataset, batch: seen.append((_names(batch), dataset.num_evaluations, strategy.num_told))

    strategy = Scripted("a b", "c")
    _search(strategy, on_batch=note(strategy), workdir=tmp_path / "run")
    assert seen == [("a b", 2, 1), ("c", 3, 2)]
    strategy = Scripted("a b", "c", "d")
    _search(strategy, on_batch=note(strategy), workdir=tmp_path / "run")
    assert seen[2:] == [("d", 4, 3)]


# --- Order and lag ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lag", "calls", "policies"),
    [
        (0, "a0 t0 a1 t1 a2 t2 a3 t3 a4", [0, 1, 2, 3]),
        (1, "a0 a1 t0 a2 t1 a3 t2 a4 t3", [0, 0, 1, 2]),
        (2, "a0 a1 a2 t0 a3 t1 a4 t2 t3", [0, 0, 0, 1]),
        (9, "a0 a1 a2 a3 a4 t0 t1 t2 t3", [0, 0, 0, 0]),
    ],
)
def test_a_batch_is_asked_once_those_before_it_but_lag_are_told(lag, calls, policies):
    strategy = Scripted("a b", "c A", "b d", "e")
    result = _search(strategy, lag=lag)
    assert " ".join(call[0] + call[-1] for call in strategy.calls) == calls
    by_batch = [list(trials) for _, trials in itertools.groupby(result.trials, lambda trial: trial.iteration)]
    assert [{trial.policy_version for trial in batch} for batch in by_batch] == [{policy} for policy in policies]
    assert _names(result.trials) == "a b c A b d e"


@pytest.mark.parametrize("lag", [0, 1])
def test_the_lag_is_the_evaluators_unless_given(lag):
    strategy = Scripted("a", "b")
    _search(strategy, Counting(lag=1 - lag), lag=lag)
    assert strategy.calls[1] == ("ask 1" if lag else "tell 0")
    strategy = Scripted("a", "b")
    _search(strategy, Counting(lag=lag))
    assert strategy.calls[1] == ("ask 1" if lag else "tell 0")


def test_what_finishes_out_of_order_is_stored_and_told_in_order():
    finished, second_batch_done = [], threading.Event()

    class Reverse(nk.Evaluator):
        """The second batch finishes before the first, and each from its end."""

        def evaluate(self, jobs):
            if jobs[0].key == "a":
                assert second_batch_done.wait(20)
            for job in reversed(jobs):
                finished.append(job.key)
                yield job, nk.Evaluation(ord(job.key))
            second_batch_done.set()

    strategy = Scripted("a b c", "d e", "f g")
    result = _search(strategy, Reverse(), lag=1)
    assert finished == ["e", "d", "c", "b", "a", "g", "f"]
    assert strategy.told == ["a b c", "d e", "f g"]
    assert _names(result.trials) == "a b c d e f g"
    assert [trial.reward for trial in result.trials] == [float(ord(letter)) for letter in "abcdefg"]


def test_d_is_the_same_in_whatever_order_children_finish(tmp_path):
    def trials(name, **settings):
        evaluator = Counting(**settings)
        strategy = RandomSearch(grid(8, 8), seed=3)
        result = _search(strategy, evaluator, batch_size=5, max_evaluations=17, lag=1, workdir=tmp_path / name)
        assert facts(_on_disk(tmp_path / name, strategy.space)) == facts(result.trials)
        return [dataclasses.replace(t, evaluation=nk.Evaluation(t.reward)) for t in result.trials], evaluator.keys

    forwards, keys = trials("forwards")
    backwards, keys_backwards = trials("backwards", order=-1)
    assert facts(forwards) == facts(backwards) and keys != keys_backwards


def test_a_key_in_flight_is_not_started_twice():
    evaluator, second_is_asked = Counting(lag=1), threading.Event()
    evaluate = evaluator.evaluate

    def wait_for_the_second(jobs):
        if jobs[0].key == "a":
            assert second_is_asked.wait(20)
        yield from evaluate(jobs)
        second_is_asked.set()

    evaluator.evaluate = wait_for_the_second
    result = _search(Scripted("a b", "A c B"), evaluator)
    assert sorted(evaluator.keys) == ["a", "b", "c"]
    assert [trial.cached for trial in result.trials] == [False, False, True, False, True]
    assert result.trials[2].reward == result.trials[0].reward


def test_a_batch_of_repeats_alone_needs_no_evaluator():
    strategy, evaluator = Scripted("a", "A a", "a"), Counting(lag=1)
    _search(strategy, evaluator)
    assert strategy.told == ["a", "A a", "a"] and evaluator.keys == ["a"]


# --- Evaluators that do not do what they should -------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda jobs: [(jobs[0], nk.Evaluation(1.0))], r"gave no evaluation of \['b'\]"),
        (lambda jobs: [(jobs[0], nk.Evaluation(1.0))] * 2, "which it was not asked for"),
        (lambda jobs: [(job._replace(key="z"), nk.Evaluation(1.0)) for job in jobs], "for Job.key='z'.*not asked for"),
        (lambda jobs: [(job, 0.5) for job in jobs], "The evaluator gave 0.5 for Job"),
    ],
)
def test_an_evaluator_that_breaks_its_promise_ends_the_search(tmp_path, answer, says, lag):
    evaluator = nk.Evaluator()
    evaluator.evaluate = answer
    strategy = Scripted("a b")
    with pytest.raises(InvalidValueError, match=says):
        _search(strategy, evaluator, lag=lag, workdir=tmp_path / "run")
    assert strategy.told == [] and _on_disk(tmp_path / "run", LETTERS, {}) == []


@pytest.mark.parametrize("lag", [0, 2])
def test_an_exception_of_the_evaluators_ends_the_search(lag):
    def function(letters):
        if letters == ("c",):
            raise ZeroDivisionError("no c")
        return 1.0

    strategy = Scripted("a b", "c d", "e")
    with pytest.raises(ZeroDivisionError, match="no c"):
        _search(strategy, nk.FunctionEvaluator(function), lag=lag)
    assert strategy.told in ([], ["a b"]) if lag else strategy.told == ["a b"]


def test_rewards_that_are_no_number_are_failures():
    rewards = {"a": float("nan"), "b": float("inf"), "c": 0.5, "d": nk.Evaluation.failure("broken")}
    result = _search(Scripted("a b c d"), nk.FunctionEvaluator(lambda letters: rewards[letters[0]]))
    assert [trial.evaluation.status for trial in result.trials] == [
        "failed: the reward is not a finite number",
        "failed: the reward is not a finite number",
        "ok",
        "failed: broken",
    ]
    assert result.best.key == "c" and np.isnan(result.trials[3].reward)


# --- Interrupted and started again --------------------------------------------------------------------------------


def _random_run(workdir=None, evaluator=None, **settings):
    settings = {"max_evaluations": 11, "batch_size": 4, **settings}
    return nk.search(grid(4, 5), evaluator or Counting(), strategy="random", seed=6, workdir=workdir, **settings)


@pytest.mark.parametrize("n", range(11))
def test_interrupted_after_n_children_and_started_again_d_is_the_same(tmp_path, n):
    whole = facts(_random_run().trials)
    first, second = Counting(stop_after=n), Counting()
    second.keys = first.keys  # one list, so that num_params too is what a run without the break gives
    with pytest.raises(KeyboardInterrupt):
        _random_run(tmp_path / "run", first)
    assert len(list((tmp_path / "run" / "dataset").glob("*.tfrecord"))) == n // 4
    assert len(list((tmp_path / "run" / "pending").glob("*.tfrecord"))) == n % 4
    result = _random_run(tmp_path / "run", second)
    assert facts(result.trials) == facts(_on_disk(tmp_path / "run", grid(4, 5))) == whole
    assert len(first.keys) == len(set(first.keys)) == 11  # nothing was evaluated twice
    assert not list((tmp_path / "run" / "pending").glob("*"))


@pytest.mark.parametrize("n", [0, 1, 5, 8, 10])
def test_interrupted_with_two_batches_open(tmp_path, n):
    def rewards(trials):
        return facts(dataclasses.replace(t, evaluation=nk.Evaluation(t.reward)) for t in trials)

    first, second = Counting(stop_after=n, lag=1), Counting(lag=1)
    with pytest.raises(KeyboardInterrupt):
        _random_run(tmp_path / "run", first)
    kept = {trial.key for trial in _on_disk(tmp_path / "run", grid(4, 5))}
    pending = len(list((tmp_path / "run" / "pending").glob("*.tfrecord")))
    result = _random_run(tmp_path / "run", second)
    assert rewards(result.trials) == rewards(_random_run(lag=1).trials)
    assert not kept & set(second.keys)
    assert len(second.keys) == 11 - len(kept) - pending


def test_children_that_took_no_time_are_not_kept_in_files_of_their_own(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _random_run(tmp_path / "run", Counting(stop_after=6, seconds=0.09))
    assert not list((tmp_path / "run" / "pending").glob("*"))
    again = Counting(seconds=0.09)
    _random_run(tmp_path / "run", again)
    assert len(again.keys) == 7  # two of the second batch once more


def test_a_child_that_is_pending_counts_and_may_be_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _search(Scripted("a b c"), Counting(stop_after=2, failing="b"), workdir=tmp_path / "run")
    evaluator = Counting(failing="b")
    result = _search(Scripted("a b c"), evaluator, max_evaluations=3, workdir=tmp_path / "run")
    assert evaluator.keys == ["c"] and result.num_evaluations == 3
    assert [trial.evaluation.failed for trial in result.trials] == [False, True, False]
    assert [trial.cached for trial in result.trials] == [False] * 3
    assert [trial.evaluation.seconds for trial in result.trials] == [0.5] * 3


def test_a_finished_run_started_again_evaluates_nothing_and_says_the_same(tmp_path):
    result = _random_run(tmp_path / "run")
    evaluator = Counting()
    again = _random_run(tmp_path / "run", evaluator)
    assert evaluator.keys == []
    assert facts(again.trials, seconds=True) == facts(result.trials, seconds=True)
    assert (again.stopped, again.best.key) == (result.stopped, result.best.key)
    assert again.workdir == result.workdir == str(tmp_path / "run")


def test_a_raised_budget_continues_after_the_last_batch(tmp_path):
    before = _random_run(tmp_path / "run", max_evaluations=5).trials
    evaluator = Counting()
    after = _random_run(tmp_path / "run", evaluator, max_evaluations=9)
    assert facts(after.trials[:5]) == facts(before)
    assert len(evaluator.keys) == 4 and not set(evaluator.keys) & {trial.key for trial in before}
    assert [trial.iteration for trial in after.trials] == [0] * 4 + [1] + [2] * 4
    assert [trial.trial for trial in after.trials] == list(range(9))
    assert json.loads((tmp_path / "run" / "config.json").read_text())["budget"]["max_evaluations"] == 9


def test_a_lowered_budget_changes_nothing(tmp_path):
    _random_run(tmp_path / "run", max_evaluations=9)
    evaluator = Counting()
    result = _random_run(tmp_path / "run", evaluator, max_evaluations=2)
    assert (len(result.trials), result.num_evaluations, evaluator.keys) == (9, 9, [])


@pytest.fixture(name="warnings")
def _warnings(monkeypatch):
    """The warnings that are logged once in a process."""
    warnings = []
    monkeypatch.setattr(proposing.logging, "log_first_n", lambda level, text, n, *args: warnings.append(text % args))
    return warnings


def test_a_batch_that_the_budget_cut_is_no_reason_for_a_warning(tmp_path, warnings):
    """A repeat behind a new key beyond the budget: what is stored is not the first of what was asked."""
    batches = "a b e", "c d a", "d e f"
    _search(Scripted(*batches), max_evaluations=4, batch_size=3, workdir=tmp_path / "run")
    strategy = Scripted(*batches)
    result = _search(strategy, max_evaluations=9, batch_size=3, workdir=tmp_path / "run")
    assert strategy.told == ["a b e", "c a", "d e f"]
    assert _names(result.trials) == "a b e c a d e f"
    assert warnings == []


def test_what_stands_in_d_counts_if_another_machine_proposes_otherwise(tmp_path, warnings):
    _search(Scripted("a b", "c"), batch_size=2, workdir=tmp_path / "run")
    strategy = Scripted("a f", "c", "d")
    result = _search(strategy, batch_size=2, workdir=tmp_path / "run")
    assert _names(result.trials) == "a b c d" and strategy.told == ["a b", "c", "d"]
    assert len(warnings) == 1 and warnings[0].startswith("The strategy does not propose batch 0 of D again: ")


# --- PPO ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="ppo")
def _ppo():
    """Runs PPO on the small space from seed 5; gives the result and the controller's weights."""

    def run(workdir=None, stop_after=None, lag=1):
        space = nk.spaces.small()
        strategy = nk.strategies.PPO(space, nk.PPOConfig(steps=3, units=8, embedding=4, entropy=0.01), seed=5)
        settings = {"batch_size": 4, "max_evaluations": 14, "lag": lag, "workdir": workdir}
        evaluator = Counting(stop_after=stop_after)
        result = None
        try:
            result = nk.search(space, evaluator, strategy=strategy, **settings)
        except KeyboardInterrupt:
            assert stop_after is not None
        return result, strategy.controller.get_weights(), evaluator

    return run


def test_a_ppo_run_that_was_interrupted_gives_the_same_d_and_bit_equal_weights(ppo, tmp_path):
    whole, weights, _ = ppo()
    assert len(whole.trials) > 14 or whole.num_evaluations == 14
    assert all(len(trial.log_probs) == 2 for trial in whole.trials)
    ppo(tmp_path / "run", stop_after=10)
    again, weights_again, evaluator = ppo(tmp_path / "run")
    assert evaluator.keys and len(evaluator.keys) < 14
    assert [_plain(trial) for trial in again.trials] == [_plain(trial) for trial in whole.trials]
    for one, other in zip(weights, weights_again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_same_seed_gives_the_same_d_with_ppo():
    def run(seed):
        space, config = nk.spaces.small(), {"steps": 2, "units": 4}
        settings = {"strategy_config": config, "seed": seed, "max_evaluations": 8, "batch_size": 4}
        return nk.search(space, Counting(), strategy="ppo", **settings).trials

    one = facts(run(7))
    assert one == facts(run(7)) != facts(run(8))


def _plain(trial):
    """All of a trial but what depends on when its child was evaluated."""
    return repr(dataclasses.replace(trial, evaluation=nk.Evaluation(trial.reward)))


# --- Settings -----------------------------------------------------------------------------------------------------


def test_what_the_runs_folder_says_of_it(tmp_path):
    class Sourced(Counting):
        source = {"dataset": "dots"}

    space = grid(4, 5)
    nk.search(space, Sourced(), strategy="random", max_evaluations=4, batch_size=2, seed=3, workdir=tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == {
        "format": 1,
        "fixed": {
            "space": {
                "name": "grid",
                "fingerprint": space.fingerprint,
                "decisions": [
                    {"name": "d0", "choices": ["0", "1", "2", "3"]},
                    {"name": "d1", "choices": ["0", "1", "2", "3", "4"]},
                ],
            },
            "strategy": {"name": "random", "config": {}},
            "seed": 3,
            "batch_size": 2,
            "lag": 0,
            "recipe": {"counting": 1},
            "warm_start": None,
            "limits": None,
            "objective": None,
        },
        "budget": {"max_evaluations": 4, "max_trials": 80},
        "source": {"dataset": "dots"},
        "environment": {},
        "variants": {},
    }
    assert sorted(path.name for path in (tmp_path / "run" / "dataset").iterdir()) == [
        "trials-000000.tfrecord",
        "trials-000001.tfrecord",
    ]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"seed": 4}, "seed: 3 before, 4 now"),
        ({"batch_size": 3}, "batch_size: 2 before, 3 now"),
        ({"lag": 1}, "lag: 0 before, 1 now"),
        ({"space": grid(4, 6)}, "space: decision 'd1': choice 5 is new"),
        ({"strategy": "ppo"}, "strategy: random before, ppo now"),
        ({"evaluator": nk.FunctionEvaluator(sum)}, r'recipe: \{"counting": 1\} before, \{"function": "sum"\} now'),
        ({"seed": 4, "lag": 2}, "lag: 0 before, 2 now; seed: 3 before, 4 now"),
    ],
)
def test_changed_settings_are_refused_before_anything_is_written(tmp_path, changed, says):
    settings = {"space": grid(4, 5), "evaluator": Counting(), "strategy": "random", "seed": 3, "batch_size": 2}
    nk.search(**settings, max_evaluations=4, workdir=tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.name != "lock"}
    evaluator = Counting()
    with pytest.raises(InvalidValueError, match=f"is a run with other settings. {says}.*name another folder"):
        nk.search(**{**settings, "evaluator": evaluator, **changed}, max_evaluations=8, workdir=tmp_path / "run")
    assert evaluator.keys == []
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.name != "lock"}


def test_a_recipe_with_tuples_is_the_same_recipe_the_next_day(tmp_path):
    evaluator = nk.FunctionEvaluator(sum, recipe={"size": (3, 4)})
    for _ in range(2):
        result = nk.search(grid(2, 2), evaluator, strategy="random", workdir=tmp_path / "run")
    assert result.num_evaluations == 4


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_evaluations": 0}, "max_evaluations=0 is not allowed: it must be an integer of at least 1"),
        ({"max_evaluations": 2.5}, "max_evaluations=2.5 is not allowed"),
        ({"batch_size": 0}, "batch_size=0 is not allowed"),
        ({"max_trials": 0}, "max_trials=0 is not allowed"),
        ({"lag": -1}, "lag=-1 is not allowed: it must be an integer of at least 0"),
        ({"seed": -1}, "seed=-1 is not allowed"),
        ({"strategy": "luck"}, "strategy='luck' is unknown. Allowed: ppo, random"),
        ({"strategy": None}, "strategy=None is not allowed"),
        ({"strategy": RandomSearch}, "strategy=<class .*RandomSearch'> is not allowed"),
        ({"strategy_config": {"tempo": 1}}, "Strategy 'random' has no setting 'tempo'"),
        ({"evaluator": sum}, "evaluator=<built-in function sum> is not allowed.*FunctionEvaluator"),
    ],
)
def test_values_that_cannot_be_used_are_refused_before_anything_is_written(tmp_path, settings, says):
    settings = {"space": grid(4), "evaluator": Counting(), "strategy": "random", **settings}
    with pytest.raises(InvalidValueError, match=says):
        nk.search(**settings, workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


_ODD = {"not a dict": 5, "none": None, "a list": ["a"], "no JSON": {"a": np.float32(1)}, "NaN": {"a": float("nan")}}


@pytest.mark.parametrize("name", ["recipe", "source", "environment", "variants", "lag"])
@pytest.mark.parametrize("value", _ODD.values(), ids=_ODD)
def test_what_an_evaluator_says_of_itself_is_checked_before_anything_is_written(tmp_path, name, value):
    evaluator = Counting()
    setattr(evaluator, name, [value] if name == "variants" and value is not None else value)
    if (name, value) == ("lag", 5):
        evaluator.lag = 2.5
    with pytest.raises(InvalidValueError, match=rf"^evaluator\.{name}.* is not allowed: "):
        nk.search(grid(4), evaluator, strategy="random", workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("evaluate", [lambda: [], lambda jobs, seed: [], lambda *, jobs: []])
def test_a_method_evaluate_that_does_not_take_the_jobs_alone(tmp_path, evaluate):
    evaluator = Counting()
    evaluator.evaluate = evaluate
    with pytest.raises(InvalidValueError, match=r"its method evaluate\(.*\) must take the jobs and nothing else"):
        nk.search(grid(4), evaluator, strategy="random", workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("lag", [0, 1])
def test_an_exception_after_the_last_result_is_not_lost_and_no_child_is(tmp_path, lag):
    class Fails(Counting):
        def evaluate(self, jobs):
            yield from super().evaluate(jobs)
            raise OSError("cannot tidy up")

    with pytest.raises(OSError, match="cannot tidy up"):
        _search(Scripted("a b"), Fails(lag=lag), workdir=tmp_path / "run")
    evaluator = Counting(lag=lag)
    result = _search(Scripted("a b"), evaluator, workdir=tmp_path / "run")
    assert evaluator.keys == [] and _names(result.trials) == "a b"


def test_an_evaluator_may_refuse_a_space_before_anything_is_written(tmp_path):
    class Refuses(Counting):
        def check(self, space):
            raise InvalidValueError(f"not {space!r}")

    with pytest.raises(InvalidValueError, match="not SearchSpace.'grid'"):
        nk.search(grid(4), Refuses(), strategy="random", workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InvalidValueError, match="holds files but no config.json, so it is not a run folder"):
        nk.search(grid(4), Counting(), strategy="random", workdir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_searches_at_once_in_one_folder(tmp_path):
    def again(dataset, batch):
        nk.search(grid(4), Counting(), strategy="random", workdir=tmp_path)

    with pytest.raises(InvalidValueError, match="Another process is running in workdir="):
        nk.search(grid(4), Counting(), strategy="random", workdir=tmp_path, on_batch=again)


def test_damaged_files_end_the_search(tmp_path):
    nk.search(grid(4), Counting(), strategy="random", workdir=tmp_path)
    shard = tmp_path / "dataset" / "trials-000000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-3])
    with pytest.raises(DataError, match="trials-000000.tfrecord is corrupt"):
        nk.search(grid(4), Counting(), strategy="random", workdir=tmp_path)


# --- A strategy of the user's -------------------------------------------------------------------------------------


def test_a_strategy_object_brings_its_seed_and_name(tmp_path):
    strategy = RandomSearch(grid(4, 4), seed=9)
    result = nk.search(strategy.space, Counting(), strategy=strategy, max_evaluations=4, workdir=tmp_path / "run")
    assert result.trials[0].seed == training_seed(9, result.trials[0].key)
    fixed = json.loads((tmp_path / "run" / "config.json").read_text())["fixed"]
    assert fixed["strategy"]["name"] == "RandomSearch" and fixed["seed"] == 9


@pytest.mark.parametrize("why", ["used", "another space", "settings"])
def test_a_strategy_object_that_cannot_be_used(tmp_path, why):
    strategy = RandomSearch(grid(4, 4))
    space = strategy.space
    if why == "used":
        strategy.ask(1)
    if why == "another space":
        space = grid(4, 4)
    with pytest.raises(InvalidValueError, match="it must be new and made for the same space"):
        config = {"x": 1} if why == "settings" else None
        nk.search(space, Counting(), strategy=strategy, strategy_config=config, workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_log_probs_of_a_strategy_are_kept_in_single_precision():
    class Sure(Scripted):
        def _ask(self, n, iteration):
            proposals = super()._ask(n, iteration)
            return nk.Proposals(proposals.actions, np.full((len(proposals.actions), 1), -0.1))

    (trial,) = _search(Sure("a")).trials
    assert trial.log_probs == (float(np.float32(-0.1)),)
    assert _search(Scripted("a")).trials[0].log_probs == ()


def test_settings_by_name_as_text_or_in_an_object_are_the_same_run_and_others_are_refused(tmp_path):
    space = grid(3, 3)

    def run(**settings):
        evaluator = nk.FunctionEvaluator(sum)
        return nk.search(space, evaluator, batch_size=2, max_evaluations=2, workdir=tmp_path / "run", **settings)

    first = run(strategy="ppo", strategy_config={"steps": 3})
    assert facts(run(strategy="ppo", strategy_config={"steps": "3"}).trials) == facts(first.trials)
    with pytest.raises(InvalidValueError, match="strategy ppo: steps: 3 before, 4 now[.]"):
        run(strategy="ppo", strategy_config={"steps": 4})


def test_an_object_of_other_settings_is_refused(tmp_path):
    space = grid(3, 3)
    for steps in (3, 3, 4):
        strategy = nk.strategies.PPO(space, nk.PPOConfig(steps=steps))
        expected = contextlib.nullcontext()
        if steps == 4:
            expected = pytest.raises(InvalidValueError, match="strategy PPO: steps: 3 before, 4 now[.]")
        with expected:
            nk.search(
                space,
                nk.FunctionEvaluator(sum),
                strategy=strategy,
                batch_size=2,
                max_evaluations=2,
                workdir=tmp_path / "run",
            )


def _float_of(choices):
    return float(choices[0])


def test_a_run_that_goes_on_hands_the_evaluator_the_environment_it_began_with(tmp_path):
    class Evaluator(nk.FunctionEvaluator):
        environment = {"kernels": "new"}

        def resume(self, environment):
            self.environment = dict(environment)

    def search(evaluator, budget):
        return nk.search(grid(4), evaluator, strategy="random", max_evaluations=budget, workdir=tmp_path / "run")

    began = nk.FunctionEvaluator(_float_of, recipe={"r": 1})
    began.environment = {"kernels": "old"}
    search(began, 1)
    goes_on = Evaluator(_float_of, recipe={"r": 1})
    search(goes_on, 2)
    assert goes_on.environment == {"kernels": "old"}
    assert json.loads((tmp_path / "run" / "config.json").read_text())["environment"] == {"kernels": "old"}


def test_a_child_of_a_variant_of_the_recipe_is_kept_as_such_and_read_again(tmp_path):
    class Evaluator(nk.FunctionEvaluator):
        variants = [{"r": "half"}]

        def evaluate(self, jobs):
            for job, evaluation in super().evaluate(jobs):
                yield job, dataclasses.replace(evaluation, recipe=fingerprint({"r": "half"}) if job.key == "2" else "")

    def search(budget):
        evaluator = Evaluator(_float_of, recipe={"r": "whole"})
        return nk.search(grid(4), evaluator, strategy="random", max_evaluations=budget, workdir=tmp_path / "run")

    search(3)
    recipes = {trial.key: trial.evaluation.recipe for trial in search(4).trials}
    assert recipes == {"0": "", "1": "", "2": fingerprint({"r": "half"}), "3": ""}
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["variants"] == {fingerprint({"r": "half"}): {"r": "half"}}
