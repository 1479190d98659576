"""Tests of nas_keras/strategies/ppo/ppo.py."""

import numpy as np
import pytest
from helpers import num_traces, run_python

import nas_keras as nk
from nas_keras.strategies.ppo.advantages import standardize
from nas_keras.strategies.ppo.ppo import PPO, sample_minibatches
from nas_keras.strategies.ranks import rank_scores
from nas_keras.trial import Evaluation, Trial

NAN = float("nan")
_EIGHTS = nk.SearchSpace("eights", [nk.Decision(name, tuple(range(8))) for name in ("a", "b")])


def _trials(proposals, reward, iteration=0):
    return [
        Trial(i, iteration, iteration, 0, tuple(a), tuple(lp), "", False, Evaluation(reward(a)))
        for i, (a, lp) in enumerate(zip(proposals.actions.tolist(), proposals.log_probs.tolist(), strict=True))
    ]


def _run(strategy, reward, batches, size=8):
    for iteration in range(batches):
        strategy.tell(_trials(strategy.ask(size), reward, iteration))


def _additive_table(seed):
    """Rewards [8, 8], the sum of two effects; the best is ahead of the second by 0.2 standard deviations, exactly."""
    rng = np.random.default_rng(seed)
    effects = np.sort(rng.normal(size=(2, 8)))

    def table(gap):
        first, second = effects.copy()
        first[7], second[7] = first[6] + gap, second[6] + gap
        return first[:, None] + second[None, :]

    low, high = 0.0, 10.0
    for _ in range(60):  # bisection: the gap over the table's deviation grows with the gap
        middle = (low + high) / 2
        low, high = (middle, high) if middle / table(middle).std() < 0.2 else (low, middle)
    shuffled = [rng.permutation(8), rng.permutation(8)]
    return table(high)[np.ix_(*shuffled)]


def test_the_table_is_what_it_says():
    table = _additive_table(0)
    best, second = np.sort(table.ravel())[:-3:-1]
    np.testing.assert_allclose((best - second) / table.std(), 0.2, atol=1e-9)


@pytest.mark.parametrize(("seeds", "least"), [(5, 4), pytest.param(20, 15, marks=pytest.mark.slow)])
def test_the_best_encoding_of_a_noiseless_table_becomes_the_likeliest(seeds, least):
    encodings = np.array(list(_EIGHTS.enumerate()), np.int32)
    found = 0
    for seed in range(seeds):
        table = _additive_table(seed)
        strategy = PPO(_EIGHTS, seed=seed)
        _run(strategy, lambda a, table=table: table[tuple(a)], batches=60)
        likeliest = encodings[strategy.controller.log_probs(encodings).numpy().sum(axis=1).argmax()]
        found += tuple(likeliest) == np.unravel_index(table.argmax(), table.shape)
    assert found >= least


def test_one_trace_for_batches_of_any_size():
    strategy = PPO(_EIGHTS)
    for size in (8, 3, 1, 20):
        proposals = strategy.ask(size)
        assert proposals.actions.shape == (size, len(_EIGHTS.decisions))
        assert proposals.log_probs.shape == (size, len(_EIGHTS.decisions))
        strategy.tell(_trials(proposals, sum))
    assert all(np.isfinite(list(strategy.metrics.values())))
    assert num_traces(strategy._update) == 1


@pytest.mark.parametrize(
    "config",
    [
        nk.PPOConfig(temperature=0.01),
        nk.PPOConfig(learning_rate=0.2),
        nk.PPOConfig(candidates=0, advantages="normal", window=20),
        nk.PPOConfig.paper(),
    ],
    ids=["little entropy", "a large learning rate", "an old window", "the paper's form"],
)
def test_probabilities_do_not_vanish_however_long_a_search_goes_on(config):
    strategy = PPO(_EIGHTS, config, seed=0)
    _run(strategy, lambda a: a[0] - 0.3 * a[1], batches=200)
    encodings = np.array(list(_EIGHTS.enumerate()), np.int32)
    assert np.isfinite(strategy.controller.log_probs(encodings).numpy()).all()
    assert np.isfinite(strategy.ask(8).log_probs).all()


def test_the_seed_decides_everything():
    weights = []
    for seed in (1, 1, 2):
        strategy = PPO(_EIGHTS, seed=seed)
        _run(strategy, sum, batches=4)
        weights.append(strategy.controller.get_weights())
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert any((a != b).any() for a, b in zip(weights[0], weights[2], strict=True))


@pytest.mark.parametrize("window", [1, 3, 0])
def test_a_restored_strategy_goes_on_as_the_first_would(window):
    config = nk.PPOConfig(window=window)
    first = PPO(_EIGHTS, config, seed=4)
    _run(first, sum, batches=5)
    second = PPO(_EIGHTS, config, seed=4)
    second.restore(first.state())
    for strategy in (first, second):
        _run(strategy, sum, batches=3)
    assert all(
        (a == b).all()
        for a, b in zip(first.state().values(), second.state().values(), strict=True)
        if hasattr(a, "all")
    )
    assert (first.ask(30).actions == second.ask(30).actions).all()


def test_failed_rewards_are_the_worst_and_never_spread():
    """Every encoding that starts with 0 fails: the policy leaves them, and its weights stay finite."""
    strategy = PPO(_EIGHTS, seed=0)
    _run(strategy, lambda a: float("nan") if a[0] == 0 else 0.1 * a[1], batches=40)
    assert (strategy.ask(200).actions[:, 0] == 0).mean() < 0.05  # 0.125 at the start
    assert all(np.isfinite(weight).all() for weight in strategy.controller.get_weights())


def test_a_batch_of_failures_teaches_nothing_but_entropy():
    strategy = PPO(_EIGHTS, nk.PPOConfig(entropy=0.0), seed=0)
    before = strategy.controller.get_weights()
    _run(strategy, lambda a: float("nan"), batches=1)
    assert all((a == b).all() for a, b in zip(before, strategy.controller.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([1.0, 3.0], [-1, 1]),
        ([5.0, 5.0, 5.0], [0, 0, 0]),
        ([np.nan, np.nan], [0, 0]),
        ([2.0], [0]),
        # The failure stands at 0 - 1, one deviation of (0, 2) below the worst: mean 1/3, deviation sqrt(14)/3.
        ([0.0, 2.0, np.nan], [-1 / 14**0.5, 5 / 14**0.5, -4 / 14**0.5]),
    ],
    ids=["two", "equal", "all failed", "one", "one failed"],
)
def test_advantages(rewards, expected):
    np.testing.assert_allclose(standardize(np.array(rewards)), expected, atol=1e-6)


def test_minibatches_pass_over_all_trials_before_any_again():
    batches = sample_minibatches(6, steps=5, size=4, rng=np.random.default_rng(0))
    assert batches.shape == (5, 4) and batches.dtype == np.int32
    flat = batches.ravel()
    assert all(sorted(flat[i : i + 6]) == list(range(6)) for i in (0, 6, 12))


def test_minibatches_of_few_trials_hold_some_of_them_more_than_once():
    (batch,) = sample_minibatches(3, steps=1, size=8, rng=np.random.default_rng(0))
    assert sorted(batch[:3]) == sorted(batch[3:6]) == [0, 1, 2] and len(batch) == 8


def test_the_window_keeps_the_latest_batches():
    for window, count in ((2, 10), (0, 15)):
        strategy = PPO(_EIGHTS, nk.PPOConfig(window=window, candidates=0))
        _run(strategy, sum, batches=3, size=5)
        assert len(strategy._buffer.experience().rewards) == count


_MIRRORED = """
import numpy as np
from nas_keras import _tensorflow
tf = _tensorflow.load_tensorflow()
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import nas_keras as nk
from strategies.ppo.ppo_test import _EIGHTS, _run
from nas_keras.strategies.ppo.ppo import PPO
results = []
for distribute, size in (("none", 8), ("mirrored", 8), ("none", 5), ("mirrored", 5)):
    strategy = PPO(_EIGHTS, nk.PPOConfig(distribute=distribute), seed=1)
    _run(strategy, lambda a: a[0] - 0.3 * a[1], batches=3, size=size)
    assert strategy._distribution.num_replicas_in_sync == (2 if distribute == "mirrored" else 1)
    results.append((strategy.controller.get_weights(), strategy.metrics))
for (one, metrics), (two, other_metrics) in (results[:2], results[2:]):
    for a, b in zip(one, two):
        np.testing.assert_allclose(a, b, atol=1e-4)
    for name in metrics:
        np.testing.assert_allclose(metrics[name], other_metrics[name], atol=1e-4)
start = PPO(_EIGHTS, seed=1).controller.get_weights()
assert max(np.abs(a - b).max() for a, b in zip(start, results[0][0])) > 0.01
"""


def test_over_two_devices_the_controller_learns_the_same():
    """Of 8 trials each replica takes 4; of 5 it takes 3 and 2."""
    done = run_python(_MIRRORED)
    assert done.returncode == 0, done.stderr


def test_the_paper_s_form_learns_from_its_latest_batch():
    """The training data are the batch, with its own log-probs and its rewards, standardized."""
    strategy = PPO(_EIGHTS, nk.PPOConfig.paper(), seed=0)
    _run(strategy, sum, batches=2)
    proposals = strategy.ask(8)
    strategy.tell(_trials(proposals, sum))
    actions, log_probs, advantages = strategy._training_data(np.random.default_rng(0))
    assert (actions == proposals.actions).all()
    np.testing.assert_allclose(log_probs, proposals.log_probs.sum(axis=1), atol=1e-6)
    np.testing.assert_allclose(advantages, standardize(proposals.actions.sum(axis=1)))


def test_of_plain_samples_the_ratio_is_the_importance_ratio():
    """Trials of three policies, weighted by r, give the mean of any function under the present policy."""
    settings = {"candidates": 0, "advantages": "normal", "window": 3, "steps": 400, "minibatch_size": 16}
    strategy = PPO(_EIGHTS, nk.PPOConfig(**settings, learning_rate=0.0005), seed=3)
    _run(strategy, lambda a: a[0] - 0.5 * a[1], batches=3, size=2_000)
    encodings = np.array(list(_EIGHTS.enumerate()), np.int32)
    now = np.exp(strategy._log_probs_of(encodings).sum(axis=1))  # of all 64 encodings
    assert abs(now.max() * 64 - 1) > 0.5  # the policy has moved
    actions, old_log_probs, _ = strategy._training_data(np.random.default_rng(0))
    ratios = np.exp(strategy._log_probs_of(actions).sum(axis=1) - old_log_probs)
    assert len(ratios) == 6_000 and ratios.std() > 0.1
    for function in (lambda a: a[:, 0], lambda a: a[:, 1] ** 2, lambda a: (a == 7).all(axis=1)):
        weighted = ratios * function(actions)
        assert abs(weighted.mean() - now @ function(encodings)) < 5 * weighted.std() / 6_000**0.5


def test_log_probs_are_those_of_the_policy_that_proposes():
    """Also if proposals are selected: their stored log-probs are those of pi itself."""
    strategy = PPO(_EIGHTS, seed=2)
    _run(strategy, sum, batches=3)
    proposals = strategy.ask(8)
    expected = strategy.controller.log_probs(proposals.actions).numpy()
    np.testing.assert_allclose(proposals.log_probs, expected, atol=1e-5)


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 2.0])
def test_proposals_are_drawn_without_replacement_by_a_power_of_the_policy(sharpness):
    """The first of many asks follows pi^s; candidates hold every encoding of a space of 6, at probabilities known."""
    space = nk.SearchSpace("six", [nk.Decision("a", (0, 1)), nk.Decision("b", (0, 1, 2))])
    strategy = PPO(space, nk.PPOConfig(sharpness=sharpness, candidates=500), seed=0)
    strategy.controller._bias.assign([[0.7, 0.0, 0.0], [0.0, 0.5, -0.4]])
    encodings = np.array(list(space.enumerate()), np.int32)
    weights = np.exp(sharpness * strategy._log_probs_of(encodings).sum(axis=1))
    expected = weights / weights.sum()
    first = np.zeros(6)
    for iteration in range(1_500):
        (encoding,) = strategy._ask(1, iteration).actions
        strategy._buffer._pending.clear()
        first[np.ravel_multi_index(encoding, (2, 3))] += 1
    deviations = np.sqrt(1_500 * expected * (1 - expected))
    assert (np.abs(first - 1_500 * expected) < 4.5 * deviations).all()


def test_no_proposal_repeats_as_long_as_candidates_are_new():
    strategy = PPO(_MANY, seed=1)
    asked = []
    for _ in range(12):
        proposals = strategy.ask(8)
        asked += map(tuple, proposals.actions.tolist())
        strategy.tell(_trials(proposals, sum))
    assert len(set(asked)) == len(asked) == 96


def test_when_nothing_new_is_sampled_known_encodings_are_proposed_once_each():
    space = nk.SearchSpace("six", [nk.Decision("a", (0, 1)), nk.Decision("b", (0, 1, 2))])
    strategy = PPO(space, nk.PPOConfig(learning_rate=0), seed=0)
    for size, expected in ((4, 4), (4, 4), (8, 6)):
        proposals = strategy.ask(size)
        assert len(proposals.actions) == len(np.unique(proposals.actions, axis=0)) == expected
        strategy.tell(_trials(proposals, sum))
    assert strategy._buffer.num_keys == 6


def test_a_batch_has_at_most_as_many_proposals_as_candidates():
    strategy = PPO(_MANY, nk.PPOConfig(candidates=5), seed=0)
    proposals = strategy.ask(8)
    assert len(proposals.actions) == 5
    again = PPO(_MANY, nk.PPOConfig(candidates=5), seed=0)
    assert (again.ask(5).actions == proposals.actions).all()  # as a run that is started again asks


def test_open_batches_are_not_drawn_again():
    strategy = PPO(_EIGHTS, seed=1)
    encodings = [tuple(row) for _ in range(3) for row in strategy.ask(8).actions.tolist()]
    assert len(set(encodings)) == 24


def test_soft_advantages_are_learned_from_all_of_the_window_but_no_more_than_the_minibatches_hold():
    strategy = PPO(_MANY, nk.PPOConfig(steps=2, minibatch_size=10), seed=0)
    for batches, count in ((1, 8), (1, 16), (3, 20)):
        _run(strategy, sum, batches=batches)
        actions, references, weights = strategy._training_data(np.random.default_rng(0))
        assert len(actions) == len(references) == len(weights) == count
        assert len(np.unique(actions, axis=0)) == count
        np.testing.assert_allclose(references, strategy._log_probs_of(actions).sum(axis=1), atol=1e-5)
        assert abs(weights.mean()) < 1e-5 and abs(weights.std() - 1) < 1e-4


def test_the_policy_becomes_the_softmax_of_the_scores():
    """Every encoding of two decisions told again and again: log pi is score / temperature, but for a constant."""
    space = nk.SearchSpace("pair", [nk.Decision("a", (0, 1, 2)), nk.Decision("b", (0, 1, 2, 3))])
    encodings = np.array(list(space.enumerate()), np.int32)
    rewards = np.random.default_rng(0).permutation(12).astype(float)
    settings = {"candidates": 0, "temperature": 0.8, "learning_rate": 0.002}
    strategy = PPO(space, nk.PPOConfig(**settings), seed=0)
    zeros = np.zeros((12, 2), np.float32)
    for i in range(300):
        strategy.tell(_trials(nk.Proposals(encodings, zeros), lambda a: rewards[4 * a[0] + a[1]], i))
    log_probs = strategy.controller.log_probs(encodings).numpy().sum(axis=1)
    slope, _ = np.polyfit(rank_scores(rewards), log_probs, 1)
    assert abs(slope - 1 / 0.8) < 0.1
    assert np.corrcoef(rank_scores(rewards), log_probs)[0, 1] > 0.99


_MANY = nk.SearchSpace("many", [nk.Decision(name, tuple(range(8))) for name in "abcde"])
