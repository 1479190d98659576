"""Tests of nas_keras/runner/monitoring/children_table.py: the rows that TensorBoard's plugin HParams reads."""

import math
import pathlib

import pytest
from helpers import read_scalars
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

import nas_keras as nk
from nas_keras.runner.monitoring import children_table
from nas_keras.runner.monitoring.children_table import ChildrenTable

SPACE = nk.SearchSpace("net", [nk.Decision("filters", (8, 16)), nk.Decision("pool", ("max", None, 3))])


def _trial(number, reward=0.5, *, cached=False, **settings):
    evaluation = nk.Evaluation.failure("no") if reward is None else nk.Evaluation(reward, **settings)
    return nk.Trial(number, 0, 0, 0, (1, number % 3), (), str(number), cached, evaluation)


def _plugin_data(folder, tag):
    metadata = EventAccumulator(str(folder)).Reload().SummaryMetadata(tag)
    return plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)


def test_a_row_has_the_decisions_and_what_came_of_them(tmp_path):
    table = ChildrenTable(tmp_path, SPACE)
    table.add(_trial(1, 0.75, valid_accuracy=0.5, num_params=1234, seconds=2.0))
    row = tmp_path / "children" / "000001"
    begin = _plugin_data(row, "_hparams_/session_start_info").session_start_info
    assert {name: value.number_value or value.string_value for name, value in begin.hparams.items()} == {
        "filters": 16.0,
        "pool": "None",
    }
    assert begin.group_name == "000001"
    assert _plugin_data(row, "_hparams_/session_end_info").session_end_info.status == 1  # success
    assert read_scalars(row) == {
        "child/reward": [(0, 0.75)],
        "child/accuracy": [(0, 0.5)],
        "child/parameters": [(0, 1234.0)],
        "child/seconds": [(0, 2.0)],
    }


def test_a_failure_has_a_row_without_a_reward(tmp_path):
    ChildrenTable(tmp_path, SPACE).add(_trial(7, None))
    row = tmp_path / "children" / "000007"
    assert _plugin_data(row, "_hparams_/session_end_info").session_end_info.status == 2  # failure
    assert list(read_scalars(row)) == ["child/seconds"]


def test_repeats_and_refused_ones_have_none(tmp_path):
    table = ChildrenTable(tmp_path, SPACE)
    table.add(_trial(0, cached=True))
    table.add(nk.Trial(1, 0, 0, 0, (0, 0), (), "k", False, nk.Evaluation.refusal("too large")))
    assert not (tmp_path / "children").exists()


def test_after_the_first_rows_only_a_better_child_gets_one(tmp_path, monkeypatch):
    monkeypatch.setattr(children_table, "MOST_ROWS", 3)
    table = ChildrenTable(tmp_path, SPACE)
    assert table.count(_trial(0, 0.5)) and table.count(_trial(1, None))  # an earlier start has written these
    for number, reward in ((2, 0.25), (3, 0.4), (4, 0.75), (5, 0.75), (6, None), (7, 0.8)):
        table.add(_trial(number, reward))
    assert sorted(path.name for path in (tmp_path / "children").iterdir()) == ["000002", "000004", "000007"]


def test_the_columns_are_described_once():
    (value,) = ChildrenTable(pathlib.Path("x"), SPACE).columns()
    experiment = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content).experiment
    assert [info.name for info in experiment.hparam_infos] == ["filters", "pool"]
    assert [item.string_value for item in experiment.hparam_infos[1].domain_discrete.values] == ["3", "None", "max"]
    names = [info.display_name for info in experiment.metric_infos]
    assert names == ["reward", "accuracy", "parameters", "seconds"]


@pytest.mark.parametrize(
    ("choices", "values"),
    [((1, 2), [1, 2]), ((0.5, 1.5), [0.5, 1.5]), ((True, False), [True, False]), (("a", 1), ["a", "1"]),
     ((1, True), ["1", "True"]), ((math.inf, None), ["inf", "None"])],
)  # fmt: skip
def test_a_column_has_values_of_one_type(choices, values):
    assert children_table._values(choices) == values
