"""Tests of nas_keras/strategies/progressive/cell_growth.py."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.spaces.cell import CONCAT
from nas_keras.strategies.predictors.features import count_nodes
from nas_keras.strategies.progressive.candidates import Observed
from nas_keras.strategies.progressive.cell_growth import CellGrowth

_TWO = ("conv_3x3", "identity")


def _no_idea(features):
    return np.zeros(len(features))


class _Search:
    """Proposes, and observes at once what a function of the key says."""

    def __init__(self, space, *, beam, reward, predict=_no_idea):
        self.growth = CellGrowth(space, count_nodes(space), beam=beam)
        self.space, self.reward, self.predict = space, reward, predict
        self.observed = {}

    def propose(self, n):
        rng = np.random.default_rng(len(self.observed))
        proposed = self.growth.propose(n, self.observed, set(self.observed), self.predict, rng)
        for key, actions in proposed:
            assert key not in self.observed and self.space.key(actions) == key
            self.observed[key] = Observed(actions, self.reward(key))
        return [key for key, _ in proposed]


def test_the_stages_of_growth_traced_by_hand():
    """Of two operations, with one cell expanded at each stage; the shorter the key the better."""
    search = _Search(nk.spaces.large(3, operations=_TWO), beam=1, reward=lambda key: -len(key))
    assert sorted(search.propose(9)) == ["conv_3x3", "identity"]  # all cells of one node, and no other
    # A tie: both keys have eight letters. The first found, conv_3x3, is expanded: by two inputs and two operations.
    level = search.growth._levels[1]
    (second,) = search.propose(9)  # K = 1 of two nodes
    assert set(level.encodings) == {
        "concat(conv_3x3,conv_3x3)",
        "add(conv_3x3,conv_3x3)",
        "concat(conv_3x3,identity)",
        "add(conv_3x3,identity)",
        "conv_3x3[conv_3x3]",  # and conv_3x3[identity], which is conv_3x3, is no new cell
    }
    assert second in level.encodings
    third = search.propose(9)  # all of three nodes that grow out of `second`, and what is left of two nodes
    assert len(third) == 9 and search.growth.metrics == {"nodes": 3}
    assert search.growth._expansions == [(0, 0), (1, [second in new for new in level.new].index(True))]


def test_the_best_observed_are_expanded_before_what_is_predicted_and_failures():
    rewards = {"conv_3x3": 1.0, "conv_5x5": 3.0, "max_pool_2x2": 2.0, "identity": float("nan")}
    space = nk.spaces.large(2, operations=tuple(rewards))
    search = _Search(space, beam=3, reward=lambda key: rewards.get(key, 0.0))
    search.propose(4)
    search.propose(1)
    assert search.growth._expansions == [(0, 1), (0, 2), (0, 0)]
    growth = CellGrowth(space, 2, beam=3)
    observed = {key: Observed((), reward) for key, reward in rewards.items() if key in ("identity", "conv_3x3")}
    known = set(rewards)  # two are in flight: what they are worth is predicted, here by the cell's place in the list
    growth.propose(1, observed, known, lambda features: features[:, :4] @ np.arange(4.0), np.random.default_rng(0))
    assert growth._expansions == [(0, 0), (0, 2), (0, 1)]


def test_the_best_predicted_are_proposed_and_no_more_than_asked():
    search = _Search(
        nk.spaces.large(2),
        beam=3,
        reward=lambda key: key.count("conv_5x5"),
        predict=lambda features: features[:, nk.OPERATIONS.index("conv_5x5")],
    )
    assert len(search.propose(5)) == 5 and len(search.propose(5)) == 3  # eight of one node
    twice = {"conv_5x5[conv_5x5]", "concat(conv_5x5,conv_5x5)", "add(conv_5x5,conv_5x5)"}
    best = search.propose(5)
    assert set(best[:3]) == twice and [key.count("conv_5x5") for key in best[3:]] == [1, 1]


@pytest.mark.parametrize(("num_nodes", "num_keys"), [(1, 8), (2, 129), (3, 2_000)])
def test_in_the_end_every_key_was_proposed(num_nodes, num_keys):
    """Also those that grow only out of another way to write a smaller cell, such as conv_3x3[identity,identity]."""
    search = _Search(nk.spaces.large(num_nodes), beam=10, reward=len)
    while search.propose(150):
        pass
    assert len(search.observed) == num_keys
    if num_nodes == 3:
        assert "add(conv_3x3[identity,identity])" in search.observed


def test_a_shorter_cell_is_written_with_identities_before_it():
    growth = CellGrowth(nk.spaces.large(4), 4, beam=1)
    seven = nk.OPERATIONS.index("identity")
    assert growth._encode((3,), CONCAT) == (seven, 1, seven, 2, seven, 3, 3, 0)
    # Node 2 of two reads the cell's input: it becomes node 4, and that input the output of node 2.
    assert growth._encode((3, 0, 5), "add") == (seven, 1, seven, 2, 3, 2, 5, 1)
    assert growth._encode((3, 1, 5, 0, 6, 3, 2), "add") == (3, 1, 5, 0, 6, 3, 2, 1)


def test_a_state_brings_everything_back():
    first = _Search(nk.spaces.large(3), beam=4, reward=len)
    for _ in range(6):
        first.propose(7)
    second = CellGrowth(first.space, 3, beam=4)
    second.restore(first.growth.state())
    for one, two in zip(first.growth._levels, second._levels, strict=True):
        assert (one.nodes, one.new, one.encodings, one.expanded) == (two.nodes, two.new, two.encodings, two.expanded)
        assert (one.features == two.features).all()
    assert second.metrics == {"nodes": 3}
