"""Tests of nas_keras/results/tabular/optuna_study.py: what Optuna itself reads from a study of a run."""

import math
import sys
import warnings

import pytest
from helpers import run_python

import nas_keras as nk
from nas_keras.results.tabular import optuna_study

optuna = pytest.importorskip("optuna")

SPACE = nk.SearchSpace("net", [nk.Decision("filters", (8, 16, 32)), nk.Decision("pool", ("max", None))])


def _evaluate(architecture):
    filters, pool = architecture
    if filters == 8:
        return nk.Evaluation.failure("out of memory")
    if filters == 32:
        return nk.Evaluation.refusal("num_params 9,000 is over the limit of 5,000", num_params=9_000)
    return nk.Evaluation(0.9 if pool else 0.8, num_params=100, flops=1e6, seconds=30.0)


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("study") / "run"
    nk.search(SPACE, nk.FunctionEvaluator(_evaluate), strategy="random", workdir=workdir, batch_size=3)
    return nk.load_run(workdir)


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _study(**settings):
    return optuna.create_study(direction="maximize", **settings)


def test_optuna_reads_what_d_holds(run, tmp_path):
    storage = f"sqlite:///{tmp_path / 'run.db'}"
    assert run.to_optuna(_study(storage=storage, study_name="run")) == len(run.trials) == 6
    study = optuna.load_study(storage=storage, study_name="run")
    states = {(trial.params["filters"], trial.params["pool"]): trial.state.name for trial in study.trials}
    assert states == {
        (8, "max"): "FAIL", (8, "None"): "FAIL", (16, "max"): "COMPLETE", (16, "None"): "COMPLETE",
        (32, "max"): "PRUNED", (32, "None"): "PRUNED",
    }  # fmt: skip
    assert (study.best_value, study.best_params) == (0.9, {"filters": 16, "pool": "max"})
    best = study.best_trial
    assert best.distributions["filters"] == optuna.distributions.CategoricalDistribution((8, 16, 32))
    assert best.duration.total_seconds() == 30
    facts = {name: best.user_attrs[name] for name in ("key", "num_params", "flops", "seconds", "cached", "status")}
    assert facts == {"key": "filters=16, pool=max", "num_params": 100, "flops": 1e6, "seconds": 30.0, "cached": False,
                     "status": "ok"}  # fmt: skip
    (failed, *_) = [trial for trial in study.trials if trial.state.name == "FAIL"]
    assert failed.value is None and failed.user_attrs["status"] == "failed: out of memory"
    assert [trial.user_attrs["trial"] for trial in study.trials] == list(range(6))


def test_what_the_study_holds_is_not_added_again(run):
    study, part = _study(), nk.load_run(run.path)
    part.batches.pop()
    assert (part.to_optuna(study), run.to_optuna(study), run.to_optuna(study)) == (3, 3, 0)
    assert len(study.trials) == 6


def test_trainings_of_one_key_in_a_table_are_trials_of_their_own():
    space = nk.spaces.small()
    trials = [
        nk.Trial(number, 0, 0, seed, (0, 1), (), "0,1", False, nk.Evaluation(0.5 + seed / 10))
        for number, seed in ((0, 1), (0, 2))
    ]
    study = _study()
    assert optuna_study.add_trials(study, space, trials, {}) == 2
    assert [trial.value for trial in study.trials] == [0.6, 0.7]


def test_choices_that_are_equal_for_optuna_are_told_apart_by_their_names():
    space = nk.SearchSpace("net", [nk.Decision("x", (1, True, math.nan))])
    trials = [nk.Trial(i, 0, 0, 0, (i,), (), str(i), False, nk.Evaluation(0.1 * i)) for i in range(3)]
    study = _study()
    with warnings.catch_warnings(action="error"):
        optuna_study.add_trials(study, space, trials, {})
    assert [trial.params["x"] for trial in study.trials] == ["1", "True", "nan"]


def test_studies_of_something_else_are_refused(run, tmp_path):
    other = tmp_path / "other"
    nk.search(SPACE, nk.FunctionEvaluator(_evaluate), strategy="evolution", max_evaluations=2, workdir=other)
    study = _study(study_name="mine")
    run.to_optuna(study)
    with pytest.raises(nk.InvalidValueError, match="'mine' holds 6 trials of something else than this run. Name anoth"):
        nk.load_run(other).to_optuna(study)
    foreign = _study()
    foreign.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(nk.InvalidValueError, match="holds 1 trial of something else"):
        run.to_optuna(foreign)
    with pytest.raises(nk.InvalidValueError, match="does not maximize one value"):
        run.to_optuna(optuna.create_study(direction="minimize"))
    with pytest.raises(nk.InvalidValueError, match="study='x.db' is not allowed: it must be an optuna.study.Study"):
        run.to_optuna("x.db")


@pytest.mark.parametrize("storage", ["x.db", "sqlite:////nowhere/x.db", "nothing://x", "redis://x"])
def test_a_database_that_cannot_be_opened_is_refused(storage):
    with pytest.raises(nk.InvalidValueError, match="cannot be opened: .*Name a database as Optuna does"):
        optuna_study.open_study(storage, "run")


def test_without_optuna_the_extra_is_named(monkeypatch, run):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(nk.NasKerasError, match=r"need optuna: pip install 'nas_keras\[optuna\]'"):
        run.to_optuna(None)


def test_the_module_alone_imports_neither_optuna_nor_pandas():
    code = "import sys, nas_keras.results.tabular.optuna_study; print(*{'pandas', 'optuna'} & {*sys.modules})"
    assert run_python(code).stdout == "\n"
