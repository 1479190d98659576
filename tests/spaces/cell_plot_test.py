"""Tests of nas_keras/spaces/cell_plot.py."""

import builtins

import pytest

import nas_keras as nk
from nas_keras.spaces.cell_plot import cell_graph


def _edges(cell):
    graph = cell_graph(cell)
    labels = {node: data["label"].partition("\n")[0] for node, data in graph.nodes(data=True)}
    return sorted((labels[a], labels[b]) for a, b in graph.edges)


@pytest.mark.parametrize(
    ("cell", "edges"),
    [
        (nk.cells.vgg(), [("conv_3x3", "conv_3x3"), ("conv_3x3", "output"), ("input", "conv_3x3")]),
        (
            nk.cells.resnet(),
            [
                ("add", "output"),
                ("conv_3x3", "add"),
                ("conv_3x3", "conv_3x3"),
                ("identity", "add"),
                ("input", "conv_3x3"),
                ("input", "identity"),
            ],
        ),
        (
            nk.cells.inception(),
            [("concat", "output")]
            + [(operation, "concat") for operation in ("conv_3x3", "conv_5x5")]
            + [("input", operation) for operation in ("conv_3x3", "conv_5x5", "max_pool_2x2")]
            + [("max_pool_2x2", "concat")],
        ),
    ],
)
def test_the_edges_of_the_human_cells(cell, edges):
    assert _edges(cell) == edges


def test_layers_follow_the_longest_way():
    graph = cell_graph(nk.cells.resnet())
    layers = {data["label"]: data["layer"] for _, data in graph.nodes(data=True)}
    assert layers == {"input": 0, "identity": 1, "conv_3x3": 2, "add": 3, "output": 4}  # the second conv_3x3


def test_the_drawing_shows_every_operation_and_the_key():
    figure = nk.plot_cell(nk.cells.inception())
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts if text.get_text()]
    assert sorted(texts) == ["concat\n1x1 conv", "conv_3x3", "conv_5x5", "input", "max_pool_2x2", "output"]
    assert axes.get_title() == "concat(conv_3x3,conv_5x5,max_pool_2x2)"
    assert nk.plot_cell(nk.cells.vgg(), title="VGG").axes[0].get_title() == "VGG"


def test_no_box_covers_the_head_of_an_arrow():
    figure = nk.plot_cell(nk.Cell.parse("concat(conv_1x3_3x1[sep_conv_3x3],max_pool_2x2)"))
    figure.draw_without_rendering()
    texts = figure.axes[0].texts
    boxes = [text.get_bbox_patch().get_window_extent() for text in texts if text.get_text()]
    arrows = [text.arrow_patch for text in texts if not text.get_text()]
    assert len(boxes) == len(arrows) == 6
    for arrow in arrows:
        (line, *_), _ = arrow._get_path_in_displaycoord()
        head = line.vertices[-1]
        inside = [box for box in boxes if box.x0 + 1 < head[0] < box.x1 - 1 and box.y0 + 1 < head[1] < box.y1 - 1]
        assert inside == [], head


def test_equal_keys_give_equal_drawings(tmp_path):
    written_twice = nk.Cell(((0, "identity"), (1, "conv_3x3"), (2, "conv_3x3")))
    assert written_twice.key == nk.cells.vgg().key
    assert _edges(written_twice) == _edges(nk.cells.vgg())
    nk.plot_cell(written_twice).savefig(tmp_path / "cell.svg")
    assert (tmp_path / "cell.svg").stat().st_size > 1000


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **settings):
        if name == "networkx":
            raise ModuleNotFoundError("No module named 'networkx'", name="networkx")
        return real(name, *arguments, **settings)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"Drawing a cell needs networkx: pip install 'nas_keras\[report\]'"):
        nk.plot_cell(nk.cells.vgg())
