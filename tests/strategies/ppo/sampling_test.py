"""Tests of nas_keras/strategies/ppo/sampling.py: exact probabilities of a policy small enough to enumerate."""

import functools
import itertools

import numpy as np
from helpers import grid

from nas_keras.strategies.ppo.sampling import _Excluded, latin_hypercube, sample_without_replacement

SPACE = grid(2, 3)
ENCODINGS = list(SPACE.enumerate())
# p(a_1), and p(a_2 | a_1).
FIRST = np.array([0.7, 0.3])
SECOND = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])


def _log_probs_of(encodings):
    return np.array([[np.log(FIRST[a]), np.log(SECOND[a, b])] for a, b in encodings], np.float32).reshape(-1, 2)


def _drawer(rng):
    def draw(count):
        first = rng.choice(2, size=count, p=FIRST)
        second = np.array([rng.choice(3, p=SECOND[a]) for a in first], int)
        encodings = np.stack([first, second], axis=1).astype(np.int32)
        return encodings, _log_probs_of(encodings)

    return draw


def _draw(n, known=(), rounds=8, seed=0, space=SPACE):
    draw = _drawer(np.random.default_rng(seed))
    keys = [set(map(space.key, known))]
    return sample_without_replacement(
        n, draw, lambda: _log_probs_of(known), space=space, known=known, keys=keys, rounds=rounds
    )


def test_the_probability_of_a_encoding_outside_x():
    """X holds 0.35 + 0.03 + 0.21 of the probability; of what begins with 1, it holds 0.24 of 0.3."""
    known = [(0, 0), (1, 0), (1, 2)]
    excluded = _Excluded(known, lambda: _log_probs_of(known))
    found = np.exp(excluded.conditional((1, 1), _log_probs_of([(1, 1)])[0]))
    np.testing.assert_allclose(found, [0.06 / 0.41, 1], rtol=1e-5)
    found = np.exp(excluded.conditional((0, 2), _log_probs_of([(0, 2)])[0]))
    np.testing.assert_allclose(found, [0.35 / 0.41, 0.5], rtol=1e-5)


def test_probabilities_outside_any_x_sum_to_one():
    for size in range(6):
        for known in itertools.combinations(ENCODINGS, size):
            excluded = _Excluded(list(known), functools.partial(_log_probs_of, known))
            rest = [encoding for encoding in ENCODINGS if encoding not in known]
            rows = [excluded.conditional(s, row) for s, row in zip(rest, _log_probs_of(rest), strict=True)]
            np.testing.assert_allclose(np.exp(np.sum(rows, axis=1)).sum(), 1, atol=1e-4)
            assert all((row <= 0).all() for row in rows)


def test_without_x_nothing_changes():
    row = _log_probs_of([(1, 2)])[0]
    assert _Excluded([], lambda: _log_probs_of([])).conditional((1, 2), row) is row


def test_no_key_is_drawn_twice_nor_one_that_is_known():
    for seed in range(20):
        encodings = list(map(tuple, _draw(4, known=[(0, 0), (1, 2)], seed=seed).actions.tolist()))
        assert len(set(encodings)) == 4 and not {(0, 0), (1, 2)} & set(encodings)


def test_encodings_are_drawn_as_often_as_they_say():
    """The first of a batch, with (0, 0) known: each of the rest with its share of 0.65."""
    counts = dict.fromkeys(ENCODINGS, 0)
    for seed in range(3_000):
        actions, log_probs = _draw(1, known=[(0, 0)], seed=seed)
        encoding = tuple(actions[0].tolist())
        counts[encoding] += 1
        probability = FIRST[encoding[0]] * SECOND[encoding] / 0.65
        np.testing.assert_allclose(log_probs.sum(), np.log(probability), atol=1e-5)
    for a, b in ENCODINGS[1:]:
        np.testing.assert_allclose(counts[a, b] / 3_000, FIRST[a] * SECOND[a, b] / 0.65, atol=0.03)


def test_the_second_of_a_batch_knows_the_first():
    actions, log_probs = _draw(2, seed=3)
    first, second = (tuple(row) for row in actions.tolist())
    expected = np.log(FIRST[second[0]] * SECOND[second]) - np.log(1 - FIRST[first[0]] * SECOND[first])
    np.testing.assert_allclose(log_probs[1].sum(), expected, atol=1e-5)


def test_other_encodings_of_a_known_key_are_left_out():
    space = grid(2, 3, key=lambda actions: str(actions[0]))
    assert _draw(1, known=[(0, 1)], space=space).actions[0, 0] == 1


def test_keys_known_besides_x_are_left_out_and_in_x_once_they_are_seen():
    """Of (1, 0) and (1, 1) only the keys are known."""
    keys = [{"0,0", "1,0"}, {"1,1": None}.keys()]
    for seed in range(20):
        draw = _drawer(np.random.default_rng(seed))
        actions, log_probs = sample_without_replacement(
            1, draw, lambda: _log_probs_of([(0, 0)]), space=SPACE, known=[(0, 0)], keys=keys, rounds=8
        )
        a, b = actions[0].tolist()
        assert (a, b) in [(0, 1), (0, 2), (1, 2)]
        seen = {tuple(row) for row in _first_drawn(seed, until=(a, b))} & {(0, 0), (1, 0), (1, 1)} | {(0, 0)}
        outside = 1 - sum(FIRST[x] * SECOND[x, y] for x, y in seen)
        np.testing.assert_allclose(log_probs.sum(), np.log(FIRST[a] * SECOND[a, b] / outside), atol=1e-5)


def _first_drawn(seed, until):
    encodings = list(map(tuple, _drawer(np.random.default_rng(seed))(32)[0].tolist()))
    return encodings[: encodings.index(until)]


def test_there_may_be_fewer():
    actions, log_probs = _draw(5, known=ENCODINGS)
    assert actions.shape == log_probs.shape == (0, 2)
    actions, log_probs = _draw(8, known=ENCODINGS[:4])
    assert sorted(map(tuple, actions.tolist())) == ENCODINGS[4:]
    assert (actions.dtype, log_probs.dtype) == (np.int32, np.float32)


def test_a_design_covers_every_choice_evenly():
    actions, log_probs = latin_hypercube(8, grid(2, 3, 8, 1, 11), np.random.default_rng(0))
    counts = [sorted(np.bincount(column).tolist()) for column in actions.T]
    assert counts[:4] == [[4, 4], [2, 3, 3], [1] * 8, [8]]
    assert len(set(actions[:, 4].tolist())) == 8
    np.testing.assert_allclose(log_probs, -np.log([[2, 3, 8, 1, 11]] * 8), rtol=1e-5)
    assert (actions.dtype, log_probs.dtype) == (np.int32, np.float32)


def test_a_encoding_of_a_design_is_uniform():
    encodings = [
        tuple(latin_hypercube(4, SPACE, np.random.default_rng(seed)).actions[3].tolist()) for seed in range(3_000)
    ]
    for encoding in ENCODINGS:
        assert abs(encodings.count(encoding) / 3_000 - 1 / 6) < 0.03
