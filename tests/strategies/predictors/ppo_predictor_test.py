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
    expected = _run(PPO(SPACE, nk.PPOConfig(candidates=1_000), seed=1), _additive, batches=2)
    for proposals, others in zip(asked, expected, strict=True):
        assert (proposals.actions == others.actions).all()


def test_an_additive_table_of_4096_is_solved_in_48_evaluations(asked):
    """Of 19 parameters."""
    rewards = [_additive(actions) for proposals in asked for actions in proposals.actions]
    assert max(rewards) == pytest.approx(WEIGHTS.max(axis=1).sum())
    assert len({tuple(actions) for proposals in asked for actions in proposals.actions.tolist()}) == 48


def test_log_probs_are_the_controllers():
    strategy = PPOPredictor(SPACE, seed=1)
    _run(strategy, _additive, batches=3)
    proposals = strategy.ask(8)
    np.testing.assert_allclose(proposals.log_probs, strategy.controller.log_probs(proposals.actions), atol=1e-5)


def test_encodings_that_mean_one_cell_are_one():
    space = nk.spaces.large(2)
    strategy = PPOPredictor(space, seed=0)
    asked = _run(strategy, lambda actions: float(len(space.key(actions))), batches=4)
    keys = [space.key(actions) for proposals in asked for actions in proposals.actions]
    assert len(set(keys)) == len(keys) == 32


def test_once_no_candidate_is_new_known_ones_are_proposed():
    """The space has 8 keys in 16 encodings, and a batch is never empty."""
    space = nk.spaces.large(1)
    asked = _run(PPOPredictor(space, seed=0), lambda actions: float(sum(actions)), batches=6)
    keys = [[space.key(actions) for actions in proposals.actions] for proposals in asked]
    assert all(len(batch) == len(set(batch)) > 0 for batch in keys) and len(set(keys[0])) == 8


def test_as_long_as_all_fail_it_proposes_what_ppo_would():
    asked = _run(PPOPredictor(SPACE, seed=2), lambda actions: float("nan"), batches=4)
    assert len({tuple(actions) for proposals in asked for actions in proposals.actions.tolist()}) == 32
