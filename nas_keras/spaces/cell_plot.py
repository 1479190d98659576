"""The picture of a cell: its canonical form as a layered graph, from the input (left) to the output (right)."""

from typing import Any

from nas_keras.errors import DependencyError, InvalidValueError, check_type, shown
from nas_keras.spaces.cell import Cell, Tree
from nas_keras.system.figures import new_figure

_INPUT, _OUTPUT = "input", "output"
# The colours of Okabe and Ito, as in all pictures of this package.
_COLOURS = {  # by the beginning of an operation's name
    "conv": "#56B4E9",
    "sep": "#009E73",
    "max": "#E69F00",
    "avg": "#F0E442",
    "identity": "#DDDDDD",
}
_USER_COLOUR, _END_COLOUR = "#CC79A7", "#FFFFFF"  # a user's operation; input, output and combiner
_LINE_COLOUR = "#555555"


def cell_graph(cell: Cell) -> Any:
    """The canonical form of a cell as a `networkx.DiGraph`.

    Nodes are "input", "output", the operations (numbered from the input on) and, if there are several loose ends, the
    combiner. Each node has the attributes `label`, its text, and `layer`, the length of the longest path to it.
    """
    import networkx

    graph = networkx.DiGraph()
    graph.add_node(_INPUT, label=_INPUT)
    ends: list[str] = []
    for tree in cell.trees:
        _add(graph, _INPUT, tree, ends)
    last = ends[0]
    if len(ends) > 1:
        last = cell.combine
        graph.add_node(last, label=f"{cell.combine}\n1x1 conv" if cell.combine == "concat" else cell.combine)
        graph.add_edges_from((end, last) for end in ends)
    graph.add_node(_OUTPUT, label=_OUTPUT)
    graph.add_edge(last, _OUTPUT)
    for layer, nodes in enumerate(networkx.topological_generations(graph)):
        for node in nodes:
            graph.nodes[node]["layer"] = layer
    return graph


def plot_cell(cell: Cell, *, title: str | None = None) -> Any:
    """Draws the canonical form of a cell; equal keys give equal drawings.

    Args:
        cell: the cell, such as one of `nk.cells`.
        title: title above the drawing; by default the cell's key.

    Returns:
        A `matplotlib.figure.Figure`, which a notebook shows; `figure.savefig("cell.svg")` writes it.

    Raises:
        InvalidValueError: if `cell` is not an `nk.Cell` or `title` is not a text.
        DependencyError: without the extra `[report]`.
    """
    if not isinstance(cell, Cell):
        raise InvalidValueError(f"cell={shown(cell)} is not allowed: it must be an nk.Cell, such as nk.cells.vgg().")
    if title is not None:
        check_type("title", title, str, "a text, or None")
    try:
        import networkx
    except ModuleNotFoundError as error:
        raise DependencyError(f"Drawing a cell needs {error.name}: pip install 'nas_keras[report]'") from error
    graph = cell_graph(cell)
    places = networkx.multipartite_layout(graph, subset_key="layer", align="vertical")
    layers = [data["layer"] for _, data in graph.nodes(data=True)]
    figure = new_figure(1.5 * (max(layers) + 1) + 0.5, 0.75 * max(map(layers.count, layers)) + 0.9)
    axes = figure.add_subplot()
    labels = networkx.get_node_attributes(graph, "label")
    boxes = {}
    for node, (x, y) in places.items():
        style = {"boxstyle": "round,pad=0.4", "facecolor": _colour(labels[node]), "edgecolor": _LINE_COLOUR}
        boxes[node] = axes.text(x, y, labels[node], ha="center", va="center", fontsize=8, bbox=style).get_bbox_patch()
    arrow = {"arrowstyle": "-|>", "color": _LINE_COLOUR, "shrinkA": 0, "shrinkB": 0}
    for start, end in graph.edges:  # after the boxes, at whose edges they begin and end
        between = {"patchA": boxes[start], "patchB": boxes[end]}
        axes.annotate("", places[end], places[start], arrowprops={**arrow, **between})
    # Texts and arrows do not set the limits of the axes.
    axes.update_datalim(list(places.values()))
    axes.autoscale_view()
    axes.margins(0.12, 0.25)
    axes.set_axis_off()
    axes.set_title(cell.key if title is None else title, fontsize=9)
    return figure


def _add(graph: Any, source: str, tree: Tree, ends: list[str]) -> None:
    node = f"{graph.number_of_nodes()} {tree.operation}"
    graph.add_node(node, label=tree.operation)
    graph.add_edge(source, node)
    if not tree.readers:
        ends.append(node)
    for reader in tree.readers:
        _add(graph, node, reader, ends)


def _colour(label: str) -> str:
    if label in (_INPUT, _OUTPUT) or label.startswith(("concat", "add")):
        return _END_COLOUR
    return next((colour for start, colour in _COLOURS.items() if label.startswith(start)), _USER_COLOUR)
