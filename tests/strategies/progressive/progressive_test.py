"""Tests of nas_keras/strategies/progressive/progressive.py; candidates and predictor have tests of their own."""

import json

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.strategies.progressive.progressive import Progressive, ProgressiveConfig

NAN = float("nan")


def _trials(space, proposals, reward):
    return [
        nk.Trial(i, 0, 0, 0, actions, (), space.key(actions), False, nk.Evaluation(reward(space.decode(actions))))
        for i, actions in enumerate(map(tuple, proposals.actions.tolist()))
    ]


def _run(strategy, reward, batches, size=8):
    asked = []
    for _ in range(batches):
        proposals = strategy.ask(size)
        asked.append(proposals.actions.tolist())
        strategy.tell(_trials(strategy.space, proposals, reward))
    return asked


_AREAS = {"conv_3x3": 9.0, "conv_5x5": 25.0, "conv_7x7": 49.0, "conv_1x3_3x1": 6.0, "sep_conv_3x3": 9.5}


def _area(cell):
    """Of the kernels along the best path."""

    def longest(trees):
        return max((_AREAS.get(tree.operation, 1.0) + longest(tree.readers) for tree in trees), default=0.0)

    return longest(cell.trees)


def test_cells_grow_node_by_node():
    strategy = Progressive(nk.spaces.large(3), ProgressiveConfig(beam=6))
    sizes, nodes = [], []
    for _ in range(5):
        proposals = strategy.ask(5)
        sizes.append(len(proposals.actions))
        strategy.tell(_trials(strategy.space, proposals, _area))
        nodes.append(strategy.metrics["nodes"])
    assert (sizes, nodes) == ([5, 3, 5, 1, 5], [1, 1, 2, 2, 3])  # eight of one node, six of two


def test_the_best_of_2000_cells_is_found_with_100_evaluations():
    evaluator = nk.FunctionEvaluator(_area)
    for seed in range(3):
        result = nk.search(nk.spaces.large(3), evaluator, strategy="progressive", max_evaluations=100, seed=seed)
        assert result.best.key == "conv_7x7[conv_7x7[conv_7x7]]"
        assert not any(trial.cached for trial in result.trials)


def test_the_best_of_4096_encodings_is_found_with_100_evaluations():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(6, 4))
    evaluator = nk.FunctionEvaluator(lambda encoding: sum(effects[range(6), encoding]))
    for seed in range(5):
        result = nk.search(grid(*[4] * 6), evaluator, strategy="progressive", max_evaluations=100, seed=seed)
        assert result.best.actions == tuple(effects.argmax(axis=1))


def test_what_is_in_flight_is_not_proposed_again_until_its_batch_is_told():
    strategy = Progressive(grid(2, 3), ProgressiveConfig(initial=1))
    first, second = strategy.ask(2), strategy.ask(2)
    assert len({*map(tuple, first.actions.tolist()), *map(tuple, second.actions.tolist())}) == 4
    strategy.tell(_trials(strategy.space, first, sum)[:1])  # the budget dropped the other: it may be proposed again
    left = strategy.ask(6).actions.tolist()
    taken = [first.actions[0].tolist(), *second.actions.tolist()]
    assert sorted([*left, *taken]) == [[i, j] for i in range(2) for j in range(3)]


@pytest.mark.parametrize("space", [nk.spaces.large(2), grid(6, 6, 6)], ids=["cells", "encodings"])
def test_failures_are_ranked_below_every_number(space):
    """What holds a choice of 1 fails; rewards are negative, so that a failure taken for 0 would be the best."""

    def reward(architecture):
        fails = "conv_3x3" in architecture.key if isinstance(architecture, nk.Cell) else 1 in architecture
        return NAN if fails else -10.0

    strategy = Progressive(space, ProgressiveConfig(beam=4, initial=8), seed=1)
    _run(strategy, reward, batches=3)
    asked = [space.decode(row) for row in sum(_run(strategy, reward, batches=2), [])]
    assert np.isnan([reward(one) for one in asked]).sum() <= 1


def test_a_search_of_failures_alone_goes_on():
    strategy = Progressive(nk.spaces.large(2), ProgressiveConfig(beam=4))
    assert all(_run(strategy, lambda cell: NAN, batches=4))
    assert strategy.metrics == {"nodes": 2}


def test_the_metrics_say_how_well_a_batch_was_foreseen():
    strategy = Progressive(grid(9, 9), ProgressiveConfig(initial=40), seed=0)
    _run(strategy, sum, batches=1)
    assert strategy.metrics == {}  # nothing had been told
    _run(strategy, sum, batches=4)
    proposals = strategy.ask(20)
    told = strategy._predict(proposals.actions)
    ranks = [np.unique(values, return_inverse=True)[1] for values in (told, proposals.actions.sum(axis=1))]
    strategy.tell(_trials(strategy.space, proposals, sum))
    assert 0.5 < strategy.metrics["rank_correlation"] <= 1
    np.testing.assert_allclose(strategy.metrics["rank_correlation"], np.corrcoef(ranks)[0, 1], atol=0.15)


def _hash(text):
    return sum(ord(letter) * 7**i for i, letter in enumerate(text)) % 1_000 / 1_000


@pytest.mark.parametrize("space", [nk.spaces.large(3), grid(9, 9, 40)], ids=["cells", "encodings"])
@pytest.mark.parametrize("batches", [1, 5])
def test_a_state_of_arrays_and_json_continues_where_it_was_taken(space, batches):
    def reward(architecture):
        number = _hash(space.key(space.encode(architecture)))
        return NAN if number > 0.9 else number

    config = ProgressiveConfig(beam=6, candidates=300)
    first, second = (Progressive(space, config, seed=2) for _ in range(2))
    _run(first, reward, batches)
    open_batch = first.ask(4)
    state = {k: v if isinstance(v, np.ndarray) else json.loads(json.dumps(v)) for k, v in first.state().items()}
    second.restore(state)
    for strategy in (first, second):
        strategy.tell(_trials(space, open_batch, reward))
    assert _run(first, reward, 4) == _run(second, reward, 4)
    assert first.metrics == second.metrics


def test_only_the_latest_are_fitted(monkeypatch):
    monkeypatch.setattr("nas_keras.strategies.progressive.progressive._MAX_FITTED", 10)
    strategy = Progressive(grid(9, 9), ProgressiveConfig(initial=1))
    _run(strategy, sum, batches=3)
    strategy.ask(1)
    assert strategy._predictor.predict(np.zeros((1, 10))).shape == (1,)


@pytest.mark.parametrize("name", ["beam", "members", "initial", "candidates"])
def test_impossible_settings_are_refused(name):
    with pytest.raises(nk.InvalidValueError, match=f"{name}=0 is not allowed: it must be an integer of at least 1."):
        ProgressiveConfig(**{name: 0})
