"""Tests of nas_keras/system/figures.py."""

from nas_keras.system.figures import new_figure


def test_a_figure_shows_itself_in_a_notebook():
    figure = new_figure(2, 1)
    assert figure.get_size_inches().tolist() == [2, 1]
    assert figure._repr_svg_().lstrip().startswith("<?xml")
