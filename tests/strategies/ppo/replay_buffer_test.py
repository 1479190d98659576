"""Tests of nas_keras/strategies/ppo/replay_buffer.py."""

import numpy as np
import pytest
from helpers import grid

from nas_keras.strategies.ppo.replay_buffer import Experience, ReplayBuffer
from nas_keras.trial import Evaluation, Trial

NAN = float("nan")
SPACE = grid(9, 9)


def _trial(actions, reward, log_probs=(-0.5, -1.0)):
    return Trial(0, 0, 0, 0, tuple(actions), log_probs, "", False, Evaluation(reward))


def _buffer(*batches, window=0, elite=0, space=SPACE):
    buffer = ReplayBuffer(space, window=window, elite=elite)
    for batch in batches:
        buffer.add([_trial(actions, reward) for actions, reward in batch])
    return buffer


def _same(one, two):
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(one, two, strict=True))


_BATCHES = (
    [((0, 0), 5.0), ((0, 1), 9.0)],
    [((1, 0), 7.0), ((1, 1), NAN)],
    [((2, 0), 1.0)],
)


def test_trials_stand_in_the_order_told():
    trials = _buffer(*_BATCHES).experience()
    assert trials.actions.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]]
    np.testing.assert_array_equal(trials.rewards, np.array([5, 9, 7, NAN, 1], np.float32))
    np.testing.assert_array_equal(trials.log_probs, [-1.5] * 5)
    assert _buffer(*_BATCHES).batch_size == 1


@pytest.mark.parametrize(
    ("window", "elite", "rewards"),
    [(1, 0, [1]), (2, 0, [7, NAN, 1]), (1, 2, [9, 7, 1]), (2, 1, [9, 7, NAN, 1]), (3, 2, [5, 9, 7, NAN, 1])],
)
def test_a_window_and_the_best_before_it(window, elite, rewards):
    found = _buffer(*_BATCHES, window=window, elite=elite).experience().rewards
    np.testing.assert_array_equal(found, np.array(rewards, np.float32))


def test_the_best_before_the_window_are_different_encodings_and_failures_the_last_of_them():
    buffer = _buffer(
        [((0, 0), 5.0)], [((0, 0), 5.0)], [((3, 3), NAN)], [((4, 4), 2.0)], [((5, 5), 0.0)], window=1, elite=2
    )
    assert buffer.experience().actions.tolist() == [[0, 0], [4, 4], [5, 5]]


def test_the_latest_trial_of_a_encoding_counts():
    trials = Experience(np.array([[1], [2], [1]]), np.zeros(3), np.array([0.1, 0.2, 0.3])).latest()
    assert trials.actions.tolist() == [[2], [1]] and trials.rewards.tolist() == [0.2, 0.3]


def test_known_keys_outlive_the_window():
    buffer = _buffer(*_BATCHES, window=1)
    buffer.add_pending(np.array([[8, 8]]))
    asked, told = buffer.known_keys()
    assert asked == {"8,8"} and list(told) == ["0,0", "0,1", "1,0", "1,1", "2,0"]
    assert buffer.num_keys == 5


def test_a_key_of_many_encodings_is_one():
    buffer = _buffer(*_BATCHES, space=grid(9, 9, key=lambda actions: str(actions[0])))
    assert list(buffer.known_keys()[1]) == ["0", "1", "2"]


def test_a_batch_that_is_told_is_no_longer_open_even_where_it_was_cut():
    buffer = _buffer()
    buffer.add_pending(np.array([[0, 0], [1, 1]]))
    buffer.add([_trial((0, 0), 1.0)])
    assert buffer.known_keys()[0] == set()


def test_the_latest_encodings_begin_with_the_open_ones():
    buffer = _buffer(*_BATCHES)
    buffer.add_pending(np.array([[8, 8], [2, 0]]))
    assert buffer.latest_encodings(3) == [(8, 8), (2, 0), (1, 0)]  # (2, 0) stands there twice
    assert buffer.latest_encodings(1) == [(8, 8)]
    assert len(buffer.latest_encodings(100)) == 6


def test_a_restored_memory_is_the_same():
    old = _buffer(*_BATCHES, window=2, elite=1)
    old.add_pending(np.array([[8, 8]]))
    new = ReplayBuffer(SPACE, window=2, elite=1)
    new.restore(old.state())
    assert _same(old.experience(), new.experience())
    assert [list(map(tuple, batch)) for batch in new._pending] == [[(8, 8)]]
    for buffer in (old, new):
        buffer.add([_trial((8, 8), 3.0)])
    assert _same(old.experience(), new.experience()) and old.known_keys() == new.known_keys()


def test_a_memory_of_nothing_is_restored():
    new = ReplayBuffer(SPACE, window=2, elite=1)
    new.restore(_buffer().state())
    assert len(new.experience().rewards) == 0 and new.latest_encodings(5) == []
