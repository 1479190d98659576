"""Limits and objectives of whole searches: what is refused, what is told, and what a later start may change."""

import json
import math

import pytest
from helpers import facts, grid

import nas_keras as nk
from nas_keras.storage.table_writer import write_table

_SPACE = grid(4, 4)
_RECIPE = {"name": "r"}
_FORMULA = "accuracy*(params/100)^-0.5"


def _evaluation(choices, **changed) -> nk.Evaluation:
    """The accuracy grows with the choices, and so does the size: 100 to 1,600 parameters."""
    accuracy = (4 * choices[0] + choices[1] + 1) / 32
    values = {"num_params": round(3_200 * accuracy), "flops": 1e6 * accuracy, "epochs": 1}
    return nk.Evaluation(accuracy, valid_accuracy=accuracy, **{**values, **changed})


class _Sized(nk.Evaluator):
    """Evaluates as `_evaluation` says, and notes what it evaluated."""

    recipe = _RECIPE
    costs = ("num_params", "flops")

    def __init__(self, limits=None):
        self.limits = nk.Limits() if limits is None else limits
        self.evaluated = []

    def evaluate(self, jobs):
        for job in jobs:
            evaluation = _evaluation(job.architecture)
            refusal = self.limits.refuse(evaluation)
            if refusal is None:
                self.evaluated.append(job.key)
            yield job, refusal or evaluation


def _search(evaluator, workdir=None, *, budget=16, **settings):
    settings = {"strategy": "random", "batch_size": 4, "seed": 0, **settings}
    return nk.search(_SPACE, evaluator, max_evaluations=budget, workdir=workdir, **settings)


@pytest.fixture(name="table")
def _table(tmp_path):
    """A table of all 16 keys with two seeds each, as an older version wrote it, without FLOPs."""
    encodings = [tuple(actions) for actions in _SPACE.enumerate()]
    trials = [
        nk.Trial(i, 0, 0, i % 2, actions, (), _SPACE.key(actions), False, _evaluation(actions, flops=math.nan))
        for i, actions in enumerate(actions for actions in encodings for _ in range(2))
    ]
    write_table(tmp_path / "table", trials, space=_SPACE, recipe=_RECIPE)
    return tmp_path / "table"


def test_a_table_refuses_what_is_over_the_limit_and_the_budget_is_for_the_others(table, tmp_path):
    limits = nk.Limits(max_params=800)
    result = _search(nk.TableEvaluator(table, limits=limits), tmp_path / "run", budget=8)
    good = [trial for trial in result.trials if not trial.evaluation.failed]
    assert len(good) == result.num_evaluations == 8
    assert max(trial.evaluation.num_params for trial in good) == 800
    assert (result.best.reward, result.best.key) == (0.25, "1,3")
    refused = [trial for trial in result.trials if trial.evaluation.failed]
    assert {trial.evaluation.status.split(":")[1] for trial in refused} == {" refused"}
    assert min(trial.evaluation.num_params for trial in refused) == 900
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["fixed"]["limits"] == {"max_params": 800}
    assert config["fixed"]["recipe"] == _RECIPE


def test_a_start_with_other_limits_is_refused(table, tmp_path):
    limited = nk.TableEvaluator(table, limits=nk.Limits(max_params=800))
    plain = nk.TableEvaluator(table)
    _search(limited, tmp_path / "limited", budget=2)
    _search(plain, tmp_path / "plain", budget=2)
    for folder, evaluator, change in (
        ("limited", plain, 'limits: {"max_params": 800} before, null now'),
        ("plain", limited, 'limits: null before, {"max_params": 800} now'),
    ):
        before = sorted((tmp_path / folder).rglob("*.tfrecord"))
        with pytest.raises(nk.InvalidValueError) as caught:
            _search(evaluator, tmp_path / folder)
        assert change in str(caught.value)
        assert sorted((tmp_path / folder).rglob("*.tfrecord")) == before
    assert _search(limited, tmp_path / "limited", budget=8).num_evaluations == 8


def test_a_run_from_before_there_were_limits_continues(tmp_path):
    _search(_Sized(), tmp_path, budget=4)
    config = json.loads((tmp_path / "config.json").read_text())
    for name in ("limits", "objective"):
        del config["fixed"][name]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert _search(_Sized(), tmp_path, budget=8).num_resumed == 4


def test_a_limit_on_what_a_table_does_not_hold_is_refused(table):
    for limits, what in ((nk.Limits(max_flops=1e6), "FLOPs"), (nk.Limits(max_latency_ms=1), "ms")):
        with pytest.raises(nk.InvalidValueError, match=f"does not hold the {what} of 0,0"):
            nk.TableEvaluator(table, limits=limits)
    with pytest.raises(nk.InvalidValueError, match="limits=3 is not allowed: it must be an nk.Limits, or None"):
        nk.TableEvaluator(table, limits=3)


def test_a_table_and_the_evaluator_of_its_missing_keys_have_one_limit(table):
    limits = nk.Limits(max_params=800)
    assert nk.TableEvaluator(table, otherwise=_Sized(limits)).limits == limits
    with pytest.raises(nk.InvalidValueError, match="Give both the same limits"):
        nk.TableEvaluator(table, otherwise=_Sized(limits), limits=nk.Limits(max_params=801))


def test_a_refusal_is_no_result_under_other_limits(table, tmp_path):
    _search(_Sized(nk.Limits(max_params=400)), tmp_path / "small")
    larger = _Sized(nk.Limits(max_params=800))
    result = _search(larger, warm_start_from=tmp_path / "small")
    assert sorted(larger.evaluated) == ["1,0", "1,1", "1,2", "1,3"]  # 500 to 800: those before are known
    assert result.best.key == "1,3"
    # And the other way round: what is known is not used if it is over the limit.
    smaller = _Sized(nk.Limits(max_params=600))
    result = _search(smaller, warm_start_from=table, budget=4)
    assert smaller.evaluated == []
    assert result.best.key == "1,1"
    assert max(trial.evaluation.num_params for trial in result.trials if not trial.evaluation.failed) == 600


def test_what_a_warm_start_does_not_know_the_limited_cost_of_is_evaluated(table, caplog):
    evaluator = _Sized(nk.Limits(max_flops=0.25e6))
    result = _search(evaluator, warm_start_from=table, budget=16)
    assert len(evaluator.evaluated) == 8
    assert result.num_evaluations == 8
    assert "16 of 16 evaluations are left out, since they do not state what is limited: FLOPs" in caplog.text


def test_the_objective_is_the_reward_that_is_stored_and_told(table, tmp_path):
    result = _search(nk.TableEvaluator(table), tmp_path / "run", objective=_FORMULA)
    for trial in result.trials:
        expected = trial.evaluation.valid_accuracy * (trial.evaluation.num_params / 100) ** -0.5
        assert trial.reward == pytest.approx(expected, rel=1e-6)
        assert trial.evaluation.valid_accuracy == _evaluation(trial.actions).valid_accuracy
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["fixed"]["objective"] == _FORMULA
    assert config["fixed"]["recipe"] == _RECIPE


def test_a_start_with_another_objective_is_refused_and_a_warm_start_computes_it_anew(tmp_path):
    plain = _search(_Sized(), tmp_path / "plain")
    with pytest.raises(nk.InvalidValueError) as caught:
        _search(_Sized(), tmp_path / "plain", objective=_FORMULA)
    assert f'objective: null before, "{_FORMULA}" now' in str(caught.value)
    direct = _search(_Sized(), tmp_path / "direct", objective=_FORMULA)
    rewards = {trial.key: trial.reward for trial in direct.trials}
    for old in ("plain", "direct"):  # from accuracies, and from another objective
        evaluator = _Sized()
        known = _search(evaluator, tmp_path / f"from {old}", objective=_FORMULA, warm_start_from=tmp_path / old)
        assert {trial.key: trial.reward for trial in known.trials} == rewards
        assert evaluator.evaluated == []
        # Its own copy of them is not computed a second time.
        again = _search(evaluator, tmp_path / f"from {old}", objective=_FORMULA, warm_start_from=tmp_path / old)
        assert facts(again.trials) == facts(known.trials)
    back = _search(_Sized(), warm_start_from=tmp_path / "direct")
    assert {t.key: t.reward for t in back.trials} == {t.key: t.reward for t in plain.trials}


def test_a_function_is_an_objective_and_its_code_is_fixed(tmp_path):
    def small(evaluation):
        return -float(evaluation.num_params)

    result = _search(_Sized(), tmp_path, objective=small)
    assert (result.best.key, result.best.reward) == ("0,0", -100.0)
    assert result.best.evaluation.valid_accuracy == 1 / 32
    assert _search(_Sized(), tmp_path, objective=small).num_resumed == 16

    def large(evaluation):
        return float(evaluation.num_params)

    with pytest.raises(nk.InvalidValueError, match="objective: .*small .code .* before, .*large .code .* now"):
        _search(_Sized(), tmp_path, objective=large)


def test_an_objective_that_the_evaluator_cannot_serve_is_refused_before_any_file(table, tmp_path):
    for evaluator, objective, message in (
        (nk.TableEvaluator(table), "accuracy*(flops/1)^-1", "needs flops, which TableEvaluator does not have here"),
        (_Sized(), "accuracy*(latency/1)^-1", "needs latency_ms, which _Sized does not have here"),
        (_Sized(), "size", "objective='size' is not allowed"),
    ):
        with pytest.raises(nk.InvalidValueError, match=message):
            _search(evaluator, tmp_path / "run", objective=objective)
    assert not (tmp_path / "run").exists()


def test_a_reward_that_is_no_accuracy_ends_a_search_with_an_objective(tmp_path):
    evaluator = nk.FunctionEvaluator(lambda choices: 0.5)
    with pytest.raises(nk.InvalidValueError, match="has the reward 0.5 and valid_accuracy=nan"):
        _search(evaluator, tmp_path / "run", objective=_FORMULA)
    assert list((tmp_path / "run").rglob("*.tfrecord")) == []


class _Interrupted(_Sized):
    """Is interrupted before its evaluation number `last`, refusals included."""

    def __init__(self, limits, last):
        super().__init__(limits)
        self.left = last

    def evaluate(self, jobs):
        for answer in super().evaluate(jobs):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            yield answer


@pytest.mark.parametrize("last", [1, 6, 11])
def test_an_interrupted_search_with_refusals_ends_as_an_undisturbed_one(tmp_path, last):
    limits, settings = nk.Limits(max_params=900), {"budget": 7, "strategy": "evolution", "objective": _FORMULA}
    whole = _search(_Sized(limits), tmp_path / "whole", **settings)
    assert whole.num_evaluations == 7 and any(trial.evaluation.refused for trial in whole.trials)
    with pytest.raises(KeyboardInterrupt):
        _search(_Interrupted(limits, last), tmp_path / "cut", **settings)
    again = _search(_Sized(limits), tmp_path / "cut", **settings)
    assert facts(again.trials) == facts(whole.trials)
    assert (again.num_evaluations, again.stopped) == (7, whole.stopped)


@pytest.mark.parametrize("lag", [0, 1])
def test_a_search_of_which_everything_is_over_the_limit_ends(lag):
    result = _search(_Sized(nk.Limits(max_params=1)), budget=3, lag=lag, strategy="evolution", max_trials=64)
    assert (result.best, result.num_evaluations, result.stopped) == (None, 0, "max_trials")
    assert all(trial.evaluation.refused for trial in result.trials)


def test_an_evaluator_whose_limits_are_none_of_ours_is_refused():
    evaluator = _Sized()
    evaluator.limits = {"max_params": 3}
    with pytest.raises(nk.InvalidValueError, match="evaluator.limits=.* must be an nk.Limits"):
        _search(evaluator)
