"""Tests of nas_keras/strategies/progressive/near_the_best.py."""

import numpy as np
import pytest
from helpers import grid

from nas_keras.strategies.progressive.candidates import Observed
from nas_keras.strategies.progressive.near_the_best import NearTheBest


class _Seen:
    """A predictor that notes what it is asked about, and likes a small sum."""

    def __init__(self):
        self.encodings = None

    def __call__(self, features):
        self.encodings = features
        return -features.sum(axis=1).astype(float)


def _propose(candidates, n, observed, *, known=None, predict=None, seed=0):
    known = set(observed) if known is None else known
    return candidates.propose(n, observed, known, predict or _Seen(), np.random.default_rng(seed))


def _observed(space, **rewards):
    encodings = {key: tuple(map(int, key[1:].split("_"))) for key in rewards}
    return {space.key(actions): Observed(actions, rewards[key]) for key, actions in encodings.items()}


def test_a_small_space_is_ranked_as_a_whole():
    space = grid(3, 4)
    candidates, seen = NearTheBest(space, beam=2, count=12, initial=0), _Seen()
    proposed = _propose(candidates, 3, _observed(space, _0_0=1.0, _2_3=0.5), predict=seen)
    assert sorted(map(tuple, seen.encodings.tolist())) == [s for s in space.enumerate() if s not in [(0, 0), (2, 3)]]
    assert {actions for _, actions in proposed[:2]} == {(0, 1), (1, 0)}
    assert all(key == space.key(actions) for key, actions in proposed)


def test_in_a_large_space_candidates_are_neighbours_of_the_best_and_random_encodings():
    space = grid(*[50] * 6)
    observed = _observed(space, _1_1_1_1_1_1=5.0, _2_2_2_2_2_2=4.0, _3_3_3_3_3_3=3.0, _4_4_4_4_4_4=float("nan"))
    seen = _Seen()
    _propose(NearTheBest(space, beam=2, count=500, initial=0), 1, observed, predict=seen)
    near = [(seen.encodings != n).sum(axis=1) == 1 for n in (1, 2, 3, 4)]
    assert [int(np.sum(one)) > 100 for one in near] == [True, True, False, False]
    assert 95 <= np.sum(~near[0] & ~near[1]) <= 100  # a fifth, less what was drawn twice


def test_encodings_are_random_until_enough_are_taken_and_one_has_succeeded():
    space = grid(*[50] * 6)
    candidates = NearTheBest(space, beam=2, count=100, initial=3)
    failed, good = _observed(space, _1_1_1_1_1_1=float("nan")), _observed(space, _2_2_2_2_2_2=1.0)
    for observed, known, is_predicted in (
        ({}, set(), False),
        (good, {"a", "b"}, False),
        (good, {"a", "b", "c"}, True),
        (failed, {"a", "b", "c"}, False),
    ):
        seen = _Seen()
        assert len(_propose(candidates, 4, observed, known=known, predict=seen)) == 4
        assert (seen.encodings is not None) == is_predicted


def test_nothing_that_is_taken_and_no_key_twice():
    space = grid(40, 40, key=lambda actions: str(sum(actions) // 10))  # eight keys, 0 to 7
    candidates, known = NearTheBest(space, beam=2, count=20, initial=0), set()
    for _ in range(20):
        proposed = _propose(candidates, 3, {}, known=known)
        keys = [key for key, _ in proposed]
        assert len(set(keys)) == len(keys) and not known & set(keys)
        known |= set(keys)
    assert known == set("01234567") and proposed == []


def test_what_draws_do_not_find_is_given_up_in_a_space_too_large_to_enumerate(monkeypatch):
    monkeypatch.setattr("nas_keras.strategies.progressive.near_the_best._ENUMERABLE", 1_000)
    candidates = NearTheBest(grid(40, 40, key=lambda actions: "same"), beam=2, count=20, initial=0)
    assert _propose(candidates, 3, {}, known={"same"}) == []


@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1)])
def test_a_space_of_one_encoding(sizes):
    space = grid(*sizes)
    candidates = NearTheBest(space, beam=2, count=20, initial=0)
    assert _propose(candidates, 3, {}) == [(space.key((0,) * len(sizes)), (0,) * len(sizes))]
    assert _propose(candidates, 3, {}, known={space.key((0,) * len(sizes))}) == []
