"""Tests of ppo_predictor.py. What every strategy promises is in every_strategy_test.py."""

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.strategies.ppo.config import PPOPredictorConfig
from nas_keras.strategies.ppo.ppo import PPO
from nas_keras.strategies.predictors.ppo_predictor import PPOPredictor

SPACE = grid(*[4] * 6)
WEIGHTS = np.random.default_rng(0).normal(size=(6, 4))


def _additive(actions):
    return float(sum(WEIGHTS[t, a] for t, a in enumerate(actions)))


def _run(strategy, reward, batches, size=8):
    asked = []
    for iteration in range(batches):
        proposals = strategy.ask(size)
        asked.append(proposals)
        rows = zip(map(tuple, proposals.actions.tolist()), proposals.log_probs.tolist(), strict=True)
        strategy.tell(
            [
                nk.Trial(i, iteration, iteration, 0, a, tuple(p), "", False, nk.Evaluation(reward(a)))
                for i, (a, p) in enumerate(rows)
            ]
        )
    return asked


@pytest.fixture(scope="module", name="asked")
def _asked():
    return _run(PPOPredictor(SPACE, seed=1), _additive, batches=6)


def test_the_first_proposals_are_ppos():
    asked = _run(PPOPredictor(SPACE, PPOPredictorConfig(initial=16), seed=1), _additive, batches=2)
    expected = _run(PPO(SPACE, nk.PPOConfig(candidates=0), seed=1), _additive, batches=2)
    for proposals, others in zip(asked, expected, strict=True):
        assert (proposals.actions == others.actions).all()


def test_an_additive_table_of_4096_is_solved_in_48_evaluations(asked):
    """Of 19 parameters."""
    rewards = [_additive(actions) for proposals in asked for actions in proposals.actions]
    assert max(rewards) == pytest.approx(WEIGHTS.max(axis=1).sum())
    assert len({tuple(actions) for proposals in asked for actions in proposals.actions.tolist()}) == 48


def test_log_probs_are_the_controllers(asked):
    assert all((proposals.log_probs <= 0).all() for proposals in asked)
    assert all(proposals.log_probs.dtype == np.float32 for proposals in asked)


def test_encodings_that_mean_one_cell_are_one():
    space = nk.spaces.large(2)
    strategy = PPOPredictor(space, seed=0)
    asked = _run(strategy, lambda actions: float(len(space.key(actions))), batches=4)
    keys = [space.key(actions) for proposals in asked for actions in proposals.actions]
    assert len(set(keys)) == len(keys) == 32


@pytest.mark.parametrize("space", [nk.spaces.large(1), nk.spaces.small()], ids=str)
def test_once_no_candidate_is_left_it_goes_on_as_ppo_does(space):
    """Cells: 8 and 64 keys, 16 batches of 8."""
    asked = _run(PPOPredictor(space, seed=0), lambda actions: float(sum(actions)), batches=16)
    keys = [space.key(actions) for proposals in asked for actions in proposals.actions]
    assert len(keys) == 128 and set(keys) == {space.key(actions) for actions in space.enumerate()}


def test_as_long_as_all_fail_it_proposes_what_ppo_would():
    asked = _run(PPOPredictor(SPACE, seed=2), lambda actions: float("nan"), batches=4)
    assert len({tuple(actions) for proposals in asked for actions in proposals.actions.tolist()}) == 32


@pytest.mark.parametrize("setting", ["candidates", "beam", "initial"])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(nk.InvalidValueError, match=f"{setting}=0 is not allowed: it must be an integer of at least 1"):
        PPOPredictorConfig(**{setting: 0})
    with pytest.raises(nk.InvalidValueError, match="near=-1 is not allowed"):
        PPOPredictorConfig(near=-1)
