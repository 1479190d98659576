"""Tests of nas_keras/reports/search_page/facts.py: runs and tables that are made in memory."""

import pathlib

import numpy as np
import pytest
from reports.tables import write_accuracies

import nas_keras as nk
from nas_keras.reports.rows import rows_of_runs
from nas_keras.reports.search_page.facts import RunFacts, accuracy_in
from nas_keras.reports.search_page.tables import sections
from nas_keras.reports.table_page.facts import gather_table
from nas_keras.results.runs import Run
from nas_keras.storage.table import read_table

SPACE = nk.spaces.large(2)
VGG, CONV = "conv_3x3[conv_3x3]", "conv_5x5"
ACTIONS = {SPACE.key(actions): actions for actions in SPACE.enumerate(distinct=True)}


def _trial(number, key, reward, *, cached=False):
    evaluation = nk.Evaluation.failure("no", seconds=1_800) if reward is None else nk.Evaluation(reward, seconds=1_800)
    return nk.Trial(number, number // 2, 0, 0, ACTIONS[key], (), key, cached, evaluation)


def _run(batches, pending=(), path="nowhere"):
    config = {"fixed": {"strategy": {"name": "random", "config": {}}, "recipe": {"function": "f"}}}
    return Run(pathlib.Path(path), "random search", config, SPACE, batches, list(pending))


@pytest.fixture(name="run")
def _run_of_six():
    """Four evaluations, one of which failed and one of which is pending, and a cache hit."""
    told = [
        [_trial(0, VGG, 0.5), _trial(1, CONV, 0.75)],
        [_trial(2, "identity", None), _trial(3, VGG, 0.5, cached=True)],
    ]
    return _run(told, [_trial(4, "max_pool_2x2", 0.25)])


def test_what_a_search_cost_and_found(run):
    run.fixed["seed"] = 3
    assert [accuracy_in(run, trial) for trial in run.evaluated] == pytest.approx([0.5, 0.75, np.nan, 0.25], nan_ok=True)
    (row,) = sections(RunFacts([run]), {}, None)["searches"].table.rows
    # Four trainings of half an hour, one of which failed, and a repeat.
    assert row == ["random search", 3, "4", 1, 0, "4", 1, "2.00", "0.75", "0.5"]


def test_the_best_of_equal_rewards_is_the_earliest():
    run = _run([[_trial(0, VGG, 0.5), _trial(1, CONV, 0.5)], [_trial(2, "identity", 0.25)]])
    facts = RunFacts([run])
    assert facts.best[1].key == VGG and facts.ties(run) == " (the earliest of 2 with this reward)"
    assert facts.ties(_run([[_trial(0, VGG, 0.5), _trial(1, CONV, 0.25)]])) == ""


def test_longer_trainings_and_a_table(run, tmp_path):
    longer = {(CONV, 0): (0.9, 0.8), (CONV, 1): (0.92, 0.82), (VGG, 0): (0.95, 0.9), (VGG, 1): (0.95, 0.9)}
    trained = read_table(write_accuracies(tmp_path / "trained", SPACE, longer))
    table = gather_table(write_accuracies(tmp_path / "table", SPACE, {(CONV, 0): (0.7, 0.7)}), SPACE)
    facts = RunFacts([run], trained, table)
    assert facts.human == {VGG: "VGG"}
    assert [one.key for one in facts.standings] == [VGG, CONV]
    assert facts.winner.key == CONV and facts.winner.valid == pytest.approx(0.91)  # no person designed it
    # The table's reward takes precedence over that of a search.
    assert {key: one.reward for key, one in facts.known.items()} == pytest.approx(
        {CONV: 0.7, VGG: 0.5, "max_pool_2x2": 0.25}
    )
    correlation, count = facts.order_kept
    assert np.isnan(correlation) and count == 2  # two cells have no order to speak of
    assert facts.best[1].key == CONV  # the winner's own trial in the search


def test_runs_of_another_objective_are_ranked_by_it_and_shown_by_their_accuracy():
    sized = [(VGG, 0.9, 0.1, 900), (CONV, 0.8, 0.3, 800), ("identity", 0.5, 0.2, 0), ("max_pool_2x2", 0.7, 0.25, 850)]
    trials = [
        nk.Trial(i, 0, 0, 0, ACTIONS[key], (), key, False,
                 nk.Evaluation(reward, valid_accuracy=accuracy, num_params=size))
        for i, (key, accuracy, reward, size) in enumerate(sized)
    ]  # fmt: skip
    refused = nk.Trial(4, 0, 0, 0, ACTIONS["conv_1x3_3x1"], (), "conv_1x3_3x1", False, nk.Evaluation.refusal("large"))
    run = _run([[*trials, refused]])
    run.fixed["objective"] = "accuracy*(params/100)^-2"
    # What was refused is no evaluation.
    assert [accuracy_in(run, trial) for trial in run.evaluated] == [0.9, 0.8, 0.5, 0.7]
    assert (run.top(1)[0].key, run.num_refused) == (CONV, 1)
    facts = RunFacts([run])
    assert facts.known[VGG].reward == 0.9
    rows = rows_of_runs(facts)
    assert rows["fronts"]["params"] == [1, 0] and rows["quality"] == "objective"
    (sizes,) = [one["values"] for one in rows["columns"] if one["key"] == "params"]
    assert sizes == [
        900,
        800,
        None,
        850,
        None,
    ]  # the last one was refused


def test_without_longer_trainings_there_is_no_winner(run):
    facts = RunFacts([run])
    assert (facts.standings, facts.winner, facts.best[1].key) == ([], None, CONV)
    assert facts.order_kept[1] == 0 and np.isnan(facts.order_kept[0])
    assert facts.names[VGG] == VGG


def test_accuracies_are_in_percent_and_other_rewards_as_they_are(run):
    facts = RunFacts([run])
    assert (facts.is_accuracy, facts.value(1234.5678), facts.value(float("nan"))) == (False, "1234.6", "–")
    run.fixed["recipe"] = {"data": {}, "train": {}, "child": {}}
    assert (facts.is_accuracy, facts.value(0.5, 0.01), facts.value(float("nan"))) == (True, "50.00 ± 1.00 %", "–")
