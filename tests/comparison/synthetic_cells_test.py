"""Tests of nas_keras/comparison/synthetic_cells.py: rewards of cells are what the description says."""

import itertools

import numpy as np
import pytest
from helpers import run_python

import nas_keras as nk
from nas_keras.comparison import synthetic_cells
from nas_keras.comparison.compare import compare
from nas_keras.comparison.contenders import parse_contenders
from nas_keras.comparison.problems import Source, open_problem
from nas_keras.comparison.synthetic import make_synthetic
from nas_keras.strategies.predictors.features import cell_features


def _by_key(space, rewards):
    """Every key's reward, and a cell of that key."""
    found = {}
    for actions in space.enumerate():
        found.setdefault(space.key(actions), (float(rewards[actions]), space.decode(actions)))
    return found


def _without_noise(monkeypatch, name):
    """z of every key, moved and scaled as it may be."""
    monkeypatch.setattr(synthetic_cells, "_NOISE", 0)
    found = _by_key(*make_synthetic(name))
    return {key: (-np.log(-reward) / 0.6, cell) for key, (reward, cell) in found.items()}


def _beside(cell):
    """How often two operations read the same tensor, in a cell of at most three nodes."""
    counts = dict.fromkeys(itertools.combinations_with_replacement(sorted(nk.OPERATIONS), 2), 0)
    for readers in (cell.trees, *(tree.readers for tree in cell.trees)):
        for pair in itertools.combinations(sorted(tree.operation for tree in readers), 2):
            counts[pair] += 1
    return list(counts.values())


@pytest.mark.parametrize("family", synthetic_cells.FAMILIES)
@pytest.mark.parametrize(("shape", "num_keys"), [("large2", 129), ("large3", 2_000)])
def test_a_reward_belongs_to_a_key(family, shape, num_keys):
    space, rewards = make_synthetic(f"{family}-{shape}-0")
    assert space.fingerprint == nk.spaces.by_name(shape).fingerprint
    assert rewards.shape == space.num_choices and rewards.dtype == np.float32 and np.isfinite(rewards).all()
    found = _by_key(space, rewards)
    assert all(rewards[actions] == found[space.key(actions)][0] for actions in space.enumerate())
    assert len({reward for reward, _ in found.values()}) == len(found) == num_keys


def test_effects_are_of_operations_and_pairs(monkeypatch):
    """Without noise a linear regression on what stands in a cell, and on what stands beside what, leaves nothing."""
    z, cells = zip(*_without_noise(monkeypatch, "effects-large3-1").values(), strict=True)
    assert [np.mean(z), np.std(z)] == pytest.approx([0, 1], abs=1e-5)
    design = np.array([[1, *cell_features(cell, nk.OPERATIONS), *_beside(cell)] for cell in cells])
    fitted = design @ np.linalg.lstsq(design, np.array(z), rcond=None)[0]
    np.testing.assert_allclose(fitted, z, atol=1e-4)
    alone = design[:, :9]  # operations only: half of the variance, and what of the pairs goes with them
    fitted = alone @ np.linalg.lstsq(alone, np.array(z), rcond=None)[0]
    assert 0.4 < np.var(fitted) < 0.9


def test_a_network_is_no_sum_of_effects(monkeypatch):
    z, cells = zip(*_without_noise(monkeypatch, "network-large3-1").values(), strict=True)
    assert [np.mean(z), np.std(z)] == pytest.approx([0, 1], abs=1e-5)
    design = np.array([[1, *cell_features(cell, nk.OPERATIONS), *_beside(cell)] for cell in cells])
    fitted = design @ np.linalg.lstsq(design, np.array(z), rcond=None)[0]
    assert np.var(z - fitted) > 0.1


def test_a_network_concatenates_by_the_mean_and_adds(monkeypatch):
    z = {key: value for key, (value, _) in _without_noise(monkeypatch, "network-large3-2").items()}
    for operation in nk.OPERATIONS:
        assert z[f"concat({operation},{operation})"] == pytest.approx(z[operation], abs=1e-5)
        assert z[f"add({operation},{operation})"] != pytest.approx(z[operation], abs=1e-3)


@pytest.mark.parametrize("family", synthetic_cells.FAMILIES)
def test_noise_is_a_tenth_of_the_distance_from_best_to_median(monkeypatch, family):
    noisy = {key: reward for key, (reward, _) in _by_key(*make_synthetic(f"{family}-large3-4")).items()}
    z = np.array([value for value, _ in _without_noise(monkeypatch, f"{family}-large3-4").values()])
    without = -np.exp(-0.6 * z)
    noise = np.array(list(noisy.values())) - without
    assert noise.mean() == pytest.approx(0, abs=0.1 * noise.std())
    assert noise.std() / (without.max() - np.median(without)) == pytest.approx(0.1, rel=0.06)


def test_names_are_different_tables_and_the_same_ones_in_another_process():
    _, table = make_synthetic("effects-large2-5")
    for other in ("effects-large2-6", "network-large2-5"):
        assert (make_synthetic(other)[1] != table).any()
    code = "from nas_keras.comparison.synthetic import *; print(make_synthetic('effects-large2-5')[1].tobytes().hex())"
    assert run_python(code).stdout.strip() == table.tobytes().hex()


@pytest.mark.parametrize(("name", "allowed"), [("effects-8x3-0", "large2, large3"), ("pairwise-large3-0", "2x8, 6x5")])
def test_a_family_has_shapes_of_its_own(name, allowed):
    with pytest.raises(nk.InvalidValueError, match=f"is unknown. Allowed: {allowed}"):
        make_synthetic(name)


def test_best_and_median_are_of_keys_not_encodings():
    problem = open_problem(Source("synthetic", "effects-large2-0"))
    rewards = [reward for reward, _ in _by_key(*make_synthetic("effects-large2-0")).values()]
    assert len(rewards) == 129
    assert (problem.best, problem.median, problem.worst) == (max(rewards), np.median(rewards), min(rewards))


def test_a_search_of_all_cells_finds_the_best():
    (contender,) = parse_contenders("progressive")
    source = Source("synthetic", "network-large2-0")
    comparison = compare(source, [contender], num_seeds=2, max_evaluations=129, processes=1)
    regret = comparison.regret("progressive")
    assert regret.shape == (2, 129) and (regret[:, 0] > 0).all() and (regret[:, -1] == 0).all()
