"""Tests of nas_keras/reports/table_page/limits.py on a table whose figures can be worked out by hand."""

import pytest
from helpers import grid
from reports.tables import rows_after, small_facts, write_accuracies

from nas_keras.reports.table_facts import gather_table
from nas_keras.reports.table_page import limits

SINGLE = 0.1 * 2**0.5  # points; the standard deviation of -0.1 and +0.1


@pytest.fixture(scope="module", name="facts")
def _facts(tmp_path_factory):
    return small_facts(tmp_path_factory.mktemp("limits"))


def test_noise_is_pooled_over_cells(facts):
    everything, quarter = rows_after(limits.noise(facts), "## Noise")
    assert everything[:3] == ["all 64", f"{SINGLE:.3f}", f"{SINGLE / 2**0.5:.3f}"] == ["all 64", "0.141", "0.100"]
    assert quarter[0] == "the best 16" and everything[4] == quarter[4] == "0.100"


def test_pairs_that_are_the_same_network(facts):
    text = limits.noise(facts)
    pairs = rows_after(text, "### Pairs")
    assert len(pairs) == 7  # identity before or after each other operation
    # Cells 7 and 56 are 4.9 points apart; each mean has the error 0.1.
    assert pairs[0][:5] == ["`conv_1x3_3x1, identity`", "`identity, conv_1x3_3x1`", "-4.900", "0.141", "-34.65"]
    assert "; 7 of 7 p-values are below 0.05, where noise " in text


def test_the_cells_within_two_standard_errors_of_the_best_are_ties(facts):
    # The standard error of a difference of two means of two trainings is the deviation of one: 0.141 points. The cells
    # are 0.1 points apart, so that the next two are within 0.283.
    assert limits.count_ties(facts) == 3
    assert "By the noise of the best 16, 3 cells, the best included, are within" in limits.noise(facts)


def test_seeds_that_agree_on_the_order_have_correlation_1(facts):
    everything, quarter = rows_after(limits.order(facts), "## The order of the cells")
    assert everything == ["all 64", "1.00 (1.00 to 1.00)", "1.00"]
    assert quarter == ["best 16", "1.00 (1.00 to 1.00)", "1.00"]
    assert "of 1 pairs of seeds" in limits.order(facts)


def test_one_training_says_nothing_of_noise(tmp_path):
    space = grid(2, 2)
    table = write_accuracies(
        tmp_path / "t", space, {(space.key(a), 0): (0.5 + 0.1 * sum(a), 0.5) for a in [(0, 0), (1, 1)]}
    )
    facts = gather_table(table, space)
    text = limits.noise(facts)
    assert rows_after(text, "## Noise")[0] == ["all 2", "–", "–", "–", "20.000"]
    assert "By the noise of" not in text and "No two cells of the table are the same network." in text
    assert rows_after(limits.order(facts), "## The order")[0][1] == "–"
