"""Tests of nas_keras/reports/plots/style.py: styles, and the files of pictures."""

import itertools

import numpy as np
from helpers import run_python
from matplotlib.figure import Figure

from nas_keras.reports.plots import style


def test_any_number_of_series_has_a_style_each():
    styles = list(itertools.islice(style.series_styles(), 29))
    assert len(set(styles)) == 28 and styles[28] == styles[0]
    assert all(
        a.colour != b.colour and a.line != b.line and a.marker != b.marker for a, b in itertools.pairwise(styles)
    )


def test_the_smaller_kind_of_file_is_taken_and_the_same_picture_has_the_same_bytes():
    def few():
        return Figure()

    def many():
        figure = Figure()
        figure.add_subplot().plot(np.random.default_rng(0).random(5_000))
        return figure

    file, content = style.render(few(), "picture")
    assert file == "picture.svg" and content.startswith(b"<?xml")
    assert style.render(few(), "picture").content == content
    file, content = style.render(many(), "picture")
    assert file == "picture.png" and content.startswith(b"\x89PNG")


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
