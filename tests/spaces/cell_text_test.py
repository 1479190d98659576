"""Tests of cell_text.py and `Cell.parse`: every key gives its cell back; what is no cell is refused."""

import random

import pytest

from nas_keras import spaces
from nas_keras.errors import InvalidValueError
from nas_keras.spaces.architecture_names import name_key
from nas_keras.spaces.cell import ADD, CONCAT, Cell
from nas_keras.spaces.operations import OPERATIONS

EXAMPLE = " A cell is written like concat(conv_3x3,identity) or conv_3x3[conv_5x5]."


def test_every_key_of_three_nodes_gives_its_cell_back():
    space = spaces.large(3)
    keys = {space.key(actions) for actions in space.enumerate(distinct=True)}
    assert len(keys) == 2_000
    assert [key for key in keys if Cell.parse(key).key != key] == []


def test_random_cells_of_eight_nodes_come_back():
    rng = random.Random(0)
    for _ in range(2_000):
        nodes = [(rng.randrange(i + 1), rng.choice([*OPERATIONS, "identity", "mine+1", "add"])) for i in range(8)]
        cell = Cell(nodes, rng.choice([ADD, CONCAT]))
        parsed = Cell.parse(cell.key)
        assert parsed.key == cell.key and parsed.trees == cell.trees


def test_every_key_of_the_small_space_is_its_two_operations_in_a_row():
    space = spaces.small()
    for actions in space.enumerate():
        key = space.key(actions)
        assert Cell.parse(key) == Cell.parse(name_key(space, key, actions)) == space.decode(actions)
    for text in ("1,7", " 1 , 7", "conv_3x3,identity", " conv_3x3 , identity"):
        assert Cell.parse(text) == Cell.chain("conv_3x3", "identity")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("conv_3x3[identity]", Cell.chain("conv_3x3", "identity")),  # as written, not yet in canonical form
        ("identity[identity[conv_7x7]]", Cell.chain("identity", "identity", "conv_7x7")),
        (" add ( conv_3x3 [conv_5x5,\tidentity] ,identity ) ",
         Cell(((0, "conv_3x3"), (1, "conv_5x5"), (1, "identity"), (0, "identity")), "add")),
        ("concat(conv_3x3)", Cell.chain("conv_3x3")),  # one loose end: the combiner has no say
        ("add", Cell.chain("add")),  # an operation may have the name of a combiner
        ("add(add,concat[add])", Cell(((0, "add"), (0, "concat"), (2, "add")), "add")),
    ],
)  # fmt: skip
def test_what_people_write(text, cell):
    assert Cell.parse(text) == cell


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at its end, at character 1, the name of an operation is expected."),
        ("conv_3x3[", "at its end, at character 10, the name of an operation is expected."),
        ("conv_3x3[]", "at ']' at character 10, the name of an operation is expected."),
        ("conv_3x3]", "at ']' at character 9, '[' or the end is expected."),
        ("a[b]c", "at 'c' at character 5, '[' or the end is expected."),
        ("a[b[c]", "at its end, at character 7, ',' or ']' is expected."),
        ("mean(a,b)", "at 'mean' at character 1, 'mean' is not one of concat, add."),
        ("concat()", "at ')' at character 8, the name of an operation is expected."),
        ("concat(a,b", "at its end, at character 11, ',' or ')' is expected."),
        ("concat(a,b) c", "at 'c' at character 13, the end is expected."),
        ("concat(a(b),c)", "at '(' at character 9, ',' or ')' is expected."),
        ("größe", "at 'ö' at character 3, '[' or the end is expected."),
        ("a[" * 300, "at 'a' at character 401, a cell has at most 200 nodes."),
        ("a,\n", "at ',' at character 2, '[' or the end is expected."),
    ],
)
def test_what_is_no_cell_is_refused_with_its_place(text, why):
    with pytest.raises(InvalidValueError) as caught:
        Cell.parse(text)
    assert str(caught.value).endswith(f" is not a cell: {why}{EXAMPLE}")


def test_other_refusals():
    with pytest.raises(InvalidValueError, match="^'8,1' is not a cell: a key of the small space is two numbers from 0"):
        Cell.parse("8,1")
    message = "^'conv_9x9, identity' is not a cell: there is no operation 'conv_9x9'. Allowed in a row of two: conv"
    with pytest.raises(InvalidValueError, match=message):
        Cell.parse("conv_9x9, identity")
    with pytest.raises(InvalidValueError, match="^text=3 is not allowed: it must be the key of a cell, such as 'con"):
        Cell.parse(3)
    with pytest.raises(InvalidValueError) as caught:
        Cell.parse("conv_3x3[identity,conv_5x5]")
    assert str(caught.value) == (
        "'conv_3x3[identity,conv_5x5]' is not a cell: 2 tensors are left unread, so it must say how they are combined: "
        "concat(conv_3x3[conv_5x5,identity]) or add(conv_3x3[conv_5x5,identity])."
    )
