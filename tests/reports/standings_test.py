"""Tests of nas_keras/reports/standings.py."""

import dataclasses
import pathlib

import numpy as np
import pytest
from helpers import is_nan

import nas_keras as nk
from nas_keras.reports.standings import Standing, places, select_cells, standings
from nas_keras.results.runs import Run
from nas_keras.trial import Evaluation, Trial

SPACE = nk.spaces.large(1)


def _trial(key, evaluation, seed=0):
    return Trial(0, 0, 0, seed, SPACE.encode(nk.Cell.chain(key)), (), key, False, evaluation)


def _run(title, rewards):
    trials = [_trial(key, Evaluation(reward)) for key, reward in rewards.items()]
    return Run(pathlib.Path(title), title, {}, SPACE, [trials])


RUNS = [
    _run("PPO", {"conv_3x3": 0.7, "conv_5x5": 0.9, "identity": 0.8}),
    _run("random search", {"conv_7x7": 0.6, "conv_5x5": 0.9, "conv_3x3": 0.95}),
]


def test_the_best_of_each_search_come_first_and_each_cell_once():
    chosen = select_cells(RUNS, 2, {"conv_3x3": (9, 9), "avg_pool_2x2": (6, 0)})
    assert list(chosen) == ["conv_5x5", "identity", "conv_3x3", "avg_pool_2x2"]
    assert chosen["conv_3x3"] == (1, 0) and chosen["avg_pool_2x2"] == (6, 0)


def test_places_in_the_searches():
    assert places(RUNS, 2) == {
        "conv_5x5": ["PPO 1", "random search 2"],
        "identity": ["PPO 2"],
        "conv_3x3": ["random search 1"],
    }


def test_standings_are_means_with_standard_errors_the_best_first():
    nan = float("nan")
    trials = [
        _trial("identity", Evaluation(0.5, valid_accuracy=0.5, test_accuracy=0.25, num_params=7)),
        _trial("conv_3x3", Evaluation(0.5, valid_accuracy=0.5, test_accuracy=0.75, num_params=9), seed=1),
        _trial("conv_3x3", Evaluation(0.75, valid_accuracy=0.75, test_accuracy=nan, num_params=9), seed=2),
        _trial("conv_3x3", Evaluation.failure("no"), seed=3),
        _trial("conv_5x5", Evaluation.failure("no")),
    ]
    first, second = standings(trials)
    assert (first.key, first.valid) == ("conv_3x3", 0.625) and first.num_trainings == 2 and first.num_params == 9
    assert first.valid_error == pytest.approx(np.std([0.5, 0.75], ddof=1) / 2**0.5)
    assert first.test == 0.75 and is_nan(first.test_error)  # of the one that has one
    assert second._replace(valid_error=0.0, test_error=0.0) == Standing("identity", (7, 0), 0.5, 0.0, 0.25, 0.0, 1, 7)
    assert is_nan(second.valid_error)


def test_what_a_variant_of_the_recipe_gave_counts_only_where_nothing_else_is():
    own = Evaluation(0.5, valid_accuracy=0.5)
    half = dataclasses.replace(own, valid_accuracy=1.0, recipe="half")
    found = standings([_trial("identity", own), _trial("identity", half, 1), _trial("conv_3x3", half)])
    assert [(standing.key, standing.valid, standing.num_trainings) for standing in found] == [
        ("conv_3x3", 1.0, 1), ("identity", 0.5, 1)
    ]  # fmt: skip
    assert standings([]) == []
