"""Tests of nas_keras/reports/table_page/sections.py on a table whose figures can be worked out by hand."""

import pathlib
import re

import pytest
from reports.tables import rows_after, small_facts

from nas_keras.reports.table_page import sections

PICTURES = {"heat_map": "h.svg", "sorted": "s.svg", "effects": "e.svg"}


@pytest.fixture(scope="module", name="facts")
def _facts(tmp_path_factory):
    return small_facts(tmp_path_factory.mktemp("sections"))


def test_the_title_is_escaped(facts):
    assert sections.title(facts) == "# The small space on mn&lt;i\\>st: results of its table"


def test_the_best_and_the_worst(facts):
    text = sections.cells(facts, PICTURES)
    best, worst = rows_after(text, "The best 10:"), rows_after(text, "The worst 10:")
    assert [row[0] for row in best] == [str(rank) for rank in range(1, 11)]
    assert [row[0] for row in worst] == [str(rank) for rank in range(55, 65)]
    assert best[1] == ["2", "`identity, avg_pool_2x2`", "96.20 ± 0.10", "86.20 ± 0.10", "2", "2", "12,345"]
    assert worst[-1][1:3] == ["`conv_1x3_3x1, conv_1x3_3x1`", "90.00 ± 0.10"]
    assert "(h.svg)" in text and "(s.svg)" in text
    assert "as a grid" not in sections.cells(facts, {"sorted": "s.svg"})


def test_of_cells_of_one_size_the_best_is_the_pareto_front(facts):
    (row,) = rows_after(sections.front(facts), "## The Pareto front")
    assert row[0] == "1" and row[-1] == "12,345"


def test_the_paper_s_cells_and_their_ranks(facts):
    assert rows_after(sections.known_cells(facts), "## Known cells") == [
        ["the paper's best", "`conv_5x5, conv_1x3_3x1`", "98.85", "98.88"]
        + ["92.40 ± 0.10", "82.40 ± 0.10", "40", "40"],  # its encoding is 3,0: cell 24
        ["the paper's best", "`sep_conv_3x3, conv_7x7`", "98.85", "98.20", "92.00 ± 0.10", "82.00 ± 0.10", "44", "44"],
        ["VGG", "`conv_3x3, conv_3x3`", "–", "–", "90.90 ± 0.10", "80.90 ± 0.10", "55", "55"],
    ]
    headlines = sections.headlines(facts, None)
    assert "One of the paper's two best, conv_5x5, conv_1x3_3x1, has rank 40 here." in headlines


def test_main_effects(facts):
    text = sections.operations(facts, PICTURES)
    rows = rows_after(text, "## The effects")
    assert len(rows) == 16
    # The first operation counts eight times as much as the second: 0.8 points a step, and 0.1.
    points = [row[2].split(" ± ")[0] for row in rows[:8]]
    assert points == ["-2.80", "-2.00", "-1.20", "-0.40", "+0.40", "+1.20", "+2.00", "+2.80"]
    assert rows[8][:2] == ["`op_2`", "`conv_1x3_3x1`"] and rows[8][2].startswith("-0.35 ± ")
    assert "read the effects only" not in text
    assert re.search(r"these effects explain: `op_1` 9\d %, `op_2` \d %; the remaining \d %", text)


def test_how_it_was_made(facts):
    text = sections.how_it_was_made(facts, pathlib.Path("a_table"), "python launch/report.py --searches=0")
    assert "`a_table` took 64.0 core-hours: the wall time of its 128 trainings, summed." in text
    assert ["`data`", r"digest 1\|2, name mn&lt;i\>st"] in rows_after(text, "## How this was made")
    assert ["`machine: processor`", r"A\*B &lt;c\>"] in rows_after(text, "## How this was made")
    assert text.endswith("\n```sh\npython launch/report.py --searches=0\n```")  # no command trains on "mn<i>st"
