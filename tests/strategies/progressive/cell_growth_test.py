"""Tests of nas_keras/strategies/progressive/cell_growth.py."""

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.spaces.cell import CONCAT, Cell
from nas_keras.strategies.progressive.candidates import Told
from nas_keras.strategies.progressive.cell_growth import CellGrowth, cell_features, count_nodes

_TWO = ("conv_3x3", "identity")


def _no_idea(features):
    return np.zeros(len(features))


class _Search:
    """Chooses, and tells at once what a function of the key says."""

    def __init__(self, space, *, beam, reward, predict=_no_idea):
        self.growth = CellGrowth(space, count_nodes(space), beam=beam)
        self.space, self.reward, self.predict = space, reward, predict
        self.told = {}

    def choose(self, n):
        rng = np.random.default_rng(len(self.told))
        chosen = self.growth.choose(n, self.told, set(self.told), self.predict, rng)
        for key, actions in chosen:
            assert key not in self.told and self.space.key(actions) == key
            self.told[key] = Told(actions, self.reward(key))
        return [key for key, _ in chosen]


def test_the_stages_of_growth_traced_by_hand():
    """Of two operations, with one cell expanded at each stage; the shorter the key the better."""
    search = _Search(nk.spaces.large(3, operations=_TWO), beam=1, reward=lambda key: -len(key))
    assert sorted(search.choose(9)) == ["conv_3x3", "identity"]  # all cells of one node, and no other
    # A tie: both keys have eight letters. The first found, conv_3x3, is expanded: by two inputs and two operations.
    level = search.growth._levels[1]
    (second,) = search.choose(9)  # K = 1 of two nodes
    assert set(level.encodings) == {
        "concat(conv_3x3,conv_3x3)",
        "add(conv_3x3,conv_3x3)",
        "concat(conv_3x3,identity)",
        "add(conv_3x3,identity)",
        "conv_3x3[conv_3x3]",  # and conv_3x3[identity], which is conv_3x3, is no new cell
    }
    assert second in level.encodings
    third = search.choose(9)  # all of three nodes that grow out of `second`, and what is left of two nodes
    assert len(third) == 9 and search.growth.metrics == {"nodes": 3}
    assert search.growth._expansions == [(0, 0), (1, [second in new for new in level.new].index(True))]


def test_the_best_told_are_expanded_before_what_is_predicted_and_failures():
    rewards = {"conv_3x3": 1.0, "conv_5x5": 3.0, "max_pool_2x2": 2.0, "identity": float("nan")}
    space = nk.spaces.large(2, operations=tuple(rewards))
    search = _Search(space, beam=3, reward=lambda key: rewards.get(key, 0.0))
    search.choose(4)
    search.choose(1)
    assert search.growth._expansions == [(0, 1), (0, 2), (0, 0)]
    growth = CellGrowth(space, 2, beam=3)
    told = {key: Told((), reward) for key, reward in rewards.items() if key in ("identity", "conv_3x3")}
    taken = set(rewards)  # two are in flight: what they are worth is predicted, here by the cell's place in the list
    growth.choose(1, told, taken, lambda features: features[:, :4] @ np.arange(4.0), np.random.default_rng(0))
    assert growth._expansions == [(0, 0), (0, 2), (0, 1)]


def test_the_best_predicted_are_proposed_and_no_more_than_asked():
    search = _Search(
        nk.spaces.large(2),
        beam=3,
        reward=lambda key: key.count("conv_5x5"),
        predict=lambda features: features[:, nk.OPERATIONS.index("conv_5x5")],
    )
    assert len(search.choose(5)) == 5 and len(search.choose(5)) == 3  # eight of one node
    twice = {"conv_5x5[conv_5x5]", "concat(conv_5x5,conv_5x5)", "add(conv_5x5,conv_5x5)"}
    best = search.choose(5)
    assert set(best[:3]) == twice and [key.count("conv_5x5") for key in best[3:]] == [1, 1]


@pytest.mark.parametrize(("num_nodes", "num_keys"), [(1, 8), (2, 129), (3, 2_000)])
def test_in_the_end_every_key_was_proposed(num_nodes, num_keys):
    """Also those that grow only out of another way to write a smaller cell, such as conv_3x3[identity,identity]."""
    search = _Search(nk.spaces.large(num_nodes), beam=10, reward=len)
    while search.choose(150):
        pass
    assert len(search.told) == num_keys
    if num_nodes == 3:
        assert "add(conv_3x3[identity,identity])" in search.told


def test_a_shorter_cell_is_written_with_identities_before_it():
    growth = CellGrowth(nk.spaces.large(4), 4, beam=1)
    seven = nk.OPERATIONS.index("identity")
    assert growth._write((3,), CONCAT) == (seven, 1, seven, 2, seven, 3, 3, 0)
    # Node 2 of two reads the cell's input: it becomes node 4, and that input the output of node 2.
    assert growth._write((3, 0, 5), "add") == (seven, 1, seven, 2, 3, 2, 5, 1)
    assert growth._write((3, 1, 5, 0, 6, 3, 2), "add") == (3, 1, 5, 0, 6, 3, 2, 1)


def test_a_state_brings_everything_back():
    first = _Search(nk.spaces.large(3), beam=4, reward=len)
    for _ in range(6):
        first.choose(7)
    second = CellGrowth(first.space, 3, beam=4)
    second.restore(first.growth.state())
    for one, two in zip(first.growth._levels, second._levels, strict=True):
        assert (one.nodes, one.new, one.encodings, one.expanded) == (two.nodes, two.new, two.encodings, two.expanded)
        assert (one.features == two.features).all()
    assert second.metrics == {"nodes": 3}


def test_features_by_hand():
    # conv_3x3 read by a conv_3x3 and by an identity, which is beside an identity on the cell's input.
    cell = Cell(((0, "conv_3x3"), (1, "conv_3x3"), (1, "identity"), (0, "identity")), "add")
    expected = [2, 2] + [1, 1] + [0, 0] + [1, 1] + [2, 3, 1]
    assert cell_features(cell, _TWO).tolist() == expected
    assert cell_features(Cell(cell.nodes), _TWO).tolist() == [*expected[:-1], 0]  # concat
    assert cell_features(Cell.chain("identity"), _TWO).tolist() == [0, 1] + [0, 0] + [0, 0] + [0, 1] + [1, 1, 0]


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
