"""Tests of nas_keras/comparison/synthetic.py: each family is what its description says."""

import itertools

import numpy as np
import pytest
from helpers import run_python

import nas_keras as nk
from nas_keras.comparison.synthetic import FAMILIES, SHAPES, make_synthetic


def _variance_of_main_effects(table):
    """The share of a table's variance that the sum of single choices explains."""
    axes = range(table.ndim)
    effects = [table.mean(axis=tuple(a for a in axes if a != t)) - table.mean() for t in axes]
    return sum(effect.var() for effect in effects) / table.var()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_family_in_every_shape(family, shape):
    space, table = make_synthetic(f"{family}-{shape}-0")
    assert table.shape == space.num_choices == SHAPES[shape]
    assert table.dtype == np.float32 and np.isfinite(table).all()
    if family == "accuracy":
        assert 0 <= table.min() < table.max() <= 1
    else:
        np.testing.assert_allclose([table.mean(), table.std()], [0, 1], atol=1e-5)


def test_numbers_of_encodings():
    assert {shape: make_synthetic(f"additive-{shape}-0")[1].size for shape in SHAPES} == {
        "2x8": 64,
        "6x5": 15_625,
        "8x3": 6_561,
        "10xmixed": 34_560,
        "2x40": 1_600,
        "3xwide": 600,
        "4xwide": 14_400,
    }


def test_additive_tables_are_sums():
    assert _variance_of_main_effects(make_synthetic("additive-6x5-3")[1]) == pytest.approx(1, abs=1e-4)


def test_half_of_a_pairwise_table_is_additive():
    shares = [_variance_of_main_effects(make_synthetic(f"pairwise-6x5-{i}")[1]) for i in range(20)]
    # Interactions have small main effects of their own by chance, hence a little over a half.
    assert 0.5 < np.mean(shares) < 0.75


def test_pairs_explain_a_pairwise_table():
    """Inclusion and exclusion over any three decisions leaves nothing where no three act together."""
    _, table = make_synthetic("pairwise-8x3-0")
    corners = sum(
        (-1) ** sum(corner) * table[(*corner, 0, 0, 0, 0, 0)].astype(np.float64)
        for corner in itertools.product((0, 1), repeat=3)
    )
    assert abs(corners) < 1e-5


def test_a_noisy_table_is_less_regular_than_without_its_noise():
    """Noise of 0.3 deviations: the rest explains 1 / 1.09 of the variance, about 0.92."""
    _, table = make_synthetic("noisy-8x3-0")
    design = [np.ones(table.size)]
    encodings = np.indices(table.shape).reshape(table.ndim, -1)
    for i, j in itertools.combinations(range(8), 2):
        design += [(encodings[i] == a) & (encodings[j] == b) for a in range(3) for b in range(3)]
    design = np.array(design, float).T
    fitted = design @ np.linalg.lstsq(design, table.ravel(), rcond=None)[0]
    assert np.corrcoef(fitted, table.ravel())[0, 1] ** 2 == pytest.approx(1 / 1.09, abs=0.015)


def test_rugged_tables_have_many_local_optima_and_additive_ones_have_one():
    def local_optima(table):
        is_best = np.ones(table.shape, bool)
        for axis in range(table.ndim):
            is_best &= table == table.max(axis=axis, keepdims=True)
        return is_best.sum()

    assert local_optima(make_synthetic("additive-8x3-0")[1]) == 1
    assert np.mean([local_optima(make_synthetic(f"rugged-8x3-{i}")[1]) for i in range(5)]) > 5


def test_names_are_different_tables_and_the_same_ones_in_another_process():
    _, table = make_synthetic("rugged-2x8-5")
    for other in ("rugged-2x8-6", "noisy-2x8-5"):
        assert (make_synthetic(other)[1] != table).any()
    code = "from nas_keras.comparison.synthetic import *; print(make_synthetic('rugged-2x8-5')[1].tobytes().hex())"
    assert run_python(code).stdout.strip() == table.tobytes().hex()


def test_the_space_of_a_table():
    space, _ = make_synthetic("additive-10xmixed-0")
    assert space.decode([1, 2, 3, 0, 4, 0, 0, 0, 0, 0]) == (1, 2, 3, 0, 4, 0, 0, 0, 0, 0)
    assert space.num_keys == 34_560


@pytest.mark.parametrize(
    "name", ["", "pairwise", "pairwise-8x3", "pairwise-8x3-x", "pairwise-8x3--1", "a-b-2147483648"]
)
def test_names_that_mean_nothing(name):
    with pytest.raises(nk.InvalidValueError, match="is not a synthetic table. Names are <family>-<shape>-<number>"):
        make_synthetic(name)


def test_unknown_families_and_shapes():
    with pytest.raises(nk.InvalidValueError, match="family='smooth' is unknown. Allowed: additive, pairwise"):
        make_synthetic("smooth-8x3-0")
    with pytest.raises(nk.InvalidValueError, match="shape='9x9' is unknown. Allowed: 2x8, 6x5"):
        make_synthetic("rugged-9x9-0")
