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


def _buffer(*batches, window=0, space=SPACE):
    buffer = ReplayBuffer(space, window=window)
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


@pytest.mark.parametrize(("window", "rewards"), [(1, [1]), (2, [7, NAN, 1]), (3, [5, 9, 7, NAN, 1])])
def test_a_window_holds_the_latest_batches(window, rewards):
    found = _buffer(*_BATCHES, window=window).experience().rewards
    np.testing.assert_array_equal(found, np.array(rewards, np.float32))


def test_the_latest_trial_of_a_encoding_counts():
    trials = Experience(np.array([[1], [2], [1]]), np.zeros(3), np.array([0.1, 0.2, 0.3])).latest()
    assert trials.actions.tolist() == [[2], [1]] and trials.rewards.tolist() == [0.2, 0.3]


def test_known_keys_outlive_the_window():
    buffer = _buffer(*_BATCHES, window=1)
    buffer.add_pending(np.array([[8, 8]]))
    assert buffer.pending_keys() == {"8,8"} and buffer.num_keys == 5
    assert all(map(buffer.is_known, ("0,0", "0,1", "1,0", "1,1", "2,0"))) and not buffer.is_known("8,8")


def test_a_key_of_many_encodings_is_one():
    buffer = _buffer(*_BATCHES, space=grid(9, 9, key=lambda actions: str(actions[0])))
    assert buffer.num_keys == 3 and buffer.is_known("2")


def test_a_batch_that_is_told_is_no_longer_pending_even_if_the_budget_shortened_it():
    buffer = _buffer()
    buffer.add_pending(np.array([[0, 0], [1, 1]]))
    buffer.add([_trial((0, 0), 1.0)])
    assert buffer.pending_keys() == set()


def test_a_restored_buffer_is_the_same():
    old = _buffer(*_BATCHES, window=2)
    old.add_pending(np.array([[8, 8]]))
    new = ReplayBuffer(SPACE, window=2)
    new.restore(old.state())
    assert _same(old.experience(), new.experience())
    assert new.pending_keys() == {"8,8"}
    for buffer in (old, new):
        buffer.add([_trial((8, 8), 3.0)])
    assert _same(old.experience(), new.experience()) and old.state()["keys"] == new.state()["keys"]


def test_an_empty_buffer_is_restored():
    new = ReplayBuffer(SPACE, window=2)
    new.restore(_buffer().state())
    assert len(new.experience().rewards) == 0 and new.pending_keys() == set()
