"""Tests of nas_keras/reports/table_command.py."""

import dataclasses
import pathlib

import pytest
from helpers import grid
from reports.tables import small_facts, write_accuracies

import nas_keras as nk
from nas_keras.reports.table_command import table_command
from nas_keras.reports.table_facts import gather_table

TABLE = pathlib.Path("a table")


@pytest.fixture(scope="module", name="facts")
def _facts(tmp_path_factory):
    return small_facts(tmp_path_factory.mktemp("command"))


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
