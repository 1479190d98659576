"""Tests of nas_keras/strategies/predictors/features.py."""

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.spaces.cell import Cell
from nas_keras.strategies.predictors.features import cell_features, count_equal, count_nodes, graph_features

_TWO = ("conv_3x3", "identity")


def test_equal_decisions_are_counted():
    counts = count_equal(np.array([[0, 1, 2], [7, 7, 7]]), np.array([[0, 1, 2], [0, 7, 2], [1, 0, 1]]))
    assert counts.tolist() == [[3, 2, 0], [0, 1, 0]]


def test_features_by_hand():
    # conv_3x3 read by a conv_3x3 and by an identity, which is beside an identity on the cell's input.
    cell = Cell(((0, "conv_3x3"), (1, "conv_3x3"), (1, "identity"), (0, "identity")), "add")
    expected = [2, 2] + [1, 1] + [0, 0] + [1, 1] + [2, 3, 1]
    assert cell_features(cell, _TWO).tolist() == expected
    assert cell_features(Cell(cell.nodes), _TWO).tolist() == [*expected[:-1], 0]  # concat
    assert cell_features(Cell.chain("identity"), _TWO).tolist() == [0, 1] + [0, 0] + [0, 0] + [0, 1] + [1, 1, 0]


def test_graph_features_by_hand():
    """The counts; the loose ends, a conv_3x3 and two identities; a longest path of 2 and 3 loose ends, of at most 4."""
    cell = Cell(((0, "conv_3x3"), (1, "conv_3x3"), (1, "identity"), (0, "identity")), "add")
    expected = np.array([*cell_features(cell, _TWO), 1, 2, 0, 1, 0, 0, 0, 0, 1, 0])
    found = graph_features(cell, _TWO, 4)
    np.testing.assert_allclose(found, expected / np.sqrt(np.sum(expected**2)))
    assert np.linalg.norm(found) == pytest.approx(1)


def test_equal_keys_have_equal_features():
    space = nk.spaces.large(3)
    features = {}
    for encoding in list(space.enumerate())[::5]:
        cell = space.decode(encoding)
        row = cell_features(cell, nk.OPERATIONS)
        assert (features.setdefault(cell.key, row) == row).all()


def test_spaces_in_which_cells_can_grow():
    assert [count_nodes(nk.spaces.large(n)) for n in (1, 2, 8)] == [1, 2, 8]
    assert count_nodes(nk.spaces.large(2, operations=("identity", "conv_7x7"))) == 2
    large = nk.spaces.large(2)
    renamed = [nk.Decision(decision.name.replace("op", "o"), decision.choices) for decision in large.decisions]
    for other in (
        nk.spaces.small(),
        grid(4),
        grid(3, 2, 3, 2),
        nk.spaces.large(2, operations=("conv_3x3", "conv_7x7")),  # a shorter cell cannot be written
        nk.SearchSpace("renamed", renamed),
        nk.SearchSpace("of tuples", large.decisions),
        nk.SearchSpace("keys of its own", large.decisions, key=str, decode=large.decode),
    ):
        assert count_nodes(other) is None
