"""Tests of nas_keras/reports/markdown.py."""

import math

import pytest

from nas_keras.reports.markdown import Code, Table, code, escape, make_table, number, percent


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("conv_1x3_3x1, 98.85 ± 0.03 %", "conv_1x3_3x1, 98.85 ± 0.03 %"),
        ("add(conv_3x3[conv_5x5],identity)", r"add(conv_3x3\[conv_5x5\],identity)"),
        ("_a_ *b* `c` |d| ~~e~~", r"\_a\_ \*b\* \`c\` \|d\| \~\~e\~\~"),
        ("# a\n- b\n\n<script>&amp;", r"\# a - b &lt;script\>&amp;amp;"),
        ("![x](http://y) $z$ \\", r"\!\[x\](http://y) \$z\$ \\"),
        ("", ""),
    ],
)
def test_text_is_shown_as_it_is(text, escaped):
    assert escape(text) == escaped


def test_code_where_it_can_be():
    assert code("add(conv_3x3[conv_5x5],identity)") == "`add(conv_3x3[conv_5x5],identity)`"
    assert code("a\n b") == "`a b`"
    assert code("a|b") == r"a\|b"
    assert code("a`b") == r"a\`b"
    assert code("") == ""


def test_tables():
    assert make_table(Table(["cell ", "mean"], [[Code("a"), 1], ["*b*", "–"]])).splitlines() == [
        "| cell | mean |",
        "| --- | --: |",
        "| `a` | 1 |",
        r"| \*b\* | – |",
    ]


def test_percent_and_numbers():
    assert percent(0.98854) == "98.85"
    assert percent(0.98854, 0.0003) == "98.85 ± 0.03"
    assert percent(0.98854, math.nan, digits=0) == "99"
    assert percent(math.nan, 0.1) == "–"
    assert number(0.126, error=0.011) == "0.13 ± 0.01"
    assert (number(0.126), number(2000, 0), number(math.nan)) == ("0.13", "2,000", "–")
