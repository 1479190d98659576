"""Tests of nas_keras/results/loaded_run.py, on trials that no search made."""

import pathlib

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.results.loaded_run import Run

SPACE = grid(9)


def _trial(number, value, evaluation, *, cached=False):
    return nk.Trial(number, 0, 0, 0, (value,), (), str(value), cached, evaluation)


_GOOD, _BAD = nk.Evaluation(0.75), nk.Evaluation(0.25)
_TRIALS = [
    _trial(0, 1, _BAD),
    _trial(1, 2, nk.Evaluation.failure("no")),
    _trial(2, 3, nk.Evaluation.refusal("max_params=1")),
    _trial(3, 1, _BAD, cached=True),
]
_PENDING = _trial(4, 4, _GOOD)
RUN = Run(
    pathlib.Path("run"), "own", {"fixed": {"strategy": {"name": "ppo"}}}, SPACE, [_TRIALS[:2], _TRIALS[2:]], [_PENDING]
)


def test_trials_are_those_of_the_batches_and_of_the_open_one():
    assert RUN.told == _TRIALS and RUN.trials == [*_TRIALS, _PENDING]
    assert (RUN.strategy, RUN.objective, RUN.is_table) == ("ppo", None, False)


def test_neither_repeats_nor_refusals_are_evaluations():
    assert [trial.trial for trial in RUN.evaluated] == [0, 1, 4] and RUN.num_refused == 1


def test_the_best_are_those_that_succeeded_each_key_once():
    assert RUN.top(9) == [_PENDING, _TRIALS[0]] and RUN.best == _PENDING
    assert Run(pathlib.Path("run"), "own", RUN.config, SPACE, []).best is None


def test_a_table_ranks_keys_by_the_mean_over_their_trainings():
    trials = [_trial(0, 1, _GOOD), _trial(1, 2, nk.Evaluation(0.625)), _trial(2, 1, _BAD)]
    table = Run(pathlib.Path("t"), "t", {"recipe": {}}, SPACE, [trials])
    assert table.is_table and [(trial.trial, trial.reward) for trial in table.top(9)] == [(1, 0.625), (0, 0.5)]


def test_rows_have_a_column_for_each_decision(tmp_path):
    assert RUN.columns[:4] == ["trial", "d0", "key", "reward"]
    assert [row["d0"] for row in RUN.to_rows()] == [1, 2, 3, 1, 4]
    RUN.to_csv(tmp_path / "trials.csv")
    assert len((tmp_path / "trials.csv").read_text().splitlines()) == 6
    with pytest.raises(nk.InvalidValueError, match="is a folder. Name a file, such as trials.csv."):
        RUN.to_csv(tmp_path)
