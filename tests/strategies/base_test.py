"""Tests of nas_keras/strategies/base.py."""

import math

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.errors import InvalidValueError
from nas_keras.strategies.base import Strategy, finite_rewards


class Counts(Strategy):
    """Notes what it is called with, and learns a sum."""

    def __init__(self, space, *, seed=0):
        super().__init__(space, seed=seed)
        self.calls, self.sum = [], 0

    def _ask(self, n, iteration):
        self.calls.append(("ask", n, iteration))
        return nk.Proposals(np.zeros((n, 1), np.int32))

    def _tell(self, trials, iteration):
        self.calls.append(("tell", list(trials), iteration))
        self.sum += len(trials)

    def _state(self):
        return {"sum": self.sum}

    def _restore(self, state):
        self.sum = state["sum"]


def test_batches_are_counted():
    strategy = Counts(grid(3))
    strategy.ask(2)
    strategy.ask(3)
    strategy.tell(["a"])
    assert strategy.calls == [("ask", 2, 0), ("ask", 3, 1), ("tell", ["a"], 0)]
    assert (strategy.num_asked, strategy.num_told, strategy.metrics) == (2, 1, {})


def test_a_state_holds_the_counts_and_what_was_learned():
    strategy = Counts(grid(3), seed=4)
    strategy.ask(2)
    strategy.ask(2)
    strategy.tell(["a", "b"])
    state = strategy.state()
    assert state == {"num_asked": 2, "num_told": 1, "sum": 2}
    other = Counts(grid(3), seed=4)
    other.restore(state)
    other.ask(5)
    assert (other.calls, other.sum, other.num_told) == ([("ask", 5, 2)], 2, 1)


def test_the_base_class_leaves_asking_and_telling_open():
    strategy = Strategy(grid(3))
    with pytest.raises(NotImplementedError):
        strategy.ask(1)
    with pytest.raises(NotImplementedError):
        strategy.tell([])
    strategy.restore({"num_asked": 3, "num_told": 2})
    assert strategy.state() == {"num_asked": 3, "num_told": 2}


@pytest.mark.parametrize("seed", [-1, 2**31, 0.0, "0", None, True])
def test_seeds_that_cannot_be_used(seed):
    with pytest.raises(InvalidValueError) as error:
        Strategy(grid(3), seed=seed)
    assert str(error.value) == f"seed={seed!r} is not allowed: it must be an integer from 0 to 2**31 - 1."


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_seeds_at_the_limits(seed):
    assert Strategy(grid(3), seed=seed).seed == seed


@pytest.mark.parametrize(
    ("rewards", "finite"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([0.0, math.nan, 2.0], [0.0, -1.0, 2.0]),  # the worst minus a standard deviation of 1
        ([0.5, math.nan], [0.5, 0.499]),
        ([math.nan, math.nan], [0.0, 0.0]),
    ],
)
def test_a_failure_is_worse_than_every_number(rewards, finite):
    assert finite_rewards(np.array(rewards, np.float32)).tolist() == pytest.approx(finite, abs=1e-6)


class Gives(Strategy):
    """Proposes what it was made with."""

    def __init__(self, proposals):
        super().__init__(grid(3, 4))
        self._proposals = proposals

    def _ask(self, n, iteration):
        return self._proposals

    def _tell(self, trials, iteration):
        pass


_ALLOWED = r". Its method _ask must give nk.Proposals\(actions, log_probs\): actions are integers \[m, 2\] with m <= 2"
_NAN = float("nan")


@pytest.mark.parametrize(
    ("proposals", "what"),
    [
        (None, "None"),
        ([[0, 0]], r"\[\[0, 0\]\]"),
        (([[0, 0]], None), r"\(\[\[0, 0\]\], None\)"),
        (nk.Proposals(None), "actions of type object and shape \\[\\]"),
        (nk.Proposals("ab"), "actions of type <U2 and shape"),
        (nk.Proposals([0, 0]), r"actions of type int64 and shape \[2\]"),
        (nk.Proposals([[0, 0, 0]]), r"actions of type int64 and shape \[1, 3\]"),
        (nk.Proposals([[[0, 0]]]), r"actions of type int64 and shape \[1, 1, 2\]"),
        (nk.Proposals([[0, 0], [0]]), "Proposals.*"),
        (nk.Proposals([[0.0, 1.0]]), "actions of type float64"),
        (nk.Proposals([[_NAN, 1.0]]), "actions of type float64"),
        (nk.Proposals([[True, False]]), "actions of type bool"),
        (nk.Proposals([["0", "1"]]), "actions of type <U1"),
        (nk.Proposals([[None, 1]]), "actions of type object"),
        (nk.Proposals([[10**400, 1]]), "actions of type object"),
        (nk.Proposals([[0, 1j]]), "actions of type complex128"),
        (nk.Proposals([[3, 0]]), "action 3 for decision 'd0'"),
        (nk.Proposals([[0, 0], [0, -1]]), "action -1 for decision 'd1'"),
        (nk.Proposals([[2**40, 0]]), "action 1099511627776 for decision 'd0'"),
        (nk.Proposals([[0, 0]] * 3), "3 encodings where at most 2 were asked for"),
        (nk.Proposals(np.zeros((100_000, 2), int)), "100,000 encodings where at most 2 were asked for"),
        (nk.Proposals([[0, 0]], [-1.0, -1.0]), r"log_probs array.* of shape \[2\]"),
        (nk.Proposals([[0, 0]], [[-1.0]]), r"log_probs array.* of shape \[1, 1\]"),
        (nk.Proposals([[0, 0]], -1.0), r"log_probs array.* of shape \[\]"),
        (nk.Proposals([[0, 0]], [[-1.0, _NAN]]), r"log_probs array.*nan"),
        (nk.Proposals([[0, 0]], [[-1.0, -float("inf")]]), r"log_probs array.*inf"),
        (nk.Proposals([[0, 0]], [["a", "b"]]), "Proposals.*could not convert"),
        (nk.Proposals([[0, 0]], [[-1j, 0]]), "Proposals.*complex numbers"),
        (nk.Proposals([[0, 0]], [[-(10**400), 0]]), "Proposals.*too large"),
        (nk.Proposals([[0, 0]], [[-1.0, -1.0], [-1.0]]), "Proposals.*"),
    ],
    ids=lambda value: "" if isinstance(value, nk.Proposals) else str(value)[:40],
)
def test_proposals_that_cannot_be_are_refused_before_anything_is_evaluated(tmp_path, proposals, what):
    strategy = Gives(proposals)
    with pytest.raises(InvalidValueError, match=f"The strategy Gives gave {what}.*{_ALLOWED}"):
        strategy.ask(2)
    assert strategy.num_asked == 0
    evaluated = []
    evaluator = nk.FunctionEvaluator(lambda choices: evaluated.append(choices) or 1.0)
    with pytest.raises(InvalidValueError, match="The strategy Gives gave"):
        nk.search(strategy.space, evaluator, strategy=strategy, batch_size=2, max_trials=12, workdir=tmp_path / "run")
    assert evaluated == [] and list((tmp_path / "run" / "dataset").iterdir()) == []


@pytest.mark.parametrize("actions", [[], np.zeros((0, 2)), np.zeros((0,), object), ()], ids=repr)
def test_no_proposals_are_no_proposals_of_whatever_shape(actions):
    for log_probs in (None, []):
        proposals = Gives(nk.Proposals(actions, log_probs)).ask(2)
        assert proposals.actions.shape == (0, 2) and proposals.actions.dtype == np.int32
        assert proposals.log_probs is None or proposals.log_probs.shape == (0, 2)


@pytest.mark.parametrize("kind", [list, np.int8, np.uint64, np.int64])
def test_proposals_are_int32_and_float32_whatever_was_given(kind):
    actions = [[2, 3]] if kind is list else np.array([[2, 3]], kind)
    proposals = Gives(nk.Proposals(actions, np.array([[-1.0, -0.1]]))).ask(2)
    assert (proposals.actions.dtype, proposals.log_probs.dtype) == (np.int32, np.float32)
    assert proposals.actions.tolist() == [[2, 3]]
