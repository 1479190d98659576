"""Tests of nas_keras/runner/proposing.py; searches that are cut and go on are in runner/budget_test.py."""

import numpy as np
from helpers import grid

import nas_keras as nk
from nas_keras.runner.proposing import Proposing
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.schema import Origin
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


def _proposing(asked=()):
    strategy, dataset = Notes(), Dataset(Origin("space", "recipe"))
    return strategy, dataset, Proposing(strategy, dataset, asked)


def _batch(dataset, keys):
    first = len(dataset.trials)
    return [
        nk.Trial(first + i, len(dataset.batches), 0, 0, (key,), (), str(key), False, nk.Evaluation(1.0))
        for i, key in enumerate(keys)
    ]


def _tell(strategy, dataset, keys):
    dataset.append(_batch(dataset, keys))
    strategy.tell(dataset.batches[-1])


def test_what_was_asked_at_the_checkpoint_comes_first():
    waiting = [(3, nk.Proposals(np.array([[7]]))), (4, nk.Proposals(np.array([[8]])))]
    strategy, dataset, proposing = _proposing(waiting)
    assert proposing.ask(5, may_be_cut=True) == waiting[0] and list(proposing.asked) == waiting[1:]
    assert proposing.ask_again(_batch(dataset, [8]), 1) == waiting[1][1] and strategy.calls == []
    policy, proposals = proposing.ask(2, may_be_cut=False)
    assert (policy, proposals.actions.tolist()) == (0, [[0], [1]])


def test_a_batch_of_d_is_asked_for_as_many_encodings_as_stand_in_it():
    strategy, dataset, proposing = _proposing()
    assert len(proposing.ask_again(_batch(dataset, [0, 1, 2]), 4).actions) == 3
    assert strategy.calls == ["ask 3"]


def test_after_a_cut_the_strategy_forgets_what_was_dropped_as_another_start_does():
    strategy, dataset, proposing = _proposing()
    proposing.ask(4, may_be_cut=False)
    proposing.ask(4, may_be_cut=True)
    proposing.cut(1)
    _tell(strategy, dataset, [0, 1, 2, 3])
    _tell(strategy, dataset, [4])
    assert strategy.calls == ["ask 4", "ask 4", "tell 4", "tell 1"]  # nothing, as long as the search may end
    policy, proposals = proposing.ask(3, may_be_cut=True)
    assert strategy.calls[4:] == ["restore", "ask 1", "tell 4", "tell 1", "ask 3"]
    assert (policy, proposals.actions.tolist()) == (2, [[5], [6], [7]])
    proposing.ask(1, may_be_cut=True)
    assert strategy.calls[9:] == ["ask 1"]


def test_a_whole_batch_leaves_nothing_to_forget():
    strategy, _, proposing = _proposing()
    for _ in range(2):
        proposing.ask(2, may_be_cut=True)
    assert strategy.calls == ["ask 2", "ask 2"]
