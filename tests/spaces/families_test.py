"""Tests of nas_keras/spaces/families.py, and that spaces, cells, keys and configurations need no TensorFlow."""

import pathlib
import random
import subprocess
import sys

import pytest

from nas_keras import spaces
from nas_keras.errors import InvalidValueError
from nas_keras.spaces import human_cells as cells
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.operations import OPERATIONS

_ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_small_has_64_encodings_and_64_keys():
    space = spaces.small()
    assert (space.name, space.size, space.num_keys, space.num_choices) == ("small", 64, 64, (8, 8))
    assert [decision.name for decision in space.decisions] == ["op_1", "op_2"]
    assert len({space.key(actions) for actions in space.enumerate()}) == 64


def test_small_decodes_to_two_operations_in_a_row_and_keeps_equal_networks_apart():
    space = spaces.small()
    assert space.decode((7, 1)) == Cell.chain("identity", "conv_3x3")
    assert space.key((7, 1)) == "7,1"
    assert space.key((1, 7)) == "1,7"
    assert space.decode((7, 1)).key == space.decode((1, 7)).key == "conv_3x3"


def test_small_encodes_each_of_its_cells_as_it_was_written():
    space = spaces.small()
    for actions in space.enumerate():
        assert space.encode(space.decode(actions)) == actions


@pytest.mark.parametrize(
    ("cell", "actions"),
    [
        pytest.param(Cell.chain("conv_5x5"), (3, 7), id="one operation, then identity"),
        pytest.param(Cell.chain("identity"), (7, 7), id="identity"),
        pytest.param(Cell.chain("conv_3x3", "conv_5x5", "identity"), (1, 3), id="a longer one that contracts"),
        pytest.param(Cell([(0, "identity"), (1, "conv_7x7"), (2, "identity")]), (4, 7), id="contracts to one"),
    ],
)
def test_small_encodes_a_cell_of_another_length_by_its_first_encoding(cell, actions):
    assert spaces.small().encode(cell) == actions


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        pytest.param(cells.resnet(), "add(conv_3x3[conv_3x3],identity)", id="resnet"),
        pytest.param(cells.inception(), "concat(conv_3x3,conv_5x5,max_pool_2x2)", id="inception"),
        pytest.param(Cell.chain(*["conv_3x3"] * 3), "conv_3x3[conv_3x3[conv_3x3]]", id="three in a row"),
        pytest.param(Cell([(0, "conv_3x3"), (0, "conv_3x3")]), "concat(conv_3x3,conv_3x3)", id="side by side"),
        pytest.param(Cell.chain("conv_9x9", "conv_3x3"), "conv_9x9[conv_3x3]", id="unknown operation"),
        pytest.param(Cell.chain("conv_9x9"), "conv_9x9", id="unknown operation alone"),
    ],
)
def test_small_refuses_a_cell_that_does_not_fit(cell, key):
    with pytest.raises(InvalidValueError) as caught:
        spaces.small().encode(cell)
    assert str(caught.value) == f"{key} does not fit the small space, whose cells are two operations in a row."


@pytest.mark.parametrize(
    ("num_nodes", "num_encodings", "num_keys"),
    [(1, 16, 8), (2, 256, 129), (3, 6_144, 2_000), pytest.param(4, 196_608, 31_255, marks=pytest.mark.slow)],
)
def test_encodings_and_distinct_keys_of_large(num_nodes, num_encodings, num_keys):
    space = spaces.large(num_nodes)
    keys = [space.key(actions) for actions in space.enumerate()]
    assert len(keys) == space.size == num_encodings
    assert len(set(keys)) == space.num_keys == num_keys


def test_large_has_three_nodes_unless_told_otherwise():
    assert spaces.large().fingerprint == spaces.large(num_nodes=3).fingerprint


def test_the_decisions_of_large():
    space = spaces.large(3)
    assert space.name == "large3"
    assert [(decision.name, decision.choices) for decision in space.decisions] == [
        ("op_1", OPERATIONS),
        ("input_2", (0, 1)),
        ("op_2", OPERATIONS),
        ("input_3", (0, 1, 2)),
        ("op_3", OPERATIONS),
        ("combine", ("concat", "add")),
    ]


@pytest.mark.parametrize(
    ("actions", "cell", "key"),
    [
        ((1, 1, 1, 0, 7, 1), cells.resnet(), "add(conv_3x3[conv_3x3],identity)"),
        ((1, 0, 3, 0, 5, 0), cells.inception(), "concat(conv_3x3,conv_5x5,max_pool_2x2)"),
        ((7, 1, 7, 2, 7, 1), Cell([(0, "identity"), (1, "identity"), (2, "identity")], "add"), "identity"),
        (
            (0, 0, 2, 2, 6, 1),
            Cell([(0, "conv_1x3_3x1"), (0, "sep_conv_3x3"), (2, "avg_pool_2x2")], "add"),
            "add(conv_1x3_3x1,sep_conv_3x3[avg_pool_2x2])",
        ),
    ],
)
def test_decode_of_large_by_hand(actions, cell, key):
    assert spaces.large(3).decode(actions) == cell
    assert spaces.large(3).key(actions) == key


@pytest.mark.parametrize(("num_nodes", "count"), [(1, 16), (2, 256), (3, 300)])
def test_encode_gives_the_first_encoding_of_the_key(num_nodes, count):
    space = spaces.large(num_nodes)
    first = {}
    for actions in space.enumerate():
        first.setdefault(space.key(actions), actions)
    for actions in random.Random(0).sample(list(space.enumerate()), count):
        assert space.encode(space.decode(actions)) == first[space.key(actions)]
    assert sorted(first.values()) == list(space.enumerate(distinct=True))


def test_encode_of_a_larger_space_means_the_same_cell():
    space, rng = spaces.large(5), random.Random(1)
    for _ in range(20):
        cell = space.decode([rng.randrange(n) for n in space.num_choices])
        actions = space.encode(cell)
        assert space.key(actions) == cell.key
        assert space.encode(space.decode(actions)) == actions


@pytest.mark.parametrize(
    ("num_nodes", "cell", "message"),
    [
        pytest.param(
            2,
            cells.resnet(),
            "add(conv_3x3[conv_3x3],identity) does not fit the large space of 2 nodes: it needs 3 nodes at least.",
            id="too many nodes",
        ),
        pytest.param(
            3,
            Cell.chain("conv_9x9"),
            "conv_9x9 does not fit the large space of 3 nodes: it needs no operation ['conv_9x9'].",
            id="unknown operation",
        ),
    ],
)
def test_large_refuses_a_cell_that_does_not_fit(num_nodes, cell, message):
    with pytest.raises(InvalidValueError) as caught:
        spaces.large(num_nodes).encode(cell)
    assert str(caught.value) == message


def test_large_of_chosen_operations():
    space = spaces.large(2, operations=("conv_3x3", "my_op"))
    assert (space.num_choices, space.size, space.num_keys) == ((2, 2, 2, 2), 16, None)
    assert space.decode((1, 1, 0, 1)) == Cell([(0, "my_op"), (1, "conv_3x3")], "add")
    assert space.encode(Cell.chain("my_op", "conv_3x3")) == (1, 1, 0, 0)
    assert space.fingerprint != spaces.large(2).fingerprint
    with pytest.raises(
        InvalidValueError, match="does not fit the large space of 2 nodes: its other nodes cannot be identities"
    ):
        space.encode(Cell.chain("conv_3x3"))  # it has no identity to fill with


@pytest.mark.parametrize(
    ("num_nodes", "message"),
    [
        (0, "num_nodes=0 is not allowed: it must be an integer of at least 1."),
        (2.0, "num_nodes=2.0 is not allowed: it must be an integer of at least 1."),
        (9, "num_nodes=9 is not allowed: the large space takes 1 to 8 nodes."),
    ],
)
def test_an_impossible_number_of_nodes_is_refused(num_nodes, message):
    with pytest.raises(InvalidValueError) as caught:
        spaces.large(num_nodes)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["small", "large1", "large3", "large8"])
def test_by_name_gives_the_space_of_that_name(name):
    assert spaces.by_name(name).name == name


def test_by_name_gives_the_same_space():
    assert spaces.by_name("small").fingerprint == spaces.small().fingerprint
    assert spaces.by_name("large4").fingerprint == spaces.large(4).fingerprint


@pytest.mark.parametrize("name", ["large", "large9", "tiny", None])
def test_by_name_refuses_another_name(name):
    with pytest.raises(InvalidValueError) as caught:
        spaces.by_name(name)
    assert str(caught.value) == (
        f"space={name!r} is unknown. Allowed: small, large1, large2, large3, large4, large5, large6, large7, large8."
    )


def test_the_fingerprints_in_the_runs_and_tables_that_exist():
    assert spaces.small().fingerprint == "a3fec98ae0823bd0"
    assert spaces.large(3).fingerprint == "1d77f0b06517f19a"


def test_no_tensorflow_and_no_output_before_something_needs_it():
    program = """
import sys
import nas_keras as nk

space = nk.spaces.large(num_nodes=3)
assert space.encode(nk.cells.resnet()) == (1, 0, 7, 1, 1, 1)
assert space.key((1, 0, 7, 1, 1, 1)) == nk.cells.resnet().key
assert len(list(nk.spaces.small().enumerate(distinct=True))) == 64
nk.SearchSpace("s", [nk.Decision("d", (1, 2))]).decode((0,))
nk.ChildConfig(filters=8), nk.TrainConfig(epochs=2), nk.PPOConfig(), nk.Evaluation(0.5), nk.strategies
nk.register_operation("mine", lambda keras, x, filters: x)
nk.FunctionEvaluator(lambda architecture: 0.0)
heavy = {"tensorflow", "tf_keras", "keras", "tf_agents", "tensorflow_probability", "tensorflow_datasets", "jax"}
sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
