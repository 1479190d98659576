"""Tests of nas_keras/reports/plots/style.py: styles, and the files of pictures."""

import itertools

from helpers import run_python
from matplotlib.figure import Figure

from nas_keras.reports.plots import style


def test_any_number_of_series_has_a_style_each():
    styles = list(itertools.islice(style.series_styles(), 29))
    assert len(set(styles)) == 28 and styles[28] == styles[0]
    for one, other in itertools.pairwise(styles):
        assert all(a != b for a, b in zip(one, other, strict=True))


def test_the_same_picture_has_the_same_bytes():
    content = style.render(Figure(), "picture")
    assert content.startswith(b"<?xml") and content == style.render(Figure(), "picture")


def test_an_error_rate_of_zero_is_labelled_as_all_correct():
    assert [style.accuracy_label(error) for error in (5, 0.1, 0.01, style.SMALLEST_ERROR)] == [
        "95", "99.9", "99.99", "100"
    ]  # fmt: skip


def test_matplotlib_comes_with_the_first_picture_and_pyplot_never():
    code = """
import sys
import nas_keras as nk
from nas_keras.comparison import table_searches
from nas_keras.reports.plots import table_plots
print("matplotlib" in sys.modules, "scipy" in sys.modules)
table_plots.heat_map([[0.5]], rows=nk.Decision("a", (0,)), columns=nk.Decision("b", (0,)))
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    done = run_python(code)
    assert done.stdout.splitlines() == ["False False", "True False"], done.stderr
