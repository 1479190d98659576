"""Tests of nas_keras/strategies/evolution.py."""

import collections

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.strategies.evolution import EvolutionConfig, RegularizedEvolution

NAN = float("nan")


def _trial(actions, reward, *, cached=False):
    return nk.Trial(0, 0, 0, 0, tuple(actions), (), str(actions), cached, nk.Evaluation(reward))


def _told(space, *members, population=None, sample_size=10, seed=0):
    """A strategy whose living are `members`, (actions, reward), oldest first."""
    config = EvolutionConfig(population=population or len(members), sample_size=sample_size)
    strategy = RegularizedEvolution(space, config, seed=seed)
    strategy.tell([_trial(*member) for member in members])
    return strategy


def _living(strategy):
    state = strategy.state()
    members = zip(state["actions"].tolist(), state["rewards"].tolist(), strict=True)
    return [(*actions, reward) for actions, reward in members]


def test_the_oldest_die_however_good_they_are():
    """Ageing, traced by hand: three live, batches of two are told."""
    strategy = RegularizedEvolution(grid(9), EvolutionConfig(population=3))
    strategy.tell([_trial([0], 9.0), _trial([1], 1.0)])
    assert _living(strategy) == [(0, 9.0), (1, 1.0)]
    strategy.tell([_trial([2], 2.0), _trial([3], 3.0)])
    assert _living(strategy) == [(1, 1.0), (2, 2.0), (3, 3.0)]  # the best, 0, was the oldest
    strategy.tell([_trial([4], NAN)])
    np.testing.assert_equal(_living(strategy), [(2, 2.0), (3, 3.0), (4, NAN)])
    assert strategy.metrics == {"population_mean": 2.5, "population_best": 3.0}
    strategy.tell([_trial([n], float(n)) for n in (5, 6, 7, 8)])
    assert _living(strategy) == [(6, 6.0), (7, 7.0), (8, 8.0)]  # of a batch larger than the population its latest


def test_a_repeat_joins_the_population_like_any_other_child():
    strategy = _told(grid(9), ([0], 1.0), ([1], 2.0))
    strategy.tell([_trial([1], 2.0, cached=True)])
    assert _living(strategy) == [(1, 2.0), (1, 2.0)]


def test_encodings_are_random_until_the_population_is_told():
    strategy = RegularizedEvolution(grid(1_000, 1_000), EvolutionConfig(population=4, sample_size=4))
    first = strategy.ask(4).actions  # asked before anything is told, and so is the next: lag is 1
    second = strategy.ask(4).actions
    assert len({*first.ravel().tolist(), *second.ravel().tolist()}) > 14
    strategy.tell([_trial(row, 0.0) for row in first[:3].tolist()])
    assert all((child != first).all(axis=1).all() for child in strategy.ask(4).actions)  # three live: still random
    strategy.tell([_trial(second[0].tolist(), 1.0)])
    children = strategy.ask(4).actions
    assert ((children != second[0]).sum(axis=1) == 1).all()


def test_children_are_one_mutation_from_the_best_of_the_sample():
    # Of a sample of 50 with replacement the best of three is missing once in 10 ** 9.
    strategy = _told(grid(5, 5, 5), ([0, 0, 0], 1.0), ([4, 4, 4], 3.0), ([2, 2, 2], 2.0), sample_size=50)
    children = strategy.ask(200).actions
    assert ((children != 4).sum(axis=1) == 1).all()
    strategy.tell([_trial([1, 1, 1], 0.0), _trial([1, 1, 1], 0.0)])  # the best dies; the next best is [2, 2, 2]
    assert ((strategy.ask(200).actions != 2).sum(axis=1) == 1).all()


def test_mutations_are_uniform_over_decisions_and_over_the_other_choices():
    strategy = _told(grid(2, 1, 4), ([0, 0, 2], 1.0))
    counts = collections.Counter(map(tuple, strategy.ask(6_000).actions.tolist()))
    expected = {(1, 0, 2): 3_000, (0, 0, 0): 1_000, (0, 0, 1): 1_000, (0, 0, 3): 1_000}
    assert set(counts) == set(expected)  # the decision of one choice is never it, the present choice never stays
    assert all(abs(counts[child] - count) < 5 * count**0.5 for child, count in expected.items())


def test_a_sample_is_drawn_with_replacement():
    """Of two drawn from two, the worse is the parent where it is drawn twice: once in four."""
    strategy = _told(grid(1_000), ([0], 1.0), ([500], 0.0), sample_size=2)
    parents = [strategy._select_parent(np.random.default_rng(i)) for i in range(2_000)]
    assert 420 < parents.count((500,)) < 580  # 500, and four standard deviations
    alone = _told(grid(1_000), ([0], 1.0), ([500], 0.0), sample_size=1)
    assert 910 < [alone._select_parent(np.random.default_rng(i)) for i in range(2_000)].count((500,)) < 1_090


def test_a_failure_is_a_parent_only_among_failures():
    strategy = _told(grid(9, 9), ([0, 0], NAN), ([4, 4], -5.0), ([8, 8], NAN), sample_size=50)
    assert ((strategy.ask(50).actions != 4).sum(axis=1) == 1).all()
    failures = _told(grid(9, 9), ([0, 0], NAN), ([0, 0], NAN))
    assert ((failures.ask(50).actions != 0).sum(axis=1) == 1).all()
    assert failures.metrics == {}


def test_evolution_finds_the_best_of_an_additive_table():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(6, 4))
    evaluator = nk.FunctionEvaluator(lambda encoding: sum(effects[range(6), encoding]))
    found = 0
    for seed in range(10):
        result = nk.search(grid(*[4] * 6), evaluator, strategy="evolution", max_evaluations=200, seed=seed)
        found += result.best.actions == tuple(effects.argmax(axis=1))
    assert found >= 9  # of 4,096 encodings; random search finds it once in 20


@pytest.mark.parametrize("name", ["population", "sample_size"])
def test_impossible_settings_are_refused(name):
    with pytest.raises(nk.InvalidValueError, match=f"{name}=0 is not allowed: it must be an integer of at least 1."):
        EvolutionConfig(**{name: 0})
