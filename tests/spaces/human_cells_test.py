"""Tests of nas_keras/spaces/human_cells.py."""

import pytest

from nas_keras import spaces
from nas_keras.spaces import human_cells as cells


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("vgg", "conv_3x3[conv_3x3]"),
        ("inception", "concat(conv_3x3,conv_5x5,max_pool_2x2)"),
        ("resnet", "add(conv_3x3[conv_3x3],identity)"),
    ],
)
def test_the_key_of_each_human_cell(name, key):
    assert cells.HUMAN_CELLS[name]().key == key
    assert cells.HUMAN_CELLS[name] is getattr(cells, name)


def test_there_are_three_human_cells():
    assert list(cells.HUMAN_CELLS) == ["vgg", "inception", "resnet"]


@pytest.mark.parametrize(
    ("name", "actions"),
    [  # op_1, input_2, op_2, input_3, op_3, combine
        ("vgg", (1, 1, 1, 2, 7, 0)),  # filled with an identity that contracts away
        ("inception", (1, 0, 3, 0, 5, 0)),
        ("resnet", (1, 0, 7, 1, 1, 1)),
    ],
)
def test_each_human_cell_is_a_point_of_the_large_space(name, actions):
    cell = cells.HUMAN_CELLS[name]()
    space = spaces.large(3)
    assert space.decode(actions).key == cell.key
    assert space.encode(cell) == actions


def test_only_the_vgg_cell_is_a_point_of_the_small_space():
    assert spaces.small().encode(cells.vgg()) == (1, 1)
    assert spaces.small().decode((1, 1)) == cells.vgg()
