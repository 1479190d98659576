"""Tests of cell.py: the canonical form against examples by hand, a slow contraction and real networks."""

import random
from collections import Counter

import numpy as np
import pytest

from nas_keras import _tensorflow, spaces
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.errors import InvalidValueError
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell, Tree, contract

C3, C5, C7, POOL, ID = "conv_3x3", "conv_5x5", "conv_7x7", "max_pool_2x2", "identity"

_KEYS = [
    pytest.param([(0, C3)], C3, id="one operation"),
    pytest.param([(0, C3), (1, C5)], f"{C3}[{C5}]", id="a chain"),
    pytest.param([(0, C3), (1, C3), (0, ID)], f"add({C3}[{C3}],{ID})", id="the example of the design"),
    # (1) An identity that some node reads is removed and its readers read its input.
    pytest.param([(0, ID), (1, C3)], C3, id="1: read identity on the input"),
    pytest.param([(0, C5), (1, ID), (2, C3)], f"{C5}[{C3}]", id="1: read identity on an operation"),
    pytest.param([(0, ID), (1, C3), (1, C5)], f"add({C3},{C5})", id="1: two readers"),
    pytest.param([(0, ID), (1, C3), (0, C5)], f"add({C3},{C5})", id="1: with a sibling on the input"),
    pytest.param([(0, C7), (1, ID), (2, C3), (1, C5)], f"add({C7}[{C3},{C5}])", id="1: with a sibling on an operation"),
    pytest.param([(0, ID), (1, ID), (2, C3)], C3, id="1: a chain of identities"),
    pytest.param([(0, ID), (1, ID), (2, C3), (1, C5)], f"add({C3},{C5})", id="1: a chain that branches"),
    # (2) An identity that nothing reads, the only reader of an operation's output, is removed.
    pytest.param([(0, C3), (1, ID)], C3, id="2: unread identity alone on an operation"),
    pytest.param([(0, C3), (1, ID), (2, ID)], C3, id="2: a chain of identities"),
    pytest.param([(0, C3), (1, C5), (2, ID), (1, C7)], f"add({C3}[{C5},{C7}])", id="2: deep down, beside another"),
    pytest.param([(0, C3), (0, C3), (1, ID)], f"add({C3},{C3})", id="2: on one of two equal operations"),
    # Any other identity that nothing reads stays.
    pytest.param([(0, ID)], ID, id="the whole cell"),
    pytest.param([(0, ID), (1, ID), (2, ID)], ID, id="the whole cell, a chain of identities"),
    pytest.param([(0, C3), (0, ID)], f"add({C3},{ID})", id="skip from the input"),
    pytest.param([(0, C3), (1, ID), (1, C5)], f"add({C3}[{C5},{ID}])", id="skip from an operation"),
    pytest.param([(0, C3), (1, ID), (2, ID), (1, C5)], f"add({C3}[{C5},{ID}])", id="skip of two identities"),
    pytest.param([(0, ID), (0, ID)], f"add({ID},{ID})", id="two identities on the input"),
    pytest.param([(0, C3), (1, ID), (1, ID)], f"add({C3}[{ID},{ID}])", id="two identities on an operation"),
    pytest.param([(0, ID), (1, ID), (1, ID)], f"add({ID},{ID})", id="two identities on an identity"),
    pytest.param(
        [(0, C3), (1, ID), (2, ID), (2, ID)], f"add({C3}[{ID},{ID}])", id="two on an identity on an operation"
    ),
    # Children are a multiset.
    pytest.param([(0, C5), (0, C3)], f"add({C3},{C5})", id="order does not matter"),
    pytest.param([(0, C3), (1, POOL), (1, C5)], f"add({C3}[{C5},{POOL}])", id="order of readers does not matter"),
    pytest.param([(0, C3), (0, C3)], f"add({C3},{C3})", id="two equal ones are counted"),
    pytest.param([(0, C3), (0, C3), (0, C3)], f"add({C3},{C3},{C3})", id="three equal ones are counted"),
    pytest.param([(0, C3), (1, C5), (1, C7)], f"add({C3}[{C5},{C7}])", id="two readers of one tensor"),
    pytest.param(
        [(0, C3), (0, C3), (1, C5), (2, C7)], f"add({C3}[{C5}],{C3}[{C7}])", id="readers of two equal tensors"
    ),
]


@pytest.mark.parametrize(("nodes", "key"), _KEYS)
def test_key(nodes, key):
    assert Cell(nodes, "add").key == key
    assert str(Cell(nodes, "add")) == key
    assert Cell(nodes, "concat").key == key.replace("add(", "concat(")
    assert Cell(nodes).key == key.replace("add(", "concat(")


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        pytest.param([(0, C3), (1, C3)], 1, id="a chain"),
        pytest.param([(0, C3), (1, C3), (1, ID)], 2, id="a skip"),
        pytest.param([(0, C3), (0, C3), (0, ID)], 3, id="side by side"),
        pytest.param([(0, ID), (1, ID)], 1, id="nothing but identities"),
    ],
)
def test_the_combiner_has_a_say_only_with_more_than_one_loose_end(nodes, count):
    assert Cell(nodes).num_loose_ends == count
    assert (Cell(nodes, "add").key == Cell(nodes, "concat").key) == (count == 1)


def test_trees_are_the_canonical_form():
    cell = Cell([(0, ID), (1, C5), (2, POOL), (2, C3), (4, ID)])
    assert cell.trees == (Tree(C5, (Tree(C3), Tree(POOL))),)
    assert Tree(C5, (Tree(C3), Tree(POOL))).count_leaves() == 2


def test_contract_is_one_step_up_the_tree():
    assert contract(ID, [Tree(C5), Tree(C3)]) == [Tree(C5), Tree(C3)]
    assert contract(ID, []) == [Tree(ID)]
    assert contract(C3, [Tree(ID)]) == [Tree(C3)]
    assert contract(C3, [Tree(ID), Tree(C5)]) == [Tree(C3, (Tree(C5), Tree(ID)))]


def test_a_chain_reads_the_node_before():
    assert Cell.chain(C3, POOL, C5) == Cell(((0, C3), (1, POOL), (2, C5)), "concat")


def test_a_cell_is_compared_as_written_and_its_key_as_a_network():
    assert Cell([(0, C3)]) == Cell(((0, C3),))
    assert Cell([[0, C3]]) == Cell(((0, C3),))
    assert Cell([(0, C3), (1, ID)]) != Cell([(0, C3)])
    assert Cell([(0, C3), (1, ID)]).key == Cell([(0, C3)]).key
    assert len({Cell([(0, C3)]), Cell.chain(C3)}) == 1


@pytest.mark.parametrize(
    ("nodes", "combine", "message"),
    [
        pytest.param(
            [], "add", "A cell needs at least one node; for a cell that does nothing use 'identity'.", id="none"
        ),
        pytest.param([(0, C3)], "mean", "combine='mean' is unknown. Allowed: concat, add.", id="combiner"),
        pytest.param(
            [(1, C3)], "add", "Node 1 reads 1: it can read 0 (the cell's input) to 0 (an earlier node).", id="itself"
        ),
        pytest.param(
            [(0, C3), (0, C3), (4, C3)],
            "add",
            "Node 3 reads 4: it can read 0 (the cell's input) to 2 (an earlier node).",
            id="a later node",
        ),
        pytest.param(
            [(0, C3), (-1, C3)],
            "add",
            "Node 2 reads -1: it can read 0 (the cell's input) to 1 (an earlier node).",
            id="negative",
        ),
        pytest.param(
            [(0.0, C3)], "add", "Node 1 reads 0.0: it can read 0 (the cell's input) to 0 (an earlier node).", id="float"
        ),
        pytest.param(
            [(0, "a,b")],
            "add",
            "'a,b' is not a valid operation name: use ASCII letters, digits, _, + and -.",
            id="comma",
        ),
        pytest.param(
            [(0, "a[b]")],
            "add",
            "'a[b]' is not a valid operation name: use ASCII letters, digits, _, + and -.",
            id="bracket",
        ),
        pytest.param(
            [(0, "a b")],
            "add",
            "'a b' is not a valid operation name: use ASCII letters, digits, _, + and -.",
            id="space",
        ),
        pytest.param(
            [(0, "")], "add", "'' is not a valid operation name: use ASCII letters, digits, _, + and -.", id="empty"
        ),
        pytest.param(
            [(0, 3)], "add", "3 is not a valid operation name: use ASCII letters, digits, _, + and -.", id="number"
        ),
    ],
)
def test_an_impossible_cell_is_refused(nodes, combine, message):
    with pytest.raises(InvalidValueError) as caught:
        Cell(nodes, combine)
    assert str(caught.value) == message


# An independent contraction: a graph of named nodes, rewritten one step at a time in any order.


def _contract_slowly(nodes, rng):
    """{node: [what it reads, operation]} of what remains once no rule applies; nodes keep their numbers."""
    graph = {number: [source, operation] for number, (source, operation) in enumerate(nodes, start=1)}
    while True:
        steps = []
        for node, (source, operation) in graph.items():
            readers = [n for n in graph if graph[n][0] == node]
            is_only_reader = source != 0 and [n for n in graph if graph[n][0] == source] == [node]
            if operation == ID and (readers or is_only_reader):
                steps.append((node, source, readers))
        if not steps:
            return graph
        node, source, readers = rng.choice(steps)
        for reader in readers:
            graph[reader][0] = source
        del graph[node]


def _text(graph, node):
    inner = sorted(_text(graph, n) for n in graph if graph[n][0] == node)
    return graph[node][1] + (f"[{','.join(inner)}]" if inner else "")


def _in_order(graph, source=0):
    """The nodes below `source`, each before its readers, siblings sorted by their text."""
    for node in sorted((n for n in graph if graph[n][0] == source), key=lambda n: _text(graph, n)):
        yield node
        yield from _in_order(graph, node)


def _key_slowly(cell, rng):
    graph = _contract_slowly(cell.nodes, rng)
    text = ",".join(sorted(_text(graph, node) for node in graph if graph[node][0] == 0))
    loose_ends = set(graph) - {source for source, _ in graph.values()}
    return f"{cell.combine}({text})" if len(loose_ends) > 1 else text


def test_a_slow_contraction_in_random_order_gives_every_key_of_three_nodes():
    space, rng = spaces.large(3), random.Random(0)
    encodings = list(space.enumerate())
    assert len(encodings) == 6_144
    for actions in encodings:
        assert _key_slowly(space.decode(actions), rng) == space.key(actions), actions


def test_a_slow_contraction_in_random_order_gives_the_keys_of_six_nodes_most_of_them_identities():
    rng = random.Random(1)
    for _ in range(2_000):
        nodes = [(rng.randint(0, i), rng.choice((ID, ID, C3, POOL))) for i in range(6)]
        cell = Cell(nodes, rng.choice(("concat", "add")))
        assert _key_slowly(cell, rng) == cell.key, nodes


# Equal keys are equal networks: the cell as written, built here, has the weights of the canonical child.


def _equal_pairs(count):
    """Pairs of different encodings of large(3) with equal keys, at random."""
    space, rng, encodings = spaces.large(3), random.Random(2), {}
    for actions in space.enumerate():
        encodings.setdefault(space.key(actions), []).append(actions)
    keys = sorted(key for key in encodings if len(encodings[key]) > 1 and key != ID)
    return [tuple(map(space.decode, rng.sample(encodings[key], 2))) for key in rng.sample(keys, count)]


def _as_written(cell, layers, combine, x):
    """The cell node by node, nothing contracted; `layers` are of the nodes that a contraction leaves, in its order."""
    order = list(_in_order(_contract_slowly(cell.nodes, random.Random(3))))
    layer_of = dict(zip(order, layers, strict=True))
    outputs = [x]
    for number, (source, _) in enumerate(cell.nodes, start=1):
        outputs.append(layer_of.get(number, lambda tensor: tensor)(outputs[source]))
    unread = set(range(1, len(outputs))) - {source for source, _ in cell.nodes}
    # The order of a concatenation is a matter of the next layer's weights: it is that of the canonical form.
    while removed := unread - set(order):
        node = removed.pop()
        unread = unread - {node} | {cell.nodes[node - 1][0]}
        outputs[cell.nodes[node - 1][0]] = outputs[node]
    return combine([outputs[node] for node in order if node in unread])


def test_equal_keys_are_equal_networks(monkeypatch):
    tf = _tensorflow.load_tensorflow()
    keras = tf.keras
    build, inputs, layers, num_combined = operations.build, [], [], Counter()

    def build_and_keep(name, keras, x, filters, *, norm):
        y = build(name, keras, x, filters, norm=norm)
        inputs.append(x)
        layers.append((lambda tensor: tensor) if y is x else keras.Model(x, y))
        return y

    def find(model, kinds):
        return next((layer for layer in model.layers if isinstance(layer, kinds)), None)

    monkeypatch.setattr(operations, "build", build_and_keep)
    rng = np.random.default_rng(4)
    config = ChildConfig(filters=3, stages=1, stem_stride=1)
    for pair in _equal_pairs(25):
        assert pair[0].key == pair[1].key and pair[0] != pair[1]
        inputs.clear(), layers.clear()
        child = build_child(pair[0], config, input_shape=(6, 5, 1), num_classes=2)
        child.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in child.get_weights()])
        output = find(child, keras.layers.GlobalAveragePooling2D).input
        merge = find(child, (keras.layers.Add, keras.layers.Concatenate))
        num_combined[type(merge).__name__] += 1
        combine = keras.Model(merge.input, output) if merge else lambda tensors: tensors[0]
        x = rng.normal(size=(2, 6, 5, 3)).astype(np.float32)
        expected = keras.Model(inputs[0], output)(x)
        for cell in pair:
            np.testing.assert_allclose(_as_written(cell, layers, combine, x), expected, rtol=1e-5, atol=1e-5)
    assert set(num_combined) == {"NoneType", "Add", "Concatenate"} and min(num_combined.values()) >= 3, num_combined
