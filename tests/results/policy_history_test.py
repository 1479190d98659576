"""Tests of policy_history.py: real searches of a tiny space, replayed; and proposals counted by hand."""

import dataclasses
import pathlib

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.results.policy_history import trace_policy
from nas_keras.results.runs import Run, read_runs
from nas_keras.strategies import make_strategy
from nas_keras.trial import Evaluation, Trial

SPACE = nk.spaces.large(2)


@pytest.fixture(scope="module", name="searched")
def _searched(tmp_path_factory):
    """PPO with two batches open at once, as with workers; the budget cuts the last batch. The run, and the strategy."""
    folder = tmp_path_factory.mktemp("history") / "run"
    evaluator = nk.FunctionEvaluator(lambda cell: cell.key.count("conv_5x5") / 2)
    strategy = make_strategy("ppo", SPACE, seed=3)
    nk.search(SPACE, evaluator, strategy=strategy, max_evaluations=43, batch_size=4, lag=1, workdir=folder)
    (run,) = read_runs([folder])
    return _changed(run, strategy={**run.fixed["strategy"], "name": "ppo"}), strategy


@pytest.fixture(scope="module", name="run")
def _run(searched):
    return searched[0]


def _changed(run, **fixed):
    return dataclasses.replace(run, config={**run.config, "fixed": {**run.fixed, **fixed}})


@pytest.fixture(scope="module", name="history")
def _history(run):
    return trace_policy(run)


def test_d_told_again_goes_through_the_policies_of_the_run(searched, history):
    run, strategy = searched
    assert history.reproduced == 1 and history.num_told.tolist() == list(range(len(run.batches) + 1))
    # Decision by decision, each encoding weighted by the policy that the search itself ended with.
    expected = [np.zeros(len(decision.choices)) for decision in SPACE.decisions]
    encodings = list(SPACE.enumerate())
    log_probs = strategy.controller.log_probs(np.array(encodings, np.int32)).numpy()
    for actions, log_prob in zip(encodings, log_probs.sum(axis=1), strict=True):
        for t, action in enumerate(actions):
            expected[t][action] += np.exp(log_prob)
    for found, wanted in zip(history.probabilities, expected, strict=True):
        np.testing.assert_allclose(found[-1], wanted, atol=1e-5)


def test_the_first_policy_is_almost_uniform_and_the_last_has_learned(history):
    for rows in history.probabilities:
        np.testing.assert_allclose(rows.sum(axis=1), 1)
        np.testing.assert_allclose(rows[0], 1 / rows.shape[1], atol=0.02)
    op_1, conv_5x5 = history.probabilities[0], 3
    assert op_1[-1, conv_5x5] == op_1[-1].max() > 0.3


def test_what_this_version_would_not_propose_is_counted_instead(run):
    history = trace_policy(_changed(run, seed=4))
    assert history.reproduced is None and history.num_told.tolist() == list(range(1, len(run.batches) + 1))


def test_a_encoding_that_another_processor_drew_otherwise_changes_no_policy(run, history):
    last = run.batches[-2]
    other = tuple(1 - min(action, 1) for action in last[0].actions)
    batches = [*run.batches[:-2], [dataclasses.replace(last[0], actions=other), *last[1:]], run.batches[-1]]
    found = trace_policy(dataclasses.replace(run, batches=batches))
    assert found.reproduced == pytest.approx(1 - 1 / (4 * (len(batches) - 1)))
    np.testing.assert_allclose(found.probabilities[0][-4], history.probabilities[0][-4])


def test_a_search_of_less_than_a_batch_has_nothing_to_compare(run):
    found = trace_policy(dataclasses.replace(run, batches=[run.batches[0][:3]]))
    assert found.reproduced == 1 and found.num_told.tolist() == [0, 1]


def test_settings_that_this_version_does_not_know_are_counted_instead(run):
    assert trace_policy(_changed(run, strategy={"name": "ppo", "config": {"patience": 3}})).reproduced is None


def test_a_setting_that_the_run_did_not_have_yet_has_its_default(run):
    config = dict(run.config["fixed"]["strategy"]["config"])
    assert config.pop("sharpness") == nk.PPOConfig().sharpness
    assert trace_policy(_changed(run, strategy={"name": "ppo", "config": config})).reproduced == 1


def _counted(batches):
    trials = [
        [Trial(0, b, 0, 0, actions, (), "k", False, Evaluation(0.5)) for actions in batch]
        for b, batch in enumerate(batches)
    ]
    fixed = {"strategy": {"name": "random", "config": {}}, "seed": 0, "batch_size": 2}
    return trace_policy(Run(pathlib.Path("run"), "random search", {"fixed": fixed}, nk.spaces.large(1), trials))


def test_shares_of_proposals_are_over_the_latest_eight_batches():
    history = _counted([[(7, 0), (0, 1)], [(0, 1), (0, 1)], *([[(2, 1), (2, 1)]] * 7)])
    op_1, combine = history.probabilities
    assert history.reproduced is None and history.num_told.tolist() == list(range(1, 10))
    assert op_1[0].tolist() == [0.5, 0, 0, 0, 0, 0, 0, 0.5] and combine[0].tolist() == [0.5, 0.5]
    assert op_1[1, 0] == 0.75
    assert op_1[-1].tolist() == [2 / 16, 0, 14 / 16, 0, 0, 0, 0, 0]  # the first batch is out of sight


def test_a_long_search_is_shown_at_200_points():
    history = _counted([[(0, 0), (1, 0)]] * 1_000)
    assert len(history.num_told) == 200 and (history.num_told[0], history.num_told[-1]) == (1, 1_000)
