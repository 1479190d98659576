"""Tests of nas_keras/comparison/many_searches.py: searches run one after another, strategies used again."""

import pytest
from helpers import facts

import nas_keras as nk
from nas_keras.comparison.many_searches import ManySearches, renew
from nas_keras.comparison.problems import ArrayEvaluator
from nas_keras.comparison.synthetic import make_synthetic
from nas_keras.strategies import NAMES, make_strategy


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_that_is_used_again_does_what_a_new_one_would(name):
    space, table = make_synthetic("pairwise-2x8-0")
    used = make_strategy(name, space, seed=7)
    found = []
    for strategy in (used, used, make_strategy(name, space, seed=8)):
        if strategy.num_told:
            renew(used, make_strategy(name, space, seed=8))
        result = nk.search(space, ArrayEvaluator(table), strategy=strategy, max_evaluations=30, max_trials=40)
        found.append((facts(result.trials), repr(strategy.state()), strategy.metrics))
    assert found[1] == found[2] != found[0]


@pytest.mark.parametrize("name", ["random", "ppo"])
def test_each_seed_is_a_search_of_its_own(name):
    space, table = make_synthetic("pairwise-2x8-0")
    many = ManySearches(space, ArrayEvaluator(table))
    made = []

    def make(seed):
        made.append(seed)
        return make_strategy(name, space, seed=seed)

    runs = many.run(name, make, [3, 5], batch_size=4, max_evaluations=12, max_trials=16)
    assert made == []  # a search runs when it is asked for
    for seed in (3, 5):
        strategy, result = next(runs)
        alone = nk.search(
            space, ArrayEvaluator(table), strategy=name, seed=seed, batch_size=4, max_evaluations=12, max_trials=16
        )
        assert (strategy.seed, made[-1]) == (seed, seed)
        assert facts(result.trials) == facts(alone.trials)
    assert next(runs, None) is None


def test_searches_with_one_label_share_a_strategy_that_has_graphs():
    space, table = make_synthetic("pairwise-2x8-0")
    many = ManySearches(space, ArrayEvaluator(table))
    used = {
        name: [
            run.strategy
            for seeds in ([0, 1], [2])
            for run in many.run(
                name,
                lambda seed, name=name: make_strategy(name, space, seed=seed),
                seeds,
                batch_size=8,
                max_evaluations=4,
            )
        ]
        for name in ("ppo", "random")
    }
    assert len(set(map(id, used["ppo"]))) == 1
    assert len(set(map(id, used["random"]))) == 3
