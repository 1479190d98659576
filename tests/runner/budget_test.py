"""Tests of nas_keras/runner/budget.py: searches that end, or go on, by the rules of their budget."""

import dataclasses
import hashlib
import json
import shutil

import pytest
from helpers import facts, grid

import nas_keras as nk
from nas_keras.runner import budget, checkpointing, proposing
from nas_keras.runner.budget import Budget
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_folder import Workspace
from nas_keras.strategies import Strategy
from nas_keras.trial import training_seed

_SPACE = grid(6, 6, 6)


class Chain(Strategy):
    """Every proposal depends on all that was told, and on what is open."""

    def __init__(self, space=_SPACE, seed=0):
        super().__init__(space, seed=seed)
        self._text, self._open = "", []

    def _ask(self, n, iteration):
        digest = hashlib.sha256(f"{self.seed}/{iteration}/{n}/{self._text}/{self._open}".encode()).digest()
        actions = [[byte % 6 for byte in digest[3 * i : 3 * i + 3]] for i in range(n)]
        self._open.append(actions)
        return nk.Proposals(actions)

    def _tell(self, trials, iteration):
        del self._open[:1]
        told = [(trial.actions, trial.reward, trial.evaluation.status) for trial in trials]
        self._text = hashlib.sha256(f"{self._text}{told}".encode()).hexdigest()

    def _state(self):
        return {"text": self._text, "open": json.loads(json.dumps(self._open))}

    def _restore(self, state):
        self._text, self._open = state["text"], json.loads(json.dumps(state["open"]))


class Refusing(nk.Evaluator):
    """Refuses every key whose digits have a sum that `refuses` divides; raises KeyboardInterrupt after `limit` keys."""

    recipe = {"refusing": 1}

    def __init__(self, refuses=None, limit=None, lag=0):
        self._refuses, self._limit, self.lag = refuses, limit, lag
        self.evaluated = []

    def evaluate(self, jobs):
        for job in jobs:
            if self._refuses and sum(job.actions) % self._refuses == 0:
                yield job, nk.Evaluation.refusal("too large")
                continue
            if len(self.evaluated) == self._limit:
                raise KeyboardInterrupt
            self.evaluated.append(job.key)
            yield job, nk.Evaluation(float(job.seed % 97), seconds=1.0)


def _search(workdir=None, *, refuses=None, limit=None, lag=0, **settings):
    settings = {"batch_size": 4, **settings}
    strategy = settings.pop("strategy", None) or Chain()
    evaluator = Refusing(refuses, limit, lag)
    result = nk.search(strategy.space, evaluator, strategy=strategy, workdir=workdir, **settings)
    assert len(evaluator.evaluated) == len(set(evaluator.evaluated))
    return result


@pytest.fixture(name="always")
def _always(monkeypatch):
    """A checkpoint after every batch, and every child in a file of its own."""
    monkeypatch.setattr(checkpointing, "_SECONDS", 0)


def _trial(key, *, cached=False, refused=False):
    evaluation = nk.Evaluation.refusal("no") if refused else nk.Evaluation(1.0)
    return nk.Trial(0, 0, 0, 0, (0,), (), key, cached, evaluation)


# --- The counts ---------------------------------------------------------------------------------------------------


def test_a_refused_key_gives_its_place_back_once_it_is_told():
    counts = Budget(2, 10)
    counts.count("a", is_new=True)
    counts.count("b", is_new=True)
    assert counts.spent() == "max_evaluations"
    counts.release_refused([_trial("a", refused=True), _trial("b"), _trial("a", refused=True, cached=True)])
    assert (counts.spent(), counts.evaluations_left, counts.trials_left) == (None, 1, 8)


def test_trials_in_a_row_without_a_new_key_end_the_search():
    counts = Budget(9, 99, max_idle=3)
    for key, reason in [("a", None), ("a", None), ("a", None), ("b", None), ("a", None), ("b", None)]:
        counts.count(key, is_new=False)
        assert counts.spent() == reason
    counts.count("b", is_new=False)
    assert counts.spent() == "no new proposals"
    assert dataclasses.replace(counts, max_idle=None).spent() is None


# --- Refusals -----------------------------------------------------------------------------------------------------


def test_a_refusal_is_stored_and_told_as_a_failure_and_costs_no_evaluation(tmp_path):
    result = _search(tmp_path / "run", refuses=2, max_evaluations=10)
    refused = [trial for trial in result.trials if trial.evaluation.refused and not trial.cached]
    assert refused and all(sum(trial.actions) % 2 == 0 for trial in refused)
    assert {trial.evaluation.status for trial in refused} == {"failed: refused: too large"}
    assert (result.num_evaluations, result.stopped) == (10, "max_evaluations")
    assert len({trial.key for trial in result.trials}) == 10 + len(refused)
    again = _search(tmp_path / "run", refuses=2, max_evaluations=10)
    assert facts(again.trials) == facts(result.trials) and again.num_evaluations == 10


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("max_evaluations", [1, 6, 11])
@pytest.mark.parametrize("refuses", [2, 3])
def test_the_budget_is_filled_exactly_with_refusals_for_any_lag(lag, max_evaluations, refuses):
    evaluator = Refusing(refuses, lag=lag)
    result = nk.search(_SPACE, evaluator, strategy=Chain(), max_evaluations=max_evaluations, batch_size=4)
    assert len(evaluator.evaluated) == max_evaluations == result.num_evaluations
    assert result.stopped == "max_evaluations"


def test_refusals_alone_end_with_max_trials_or_the_space():
    result = _search(refuses=1, max_evaluations=3)
    assert (result.stopped, result.num_evaluations, len(result.trials)) == ("max_trials", 0, 60)
    result = _search(refuses=1, max_evaluations=3, strategy=nk.strategies.RandomSearch(grid(2, 3)))
    assert (result.stopped, result.num_evaluations, len(result.trials)) == ("space exhausted", 0, 6)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("refuses", [None, 2])
def test_interrupted_with_or_without_checkpoints_d_is_the_same_with_refusals(tmp_path, lag, refuses):
    whole = _search(refuses=refuses, lag=lag, max_evaluations=13)
    for limit in range(1, 13, 2):
        for is_lost in (False, True):
            run = tmp_path / f"{limit}-{is_lost}"
            with pytest.raises(KeyboardInterrupt):
                _search(run, refuses=refuses, lag=lag, max_evaluations=13, limit=limit)
            if is_lost:
                shutil.rmtree(run / "checkpoints", ignore_errors=True)
            again = _search(run, refuses=refuses, lag=lag, max_evaluations=13)
            assert facts(again.trials) == facts(whole.trials), (limit, is_lost)
            assert again.stopped == whole.stopped


# --- Budgets in several steps -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("refuses", [None, 3])
@pytest.mark.parametrize("budgets", [(4, 9, 20), (8, 16), (5, 6, 7, 19), (12, 5, 20)])
def test_a_raised_budget_gives_the_same_d_whichever_checkpoints_are_lost(tmp_path, lag, refuses, budgets):
    found = []
    for lost in ("none", "newest", "all", "all but the oldest"):
        run = tmp_path / lost
        for max_evaluations in budgets:
            checkpoints = sorted((run / "checkpoints").glob("batch-*"))
            gone = {"none": [], "newest": checkpoints[-1:], "all": checkpoints, "all but the oldest": checkpoints[1:]}
            for path in gone[lost]:
                shutil.rmtree(path)
            result = _search(run, refuses=refuses, lag=lag, max_evaluations=max_evaluations)
        assert result.num_evaluations == max(budgets)
        found.append(facts(result.trials))
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("is_lost", [False, True])
def test_budgets_in_steps_give_the_d_of_one_if_no_batch_is_cut(tmp_path, lag, is_lost):
    whole = _search(lag=lag, max_trials=40, max_evaluations=40)
    for max_trials in (4, 12, 20, 40):
        if is_lost:
            shutil.rmtree(tmp_path / "run" / "checkpoints", ignore_errors=True)
        steps = _search(tmp_path / "run", lag=lag, max_trials=max_trials, max_evaluations=40)
        assert facts(steps.trials) == facts(whole.trials[:max_trials])


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("lag", [1, 2])
def test_a_run_whose_batches_were_asked_late_is_gone_through_as_it_was(tmp_path, monkeypatch, lag):
    """An earlier version told all batches before it asked for more: the trials say so."""
    run = tmp_path / "run"
    first = _search(run, lag=lag, max_evaluations=99, max_trials=8).trials
    strategy = Chain()
    for _ in range(2):
        strategy.ask(4)
    for batch in (first[:4], first[4:]):
        strategy.tell(batch)
    trials = []
    for i, actions in enumerate(strategy.ask(4).actions.tolist()):  # of a policy that was told everything
        key = _SPACE.key(actions)
        seed = training_seed(0, key)
        evaluation = nk.Evaluation(float(seed % 97), seconds=1.0)
        trials.append(nk.Trial(8 + i, 2, 2, seed, tuple(actions), (), key, False, evaluation))
    Dataset(Origin(_SPACE.fingerprint, fingerprint(Refusing.recipe)), Workspace(run)).append(trials)
    warnings = []
    monkeypatch.setattr(
        proposing.logging, "log_first_n", lambda level, text, n, *values: warnings.append(text % values)
    )
    result = _search(run, lag=lag, max_evaluations=99, max_trials=16)
    assert facts(result.trials[:12]) == facts([*first, *trials])
    assert {trial.policy_version for trial in result.trials[12:]} == {max(2, 3 - lag)}
    assert warnings == []


# --- A policy that only repeats itself ----------------------------------------------------------------------------


class Repeats(Strategy):
    """Proposes three keys and then the first one for ever."""

    def _ask(self, n, iteration):
        return nk.Proposals([[0, 0, i] for i in range(3)] if iteration == 0 else [[0, 0, 0]] * n)

    def _tell(self, trials, iteration):
        pass


def test_a_key_that_a_budget_dropped_is_not_lost(tmp_path):
    """A shortened batch may keep cache hits behind the keys that it drops."""
    evaluator = nk.FunctionEvaluator(lambda choices: choices[0], recipe={"mine": 1})
    settings = {"strategy": "random", "batch_size": 8}
    nk.search(grid(20), evaluator, max_evaluations=10, seed=9, workdir=tmp_path / "other", **settings)
    settings |= {"warm_start_from": tmp_path / "other"}
    for max_evaluations in (2, 4, 5, 11):
        run = nk.search(grid(20), evaluator, max_evaluations=max_evaluations, workdir=tmp_path / "run", **settings)
    assert len(run.trials) == len({trial.key for trial in run.trials}) == 20 and run.stopped == "space exhausted"


@pytest.mark.parametrize("lag", [0, 1])
def test_a_collapsed_policy_ends_the_search_by_a_stated_rule(tmp_path, monkeypatch, lag):
    monkeypatch.setattr(budget, "MOST_IDLE", 50)
    warnings = []
    monkeypatch.setattr(budget.logging, "warning", lambda text, *values: warnings.append(text % values))
    space = grid(6, 6, 6, key=lambda actions: str(list(actions)))  # nobody knows how many keys it has
    settings = {"lag": lag, "max_evaluations": 100, "batch_size": 10}
    result = _search(tmp_path / "run", strategy=Repeats(space), **settings)
    assert (result.stopped, len(result.trials), result.num_evaluations) == ("no new proposals", 53, 3)
    alarm, warning = warnings
    assert alarm.startswith("Alarm, policy collapsed: 10 of the 10 proposals are d0=0, d1=0, d2=0, ")
    assert warning.startswith("The latest 50 proposals were all cache hits: ")
    # The same again, and on if `max_trials` says that repeats are wanted.
    again = _search(tmp_path / "run", strategy=Repeats(space), **settings)
    assert (again.stopped, facts(again.trials)) == ("no new proposals", facts(result.trials))
    more = _search(tmp_path / "run", strategy=Repeats(space), max_trials=80, **settings)
    assert (more.stopped, len(more.trials)) == ("max_trials", 80)


def test_no_search_of_up_to_500_evaluations_can_end_by_that_rule():
    assert budget.MOST_IDLE == 500 * 20
    result = _search(strategy=Repeats(_SPACE), max_evaluations=20, batch_size=10)
    assert (result.stopped, len(result.trials)) == ("max_trials", 400)
