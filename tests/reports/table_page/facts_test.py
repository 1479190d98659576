"""Tests of nas_keras/reports/table_page/facts.py."""

import math

import pytest
from helpers import grid
from reports.tables import SMALL, small_facts, write_accuracies

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.reports.table_page.facts import gather_table


@pytest.fixture(scope="module", name="facts")
def _facts(tmp_path_factory):
    return small_facts(tmp_path_factory.mktemp("facts"))


def test_cells_are_ranked_by_their_means(facts):
    assert [one.key for one in facts.standings] == [f"{i // 8},{i % 8}" for i in range(63, -1, -1)]
    assert list(facts.ranks.values()) == list(range(1, 65))
    assert [facts.standings[k].valid for k in (0, 63)] == pytest.approx([0.963, 0.9])
    assert facts.is_complete and facts.num_keys == 64 and facts.core_hours == 64.0
    assert facts.noise == pytest.approx(0.001 * 2**0.5) and facts.num_ties == 3  # within 2 * noise * sqrt(1/2 + 1/2)


def test_cells_without_an_accuracy_have_no_standing_and_equal_ones_share_a_rank(tmp_path):
    space = grid(5)
    accuracies = {("0", 0): (0.5, 0.5), ("1", 0): None, ("3", 0): (0.75, 0.25), ("4", 0): (0.75, 0.5)}
    facts = gather_table(write_accuracies(tmp_path / "t", space, accuracies), space)
    assert facts.ranks == {"3": 1, "4": 1, "0": 3}
    assert not facts.is_complete and facts.num_keys == 5 and math.isnan(facts.noise)


def test_tables_that_cannot_be_used(tmp_path):
    table = write_accuracies(tmp_path / "t", SMALL, {("0,0", 0): None})
    with pytest.raises(InvalidValueError, match=r"is of another space than .*grid.* Name the space that the table was"):
        gather_table(table, grid(2))
    with pytest.raises(DataError, match="^No record of the table has a validation accuracy"):
        gather_table(table, SMALL)
    with pytest.raises(DataError, match="^There is no table in"):
        gather_table(tmp_path / "nowhere", SMALL)
