"""Tests of nas_keras/reports/sections.py."""

import math

import numpy as np
import pytest

from nas_keras.comparison.table_searches import PAPER, TableSearches
from nas_keras.reports.importance import Importance
from nas_keras.reports.markdown import percent
from nas_keras.reports.sections import importance_section, searches_section

NEVER = math.inf


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([7, 9], "8 (7.5 to 8.5)"),
        ([4, 1, 3, 2, 5], "3 (2 to 4)"),
        ([1, 2, 3, NEVER], "2.5 (1.75 to never)"),
        ([NEVER, 5], "never (never to never)"),
    ],
)
def test_searches_on_a_table_and_those_that_never_found(numbers, shown):
    found = {"PPO": np.array(numbers, float), PAPER: np.array([NEVER, 5])}
    share = np.array([0.75, 0.25])
    searched = TableSearches({PAPER: np.zeros([2, 3])}, share, share, 0.05, found, found, share, 8, 0.9, 0.5, {})
    section = searches_section(searched, 64)
    assert section.title == "Searches on the table"
    assert section.text.startswith("Distinct cells evaluated up to the one sought; median (quartiles) of 2 searches. ")
    assert "Evaluating all 64 cells at random finds the best after 32.5" in section.text
    assert "puts 50 % of its probability on the 5 best cells, a uniform policy 5 %." in section.text
    times = sum(map(math.isfinite, numbers))
    assert section.table.rows[0] == ["PPO", shown, f"{times} of 2", shown, f"{times} of 2"]


def test_importance_is_a_section():
    section = importance_section([Importance("op_1", 0.75, "conv_5x5", 0.9, math.nan)], percent)
    assert section.title == "What matters" and "PED-ANOVA" in section.text
    assert section.table.rows == [["op_1", "75", "conv_5x5", "90.00", "–"]]
