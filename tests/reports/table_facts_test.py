"""Tests of nas_keras/reports/table_facts.py."""

import dataclasses
import pathlib

import numpy as np
import pytest
from helpers import grid
from reports.tables import SMALL, small_facts, write_accuracies

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports.table_facts import gather_table, table_command

TABLE = pathlib.Path("a table")


@pytest.fixture(scope="module", name="facts")
def _facts(tmp_path_factory):
    return small_facts(tmp_path_factory.mktemp("facts"))


def test_cells_are_ranked_by_their_means(facts):
    assert facts.best == list(range(63, -1, -1))
    assert facts.ranks.tolist() == list(range(64, 0, -1))
    assert facts.valid.mean[[0, 63]] == pytest.approx([0.9, 0.963])
    assert facts.missing_keys == 0 and facts.core_hours == 64.0
    assert facts.noise == pytest.approx(0.001 * 2**0.5) and facts.num_ties == 3  # within 2 * noise * sqrt(1/2 + 1/2)


def test_cells_have_names_for_people(facts):
    assert facts.names[63] == "identity" and facts.names[3] == "conv_1x3_3x1[conv_5x5]"


def test_the_known_cells_of_a_space(facts, tmp_path):
    assert [(what, facts.names[k]) for what, k in facts.known] == [
        ("the paper's best", "conv_5x5[conv_1x3_3x1]"),
        ("the paper's best", "sep_conv_3x3[conv_7x7]"),
        ("VGG", "conv_3x3[conv_3x3]"),
    ]
    space = grid(2)
    assert gather_table(write_accuracies(tmp_path / "t", space, {("0", 0): (0.5, 0.5)}), space).known == []


def test_cells_without_an_accuracy_have_no_rank(tmp_path):
    space = grid(4)
    accuracies = {("0", 0): (0.5, 0.5), ("1", 0): None, ("3", 0): (0.75, 0.25)}
    facts = gather_table(write_accuracies(tmp_path / "t", space, accuracies), space)
    assert facts.best == [3, 0] and facts.missing_keys == 1
    assert facts.ranks.tolist() == [2, 0, 0, 1]
    assert np.isnan(facts.valid.mean).tolist() == [False, True, True, False]


def test_tables_that_cannot_be_used(tmp_path):
    table = write_accuracies(tmp_path / "t", SMALL, {("0,0", 0): None})
    with pytest.raises(InvalidValueError, match=r"is of another space than .*grid.* Name the space that the table was"):
        gather_table(table, grid(2))
    with pytest.raises(DataError, match="^No record of the table has a validation accuracy"):
        gather_table(table, SMALL)
    with pytest.raises(DataError, match="^There is no table in"):
        gather_table(tmp_path / "nowhere", SMALL)


def _with(facts, **recipe):
    return dataclasses.replace(facts, table=facts.table._replace(recipe={**facts.table.recipe, **recipe}))


def test_the_command_that_fills_a_table_of_a_named_recipe(facts, tmp_path):
    assert table_command(_with(facts, data={"name": "mnist"}), TABLE) == (
        "python launch/precompute_rewards.py --space=small --recipe=mnist_v1 --seeds=2 --table='a table'"
    )
    large = nk.spaces.large(2)
    accuracies = {(large.key(large.encode(nk.cells.vgg())), 0): (0.9, 0.9)}
    of_large = gather_table(write_accuracies(tmp_path / "t", large, accuracies), large)
    assert table_command(_with(of_large, data={"name": "mnist"}), TABLE) == (
        "python launch/precompute_rewards.py --space=large --num_nodes=2 --recipe=mnist_v1 --seeds=1 --table='a table'"
    )


def test_no_command_for_a_recipe_or_space_without_a_name(facts, tmp_path):
    mnist = {"data": {"name": "mnist"}}
    assert table_command(facts, TABLE) == ""  # other images
    assert table_command(_with(facts, **mnist, train={**facts.table.recipe["train"], "epochs": 4}), TABLE) == ""
    assert table_command(_with(facts, **mnist, child={}), TABLE) == ""
    space = grid(2)
    other = gather_table(write_accuracies(tmp_path / "t", space, {("0", 0): (0.5, 0.5)}), space)
    assert table_command(_with(other, **mnist), TABLE) == ""
