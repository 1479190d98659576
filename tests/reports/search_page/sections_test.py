"""Tests of nas_keras/reports/search_page/sections.py: sections of runs that are made in memory."""

import pathlib

import numpy as np
import pytest
from reports.tables import rows_after, write_accuracies

import nas_keras as nk
from nas_keras.reports.search_page import sections
from nas_keras.reports.search_page.facts import RunFacts
from nas_keras.reports.table_facts import gather_table
from nas_keras.results.policy_history import History
from nas_keras.results.runs import Run

SPACE = nk.spaces.large(1)
ACTIONS = {SPACE.key(actions): actions for actions in SPACE.enumerate(distinct=True)}


def _facts(rewards, *, table=None):
    config = {
        "fixed": {"strategy": {"name": "ppo", "config": {}}, "seed": 3, "recipe": {"data": {"name": "a*b"}}},
        "budget": {"max_evaluations": 1_000},
    }
    trials = [
        nk.Trial(i, 0, 0, 0, ACTIONS[key], (), key, False, nk.Evaluation(reward, seconds=1_800))
        for i, (key, reward) in enumerate(rewards.items())
    ]
    return RunFacts(
        [Run(pathlib.Path("nowhere"), "P|PO", config, SPACE, [trials] if trials else [])], None, table, np.nan
    )


@pytest.fixture(scope="module", name="table")
def _table(tmp_path_factory):
    accuracies = {("conv_3x3", 0): (0.9, 0.9), ("conv_5x5", 0): (0.95, float("nan"))}
    folder = tmp_path_factory.mktemp("sections")
    return gather_table(write_accuracies(folder / "t", SPACE, accuracies), SPACE)


def test_the_title_is_escaped():
    assert sections.title(_facts({})) == "# The large1 space on a\\*b: searches and their winners"


def test_the_headlines(table):
    lines = sections.headlines(_facts({"conv_3x3": 0.5, "identity": 0.25}, table=table))
    assert lines[0] == (
        "P|PO: 2 of 1,000 cells evaluated, 2 samples with 0.00 % cache hits; best reward 50.00 %, conv_3x3."
    )
    assert lines[-1] == "The table holds 2 of the 8 cells of the space (25.0 %)."
    assert sections.headlines(_facts({"identity": float("nan")}))[0].endswith("; none succeeded.")


def test_the_searches_side_by_side():
    text = sections.searching(
        _facts({"conv_3x3": 0.5, "identity": float("nan"), "conv_5x5": 0.75}), {"rewards": "r.svg"}
    )
    assert rows_after(text, "## The searches") == [
        [r"P\|PO", "3", "3", "1", "3", "0.00", "1.50", "75.00", "62.50 ± 17.68"]
    ]
    assert "(r.svg)" in text


def test_the_ranks_of_the_best_in_the_table(table):
    text = sections.the_table(_facts({"conv_3x3": 0.5}, table=table))
    assert "1 of its 2 trainings have no test accuracy" in text
    assert text.endswith("The best of P\\|PO has rank 2 of the 2 cells in it, 5.00 points below the best.")
    assert "has rank" not in sections.the_table(_facts({"identity": 0.5}, table=table))
    assert sections.the_table(_facts({})).endswith("No table was given.")


@pytest.mark.parametrize(
    ("reproduced", "says"),
    [
        (1.0, "which proposed the same encodings as the run."),
        (0.5, "which proposed 50.00 % of the run's encodings;"),
        (None, "so these are shares of the choices among the latest proposals."),
    ],
)
def test_what_a_controller_learned(reproduced, says):
    (run,) = _facts({"conv_3x3": 0.5}).runs
    probabilities = [np.array([[0.125] * 8, [0, 1.0] + [0] * 6]), np.array([[0.5, 0.5], [0.25, 0.75]])]
    history = History(np.array([0, 1]), probabilities, reproduced)
    text = sections.policy(run, history, "p.svg")
    assert says in text and "over 1 batches" in text
    assert rows_after(text, "At the end") == [
        ["`op_1`", "`conv_3x3`", "100", "0.00"],
        ["`combine`", "`add`", "75", "0.81"],  # the entropy of 1/4 and 3/4 is 0.81 bits
    ]


def test_another_objective_refusals_and_the_front_are_shown():
    facts = _facts({"conv_3x3": 0.5, "identity": 0.25})
    (run,) = facts.runs
    run.fixed.update(objective="accuracy*(params/100)^-2", limits={"max_params": 20_000})
    values = (("conv_3x3", 0.5, 0.9, 1_200), ("identity", 0.75, 0.8, 72), ("conv_5x5", 0.25, 0.7, 3_000))
    run.batches[0][:] = [
        nk.Trial(i, 0, 0, 0, ACTIONS[key], (), key, False,
                 nk.Evaluation(reward, valid_accuracy=accuracy, num_params=size))
        for i, (key, reward, accuracy, size) in enumerate(values)
    ]  # fmt: skip
    refused = nk.Trial(3, 0, 0, 0, (4, 0), (), "conv_7x7", False, nk.Evaluation.refusal("large"))
    run.batches[0].append(refused)
    assert sections.headlines(facts)[0].endswith(
        "; best by accuracy*(params/100)^-2: 80.00 % with 72 parameters, identity."
    )
    text = sections.searching(facts, {"rewards": "r.svg"})
    assert "they maximize `accuracy*(params/100)^-2`, which ranks the cells." in text
    assert r"P\|PO: 1 further cells were refused without training (limits: max_params 20000)." in text
    text = sections.sizes(facts, {"sizes": "s.svg"})
    assert rows_after(text, "The line is the Pareto front") == [
        ["`identity`", "80.00", "72"],
        ["`conv_3x3`", "90.00", "1,200"],
    ]
    assert "Pareto" not in sections.sizes(_facts({"identity": 0.5}), {"sizes": "s.svg"})


def test_without_longer_trainings_the_best_reward_is_shown():
    text = sections.winners(_facts({"conv_3x3": 0.5}), {"best_cell": "b.svg"})
    assert "(b.svg)" in text and text.endswith("the cell with the highest reward is shown.")
