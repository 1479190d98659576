"""Tests of nas_keras/results/pareto.py."""

import pytest

import nas_keras as nk


def _trial(key, accuracy, *, cached=False, **costs):
    evaluation = nk.Evaluation(accuracy, valid_accuracy=accuracy, **costs)
    return nk.Trial(0, 0, 0, 0, (0,), (), key, cached, evaluation)


_TRIALS = [
    _trial("best", 0.99, num_params=900, flops=5.0, seconds=2.0),
    _trial("beaten", 0.95, num_params=500, flops=4.0, seconds=3.0),
    _trial("small", 0.96, num_params=300, flops=9.0, seconds=1.0),
    _trial("as good as small, larger", 0.96, num_params=400, flops=9.0, seconds=9.0),
    _trial("as small, worse", 0.90, num_params=300, flops=9.0, seconds=9.0),
    _trial("equal to small", 0.96, num_params=300, flops=9.0, seconds=9.0),
    _trial("smallest", 0.50, num_params=10, flops=9.0, seconds=9.0),
    _trial("smallest", 0.50, num_params=10, flops=9.0, seconds=0.0, cached=True),
    nk.Trial(0, 0, 0, 0, (0,), (), "failed", False, nk.Evaluation.refusal("large", num_params=1)),
]


@pytest.mark.parametrize(
    ("cost", "keys"),
    [
        ("num_params", ["smallest", "small", "best"]),
        ("flops", ["beaten", "best"]),
        ("seconds", ["small", "best"]),
    ],
)
def test_the_front_is_what_nothing_else_beats(cost, keys):
    assert [trial.key for trial in nk.pareto(_TRIALS, cost)] == keys


def test_a_trial_without_the_cost_is_left_out_and_a_cache_hit_has_no_seconds():
    trials = [_trial("a", 0.9, latency_ms=2.0), _trial("b", 0.99), _trial("c", 0.8, cached=True, latency_ms=1.0)]
    assert [trial.key for trial in nk.pareto(trials, "latency_ms")] == ["c", "a"]
    with pytest.raises(nk.InvalidValueError, match="cost='seconds' was not measured for any of these 3 trials"):
        nk.pareto(trials, "seconds")
    assert nk.pareto([], "flops") == []


def test_the_accuracy_counts_and_not_the_objective():
    trials = [
        nk.Trial(0, 0, 0, 0, (0,), (), key, False, nk.Evaluation(reward, valid_accuracy=accuracy, num_params=size))
        for key, reward, accuracy, size in (("a", 0.9, 0.8, 10), ("b", 0.1, 0.85, 20))
    ]
    assert [trial.key for trial in nk.pareto(trials)] == ["a", "b"]
    rewards_only = [nk.Trial(0, 0, 0, 0, (0,), (), "r", False, nk.Evaluation(0.9, num_params=5))]
    assert nk.pareto(rewards_only) == rewards_only


def test_an_unknown_cost_or_no_trials_are_refused():
    with pytest.raises(nk.InvalidValueError, match="cost='size' is unknown. Allowed: num_params, flops"):
        nk.pareto(_TRIALS, "size")
    with pytest.raises(nk.InvalidValueError, match="trials='abc' is not allowed"):
        nk.pareto("abc")
