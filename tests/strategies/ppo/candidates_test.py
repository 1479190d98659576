"""Tests of candidates.py; of sampler one after the other see sampling_test.py and ppo_test.py."""

import collections

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.controller.controller import Controller, tf
from nas_keras.strategies.ppo.candidates import ProposalSampler
from nas_keras.strategies.ppo.replay_buffer import ReplayBuffer
from nas_keras.trial import Evaluation, Trial

SPACE = grid(3, 4)
ENCODINGS = np.array(list(SPACE.enumerate()), np.int32)
NAN = float("nan")


def _tell(buffer, encodings, rewards):
    buffer.add(
        [
            Trial(i, 0, 0, 0, tuple(a), (-1.0,) * len(a), "", False, Evaluation(r))
            for i, (a, r) in enumerate(zip(encodings, rewards, strict=True))
        ]
    )


@pytest.fixture(scope="module", name="controller")
def _controller():
    controller = Controller(SPACE.num_choices, units=4, embedding=3)
    rng = np.random.default_rng(1)
    for variable in controller.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.7)
    return controller


def _sampler(controller, told, space=SPACE, **settings):
    """A ProposalSampler that was told encodings -> rewards."""
    buffer = ReplayBuffer(space, window=0, elite=8)
    if told:
        _tell(buffer, list(told), list(told.values()))
    config = nk.PPOConfig(**settings)
    log_probs = tf.function(controller.log_probs, reduce_retracing=True)
    return ProposalSampler(
        space, controller, buffer, config, lambda encodings: log_probs(tf.constant(encodings)).numpy()
    )


def _select(sampler, n, seed):
    return [tuple(row) for row in sampler.select(n, np.random.default_rng(seed)).actions.tolist()]


def test_candidates_are_chosen_as_the_sharpened_policy_would_draw_them(controller):
    """All encodings are candidates; with two known, the first chosen has its share of what pi^2 gives the other ten."""
    sampler = _sampler(controller, {(0, 0): 1.0, (2, 3): 0.0}, candidates=400, anchored=0.5, sharpness=2.0, untried=0.0)
    assert len(sampler.candidates(np.random.default_rng(0))) == 12
    counts = collections.Counter(_select(sampler, 1, seed)[0] for seed in range(2_000))
    weights = np.exp(2 * controller.log_probs(ENCODINGS).numpy().sum(axis=1))
    weights[[0, 11]] = 0
    expected = weights / weights.sum()
    assert expected.max() > 0.2  # not a uniform one
    np.testing.assert_allclose([counts[tuple(s)] / 2_000 for s in ENCODINGS.tolist()], expected, atol=0.035)


def test_the_second_is_chosen_of_what_the_first_left(controller):
    sampler = _sampler(controller, {(0, 0): 1.0}, candidates=400, sharpness=1.0, untried=0.0)
    weights = np.exp(controller.log_probs(ENCODINGS).numpy().sum(axis=1))
    weights[0] = 0
    first, second = int(np.argsort(-weights)[0]), int(np.argsort(-weights)[1])
    expected = weights[first] / weights.sum() * weights[second] / (weights.sum() - weights[first])
    wanted = [tuple(ENCODINGS[first].tolist()), tuple(ENCODINGS[second].tolist())]
    found = np.mean([_select(sampler, 2, seed) == wanted for seed in range(2_000)])
    assert abs(found - expected) < 0.03


def test_without_sharpness_every_candidate_is_as_likely(controller):
    sampler = _sampler(controller, {(1, 1): 1.0}, candidates=400, sharpness=0.0)
    counts = collections.Counter(_select(sampler, 1, seed)[0] for seed in range(2_000))
    np.testing.assert_allclose(
        [counts[tuple(s)] / 2_000 for s in ENCODINGS.tolist()], (ENCODINGS != 1).any(1) / 11, atol=0.03
    )


def test_a_choice_never_tried_makes_a_candidate_more_probable(controller):
    """e^untried times, for one or two: 3 choices by 4, of which (0, 0) and (2, 3) are known, one as a failure."""
    told = {(0, 0): 1.0, (2, 3): NAN}
    sampler = _sampler(controller, told, candidates=400, sharpness=2.0, untried=0.7)
    log_probs = controller.log_probs(ENCODINGS).numpy().sum(axis=1)
    untried = (ENCODINGS[:, 0] == 1) | np.isin(ENCODINGS[:, 1], [1, 2])
    weights = np.exp(2 * (log_probs + 0.7 * untried))
    weights[[0, 11]] = 0
    counts = collections.Counter(_select(sampler, 1, seed)[0] for seed in range(2_000))
    shares = [counts[tuple(s)] / 2_000 for s in ENCODINGS.tolist()]
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.035)


def test_what_is_chosen_has_the_policys_log_probs(controller):
    sampler = _sampler(controller, {(0, 0): 1.0})
    actions, log_probs = sampler.select(4, np.random.default_rng(0))
    np.testing.assert_allclose(log_probs, controller.log_probs(actions).numpy(), atol=1e-6)
    assert (actions.dtype, log_probs.dtype, actions.shape) == (np.int32, np.float32, (4, 2))


def test_what_is_known_or_asked_is_not_chosen_nor_a_key_twice(controller):
    space = grid(3, 4, key=lambda actions: str(actions[0]))
    sampler = _sampler(controller, {(0, 0): 1.0}, space=space)
    sampler._buffer.add_pending(np.array([[1, 2]], np.int32))
    chosen = _select(sampler, 5, 0)
    assert [a for a, _ in chosen] == [2]


def test_candidates_near_the_best_differ_from_one_of_them_in_one_decision(controller):
    told = {(0, 0): 2.0, (1, 1): 1.0, (2, 2): 0.0, (2, 3): NAN}
    sampler = _sampler(controller, told, candidates=1, anchored=0, near=500, beam=2)
    found = sampler.candidates(np.random.default_rng(0)).tolist()[1:]  # the first is the sample
    near = {(a, b) for a in range(3) for b in range(4) if (a == 0) ^ (b == 0) or (a == 1) ^ (b == 1)}
    assert set(map(tuple, found)) >= near - {tuple(sampler.candidates(np.random.default_rng(0))[0].tolist())}
    assert len(found) == len(set(map(tuple, found))) and set(map(tuple, found)) <= near


@pytest.mark.parametrize("told", [{}, {(0, 0): NAN, (1, 1): NAN}], ids=["nothing", "failures"])
def test_before_a_reward_is_known_there_is_no_candidate(controller, told):
    sampler = _sampler(controller, told)
    assert sampler.candidates(np.random.default_rng(0)).shape == (0, 2)
    assert _select(sampler, 3, 0) == []
    proposals = sampler.complete(4, sampler.none, np.random.default_rng(0))
    assert len(set(map(tuple, proposals.actions.tolist())) - set(told)) == 4  # new ones, drawn one after the other


def test_proposals_chosen_have_the_policys_log_probs_and_the_rest_is_new(controller):
    sampler = _sampler(controller, {(0, 0): 1.0})
    chosen = sampler.with_log_probs(np.array([[1, 1], [2, 2]], np.int32))
    proposals = sampler.complete(5, chosen, np.random.default_rng(0))
    assert proposals.actions[:2].tolist() == [[1, 1], [2, 2]]
    np.testing.assert_allclose(proposals.log_probs[:2], controller.log_probs(proposals.actions[:2]).numpy(), atol=1e-6)
    assert len({(0, 0), *map(tuple, proposals.actions.tolist())}) == 6
    assert (proposals.actions.dtype, proposals.log_probs.dtype) == (np.int32, np.float32)
