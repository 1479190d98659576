"""Tests of nas_keras/strategies/ppo/ppo.py and ppo_config.py."""

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
def test_ppo_finds_the_best_encoding_of_a_noiseless_table(seeds, least):
    encodings = np.array(list(_EIGHTS.enumerate()), np.int32)
    found = 0
    for seed in range(seeds):
        table = _additive_table(seed)
        strategy = PPO(_EIGHTS, seed=seed)
        _run(strategy, lambda a, table=table: table[tuple(a)], batches=150)
        probabilities = np.exp(strategy.controller.log_probs(encodings).numpy().sum(axis=1))
        likeliest = tuple(encodings[probabilities.argmax()])
        found += likeliest == np.unravel_index(table.argmax(), table.shape) and probabilities.max() > 0.5
    assert found >= least


def test_once_most_encodings_are_known_the_policy_settles_on_the_best():
    """A batch that holds an encoding often counts it as often: 24 batches of 8, of 64 encodings."""
    for seed in range(3):
        table = _additive_table(seed)
        strategy = PPO(_EIGHTS, seed=seed)
        _run(strategy, lambda a, table=table: table[tuple(a)], batches=24)
        best = np.array([np.unravel_index(table.argmax(), table.shape)], np.int32)
        assert np.exp(strategy.controller.log_probs(best).numpy().sum()) > 0.9


def test_one_trace_for_batches_of_any_size():
    strategy = PPO(_EIGHTS)
    for size in (8, 3, 1, 20):
        proposals = strategy.ask(size)
        assert proposals.actions.shape == (size, len(_EIGHTS.decisions))
        strategy.tell(_trials(proposals, sum))
    assert all(np.isfinite(list(strategy.metrics.values())))
    assert num_traces(strategy._update) == 1


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


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("minibatch_size", 1.5),
        ("window", -1),
        ("learning_rate", -0.1),
        ("clip", float("nan")),
        ("units", True),
    ],
)
def test_impossible_settings_are_refused(setting, value):
    with pytest.raises(nk.InvalidValueError, match=f"{setting}={value!r} is not allowed: it must be"):
        nk.PPOConfig(**{setting: value})


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


def test_with_all_shaping_off_it_is_ppo_on_its_latest_batch():
    """What is learned from is the batch, with its own log-probs and its rewards, normalised."""
    plain = nk.PPOConfig(
        design=0,
        candidates=0,
        new_rounds=0,
        anchored=0,
        elite=0,
        floor=0,
        ceiling=0,
        advantages="normal",
        reference="drawn",
        window=1,
    )
    strategy = PPO(_EIGHTS, plain, seed=0)
    _run(strategy, sum, batches=2)
    proposals = strategy.ask(8)
    strategy.tell(_trials(proposals, sum))
    actions, log_probs, weights = strategy._training_data(np.random.default_rng(0))
    assert (actions == proposals.actions).all()
    np.testing.assert_allclose(log_probs, proposals.log_probs.sum(axis=1), atol=1e-6)
    np.testing.assert_allclose(weights, standardize(proposals.actions.sum(axis=1)))


def test_proposals_are_new_as_long_as_there_are_any():
    strategy = PPO(_EIGHTS, seed=1)
    asked = []
    for _ in range(8):
        proposals = strategy.ask(8)
        asked += map(tuple, proposals.actions.tolist())
        strategy.tell(_trials(proposals, sum))
    # A policy that has converged is drawn from with changes; a few of the last encodings may still hide from it.
    assert len(set(asked[:48])) == 48 and len(set(asked)) >= 60
    assert len(strategy.ask(8).actions) == 8


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
    settings = {"design": 0, "candidates": 0, "temperature": 0.8, "learning_rate": 0.002}
    strategy = PPO(space, nk.PPOConfig(**settings), seed=0)
    zeros = np.zeros((12, 2), np.float32)
    for i in range(300):
        strategy.tell(_trials(nk.Proposals(encodings, zeros), lambda a: rewards[4 * a[0] + a[1]], i))
    log_probs = strategy.controller.log_probs(encodings).numpy().sum(axis=1)
    slope, _ = np.polyfit(rank_scores(rewards), log_probs, 1)
    assert abs(slope - 1 / 0.8) < 0.1
    assert np.corrcoef(rank_scores(rewards), log_probs)[0, 1] > 0.99


_MANY = nk.SearchSpace("many", [nk.Decision(name, tuple(range(8))) for name in "abcde"])


def test_anchored_proposals_differ_from_the_best_in_as_many_decisions_as_are_redrawn():
    """After one batch of which only one encoding succeeded; the policy is still almost uniform over eight choices."""
    strategy = PPO(_MANY, nk.PPOConfig(candidates=0, anchored=1, redrawn=2, learning_rate=0), seed=0)
    first = strategy.ask(8)
    best = first.actions[3]
    strategy.tell(_trials(first, lambda a: 1.0 if (a == best).all() else float("nan")))
    proposals = strategy.ask(60)
    changed = (proposals.actions != best).sum(axis=1)
    # Seven of eight redrawn decisions become another choice; an encoding in which none does is known, and drawn anew.
    rate = 0.4 * 7 / 8
    expected = 5 * rate / (1 - (1 - rate) ** 5)
    assert changed.min() == 1 and abs(changed.mean() - expected) < 0.4


def test_anchored_proposals_have_the_log_probs_of_the_mixture():
    strategy = PPO(_MANY, nk.PPOConfig(candidates=0, anchored=1, redrawn=2, learning_rate=0), seed=0)
    first = strategy.ask(8)
    strategy.tell(_trials(first, lambda a: float(-a[0])))
    best = first.actions[np.argsort(first.actions[:, 0], kind="stable")]
    weights = np.exp(-np.arange(8) / 2)

    def mixture(encoding):
        policy = np.exp(strategy.controller.log_probs(encoding[None]).numpy()[0])
        return np.prod(0.4 * policy + 0.6 * (weights @ (best == encoding)) / weights.sum())

    proposal = strategy.ask(1)
    expected = mixture(proposal.actions[0]) / (1 - sum(mixture(encoding) for encoding in best))  # of what is not known
    np.testing.assert_allclose(np.exp(proposal.log_probs.sum()), expected, rtol=1e-3)


def test_nothing_is_anchored_to_a_failure():
    strategy = PPO(_MANY, nk.PPOConfig(candidates=0, anchored=1, redrawn=0.5, learning_rate=0), seed=0)
    first = strategy.ask(8)
    strategy.tell(_trials(first, lambda a: float("nan")))
    # Decisions that each proposal shares with each of the eight.
    shared = (strategy.ask(100).actions[:, None] == first.actions[None]).sum(axis=2)
    assert abs(shared.mean() - 5 / 8) < 0.1


def test_no_encoding_takes_all_the_probability_while_there_is_something_to_look_for():
    config = nk.PPOConfig(candidates=0, advantages="rank", elite=8, floor=3, ceiling=0.02, entropy=0.05)
    strategy = PPO(_MANY, config, seed=0)
    _run(strategy, lambda a: -sum(a), batches=12)
    best = np.array(sorted(strategy._buffer.experience().actions.tolist(), key=sum)[:8], np.int32)
    probabilities = np.exp(strategy.controller.log_probs(best).numpy().sum(axis=1))
    assert probabilities.max() < 0.2  # the ceiling of 0.02 is passed by what other encodings' steps carry along


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ceiling": 1.5}, "ceiling=1.5 is not allowed: it is a probability, from 0 to 1"),
        ({"anchored": 1.5}, "anchored=1.5 is not allowed: it is a fraction, from 0 to 1"),
        ({"redrawn": -1}, "redrawn=-1 is not allowed"),
        ({"advantages": "best"}, "advantages='best' is unknown. Allowed: normal, rank, soft."),
        ({"temperature": -0.5}, "temperature=-0.5 is not allowed: it must be a number of at least 0"),
        ({"sharpness": NAN}, "sharpness=nan is not allowed: it must be a number of at least 0"),
        ({"untried": -1}, "untried=-1 is not allowed: it must be a number of at least 0"),
        ({"candidates": -1}, "candidates=-1 is not allowed: it must be an integer of at least 0"),
        ({"near": 10**7}, "near=10000000 is not allowed: it must be an integer of at most 1,000,000"),
        ({"beam": 0}, "beam=0 is not allowed: it must be an integer of at least 1"),
        ({"reference": "first"}, "reference='first' is unknown. Allowed: drawn, latest."),
        ({"explore": -1}, "explore=-1 is not allowed"),
        ({"new_rounds": 0.5}, "new_rounds=0.5 is not allowed"),
    ],
)
def test_impossible_shaping_is_refused(settings, message):
    with pytest.raises(nk.InvalidValueError, match=message):
        nk.PPOConfig(**settings)
