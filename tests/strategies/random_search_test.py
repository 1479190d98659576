"""Tests of nas_keras/strategies/random_search.py."""

import json

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.strategies.random_search import RandomConfig, RandomSearch


def _ask_all(strategy, n):
    """Encodings of batches of n until there is nothing left."""
    batches = []
    while len(batch := strategy.ask(n).actions):
        batches.append([tuple(row) for row in batch.tolist()])
    return batches


def test_every_key_is_proposed_once_and_then_nothing():
    strategy = RandomSearch(nk.spaces.small(), RandomConfig(), seed=1)
    batches = _ask_all(strategy, 10)
    assert [len(batch) for batch in batches] == [10] * 6 + [4]
    assert {encoding for batch in batches for encoding in batch} == {(i, j) for i in range(8) for j in range(8)}


def test_encodings_of_one_key_are_proposed_once():
    space = grid(4, 4, key=lambda actions: str(sum(actions)))  # 16 encodings, sums 0 to 6
    encodings = [encoding for batch in _ask_all(RandomSearch(space), 3) for encoding in batch]
    assert sorted(sum(encoding) for encoding in encodings) == [0, 1, 2, 3, 4, 5, 6]


def test_what_draws_do_not_find_is_found_by_enumeration(monkeypatch):
    monkeypatch.setattr("nas_keras.strategies.random_search._PATIENCE", 0)
    assert sorted(sum(_ask_all(RandomSearch(grid(2, 3)), 4), [])) == [(i, j) for i in range(2) for j in range(3)]


def test_a_space_too_large_to_enumerate_is_given_up(monkeypatch):
    monkeypatch.setattr("nas_keras.strategies.random_search._ENUMERABLE", 5)
    monkeypatch.setattr("nas_keras.strategies.random_search._PATIENCE", 0)
    assert RandomSearch(grid(2, 3)).ask(4).actions.shape == (0, 2)


def test_proposals_have_the_shapes_of_the_interface():
    proposals = RandomSearch(nk.spaces.large(2)).ask(5)
    assert proposals.actions.shape == (5, 4) and proposals.actions.dtype == np.int32
    assert proposals.log_probs is None


def test_choices_are_uniform():
    strategy = RandomSearch(grid(2, 5_000), seed=3)
    actions = strategy.ask(2_000).actions
    assert 0.45 < actions[:, 0].mean() < 0.55  # 4.5 standard deviations
    assert 2_350 < actions[:, 1].mean() < 2_650


def test_the_seed_decides_and_batches_differ():
    def ask(seed):
        strategy = RandomSearch(nk.spaces.small(), seed=seed)
        return [strategy.ask(6).actions.tolist() for _ in range(2)]

    assert ask(1) == ask(1)
    assert ask(1) != ask(2)
    assert ask(1)[0] != ask(1)[1]


def test_a_state_of_json_continues_where_it_was_taken():
    strategy = RandomSearch(nk.spaces.small(), seed=1)
    strategy.ask(20)
    strategy.tell([])
    state = json.loads(json.dumps(strategy.state()))
    other = RandomSearch(nk.spaces.small(), seed=1)
    other.restore(state)
    assert other.num_told == 1
    assert _ask_all(other, 8) == _ask_all(strategy, 8)


def _trials(*keys):
    return [nk.Trial(i, 0, 0, 0, (int(key),), (), key, False, nk.Evaluation(0.5)) for i, key in enumerate(keys)]


@pytest.mark.parametrize("is_restored", [False, True])
def test_what_a_budget_dropped_of_a_batch_is_proposed_again(is_restored):
    strategy = RandomSearch(grid(9), seed=1)
    first, second = ([str(row[0]) for row in strategy.ask(3).actions.tolist()] for _ in range(2))
    if is_restored:
        state = json.loads(json.dumps(strategy.state()))
        strategy = RandomSearch(grid(9), seed=1)
        strategy.restore(state)
    strategy.tell(_trials(first[0], first[2]))
    strategy.tell(_trials(*second))
    told = {first[0], first[2], *second}
    left = [str(row[0]) for row in sum(_ask_all(strategy, 2), [])]
    assert sorted(left) == sorted({str(i) for i in range(9)} - told) and first[1] in left


def test_a_state_of_an_earlier_version_proposes_nothing_twice():
    strategy = RandomSearch(grid(9), seed=1)
    strategy.ask(3)
    state = strategy.state()
    del state["open"]
    other = RandomSearch(grid(9), seed=1)
    other.restore(state)
    other.tell(_trials())
    strategy.tell(_trials(*state["seen"]))
    assert _ask_all(other, 4) == _ask_all(strategy, 4)


@pytest.mark.parametrize("n", [1, 64, 65])
def test_at_most_n_and_at_most_all(n):
    assert len(RandomSearch(nk.spaces.small()).ask(n).actions) == min(n, 64)
