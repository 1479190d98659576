"""Tests of nas_keras/runner/proposing.py; searches that are continued are in runner/budget_test.py."""

import dataclasses
import json

import numpy as np
from helpers import grid

import nas_keras as nk
from nas_keras.runner.proposing import Asked, Proposer
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.strategies import Strategy


class Notes(Strategy):
    """Proposes numbers one after the other, never one again, and notes what happens."""

    def __init__(self):
        super().__init__(grid(100))
        self.next, self.calls = 0, []

    def _ask(self, n, iteration):
        self.calls.append(f"ask {n}")
        self.next += n
        return nk.Proposals(np.arange(self.next - n, self.next)[:, None])

    def _tell(self, trials, iteration):
        self.calls.append(f"tell {len(trials)}")

    def _state(self):
        return {"next": self.next}

    def _restore(self, state):
        self.calls.append("restore")
        self.next = state["next"]


def _proposer(asked=(), stored=(), batch_size=4):
    strategy, dataset = Notes(), Dataset(Origin("space", "recipe"))
    for keys in stored:
        dataset.append(_batch(dataset, keys))
    return strategy, dataset, Proposer(strategy, dataset, batch_size=batch_size, asked=asked)


def _batch(dataset, keys):
    first = len(dataset.trials)
    return [
        nk.Trial(first + i, len(dataset.batches), 0, 0, (key,), (), str(key), False, nk.Evaluation(1.0))
        for i, key in enumerate(keys)
    ]


def _tell(proposer, dataset, keys):
    dataset.append(_batch(dataset, keys))
    proposer.tell(dataset.batches[-1])


def test_the_batches_of_a_checkpoint_come_first():
    waiting = [Asked(3, nk.Proposals(np.array([[8]]))), Asked(4, nk.Proposals(np.array([[7]])))]
    strategy, _, proposer = _proposer(waiting, stored=[[8]], batch_size=1)
    assert proposer.is_replaying and [trial.key for trial in proposer.replay()] == ["8"]
    assert not proposer.is_replaying
    assert proposer.ask(trials_left=9, evaluations_left=0) == waiting[1]
    assert strategy.calls == [] and list(proposer.asked) == waiting
    policy_version, proposals = proposer.ask(trials_left=9, evaluations_left=9)
    assert (policy_version, proposals.actions.tolist()) == (0, [[0]])
    assert len(proposer.asked) == 3 and proposer.iteration == 3


def test_what_was_told_is_no_longer_asked():
    _, dataset, proposer = _proposer()
    first, second = (proposer.ask(trials_left=9, evaluations_left=9) for _ in range(2))
    assert list(proposer.asked) == [first, second]
    _tell(proposer, dataset, [0, 1, 2, 3])
    assert list(proposer.asked) == [second] and proposer.iteration == 2


def test_a_batch_of_d_is_asked_for_as_many_encodings_as_d_holds_of_it():
    strategy, _, proposer = _proposer(stored=[[0, 1, 2]])
    assert len(proposer.replay()) == 3
    assert strategy.calls == ["ask 3"] and len(proposer.asked) == 1


def test_a_stored_batch_waits_until_its_policy_had_been_told_as_much():
    _, dataset, proposer = _proposer(stored=[[0], [1]])
    dataset.batches[1][0] = dataclasses.replace(dataset.batches[1][0], policy_version=1)
    assert proposer.may_replay
    proposer.replay()
    assert not proposer.may_replay
    proposer.tell(dataset.batches[0])
    assert proposer.may_replay


def test_no_more_is_asked_for_than_the_budget_allows():
    strategy, _, proposer = _proposer()
    proposer.ask(trials_left=3, evaluations_left=9)
    assert strategy.calls == ["ask 3"]


def test_the_strategy_forgets_what_the_budget_dropped_as_another_start_does():
    strategy, dataset, proposer = _proposer()
    proposer.ask(trials_left=99, evaluations_left=5)
    proposer.ask(trials_left=99, evaluations_left=1)
    proposer.shorten(1)
    _tell(proposer, dataset, [0, 1, 2, 3])
    _tell(proposer, dataset, [4])
    assert strategy.calls == ["ask 4", "ask 4", "tell 4", "tell 1"]  # nothing, as long as the search may end
    policy_version, proposals = proposer.ask(trials_left=3, evaluations_left=1)
    assert strategy.calls[4:] == ["restore", "ask 1", "tell 4", "tell 1", "ask 3"]
    assert (policy_version, proposals.actions.tolist()) == (2, [[5], [6], [7]])
    proposer.ask(trials_left=1, evaluations_left=0)
    assert strategy.calls[9:] == ["ask 1"]


def test_a_whole_batch_leaves_nothing_to_forget():
    strategy, _, proposer = _proposer()
    for _ in range(2):
        proposer.ask(trials_left=2, evaluations_left=1)
    assert strategy.calls == ["ask 2", "ask 2"]


def test_a_batch_survives_a_checkpoint():
    for log_probs in (None, np.array([[-0.5]], np.float32)):
        asked = Asked(3, nk.Proposals(np.array([[7]], np.int32), log_probs))
        again = Asked.from_json(json.loads(json.dumps(asked.to_json())))
        assert again.policy_version == 3 and again.proposals.actions.dtype == np.int32
        assert repr(again) == repr(asked)
