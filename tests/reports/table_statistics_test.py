"""Tests of nas_keras/reports/table_statistics.py: matrices one can check by eye, and independent computations."""

import dataclasses

import numpy as np
import pytest
from helpers import grid
from scipy import stats

import nas_keras as nk
from nas_keras.errors import DataError
from nas_keras.reports import table_statistics
from nas_keras.trial import training_seed

SPACE = grid(2, 2)
NAN = np.nan


def _trial(key, run_seed, valid, test=0.5, *, seed=None, recipe="", space=SPACE):
    if valid is None:
        evaluation = nk.Evaluation.failure("loss is NaN", seconds=2.0)
    else:
        evaluation = nk.Evaluation(
            valid, valid_accuracy=valid, test_accuracy=test, num_params=7, epochs=1, seconds=2.0, recipe=recipe
        )
    actions = next(a for a in space.enumerate() if space.key(a) == key)
    seed = training_seed(run_seed, key) if seed is None else seed
    return nk.Trial(0, 0, 0, seed, actions, (), key, False, evaluation)


def _measured(space, valid):
    """As `collect_accuracies` gives it, for keys in the order of the encodings."""
    rows = enumerate(np.asarray(valid))
    keys = [space.key(actions) for actions in space.enumerate(distinct=True)]
    trials = [_trial(keys[k], s, v, space=space) for k, row in rows for s, v in enumerate(row) if not np.isnan(v)]
    return table_statistics.collect_accuracies(space, trials)


def test_records_stand_by_key_and_run_seed_whatever_their_order():
    trials = [_trial("1,1", 1, 0.25), _trial("0,1", 0, 0.75, 0.5), _trial("1,1", 0, 0.5), _trial("0,1", 1, 0.125)]
    accuracies = table_statistics.collect_accuracies(SPACE, trials)
    assert accuracies.keys == ("0,0", "0,1", "1,0", "1,1")
    assert accuracies.actions[3] == (1, 1)
    np.testing.assert_array_equal(accuracies.valid, [[NAN, NAN], [0.75, 0.125], [NAN, NAN], [0.5, 0.25]])
    np.testing.assert_array_equal(accuracies.test[1], [0.5, 0.5])
    assert accuracies.num_params.tolist() == [0, 7, 0, 7]
    assert (accuracies.num_missing, accuracies.num_failed, accuracies.num_variants, accuracies.seconds) == (
        4,
        0,
        0,
        8.0,
    )


def test_a_table_that_lacks_records_and_holds_failures():
    trials = [_trial(key, 0, 0.5) for key in ("0,0", "0,1", "1,0", "1,1")]
    accuracies = table_statistics.collect_accuracies(SPACE, [*trials, _trial("0,0", 1, 0.25), _trial("0,1", 1, None)])
    np.testing.assert_array_equal(accuracies.valid[:, 1], [0.25, NAN, NAN, NAN])
    assert (accuracies.num_missing, accuracies.num_failed, accuracies.seconds) == (2, 1, 12.0)


def test_a_table_that_took_records_from_searches_has_test_accuracies_of_the_others():
    tested = {"0,0": (0.5, 0.5), "0,1": (0.6, NAN), "1,0": (0.7, 0.7), "1,1": (0.8, 0.8)}
    trials = [_trial(key, 0, *both) for key, both in tested.items()]
    trials += [_trial("0,1", 1, 0.6, NAN), _trial("0,0", 1, 0.5, NAN), _trial("1,0", 1, None)]
    accuracies = table_statistics.collect_accuracies(SPACE, trials)
    assert (accuracies.num_untested, accuracies.num_failed) == (3, 1)
    valid, test = table_statistics.summarize(accuracies.valid), table_statistics.summarize(accuracies.test)
    np.testing.assert_allclose(test.mean, [0.5, NAN, 0.7, 0.8], atol=1e-6)
    assert test.num_trainings.tolist() == [1, 0, 1, 1]
    assert table_statistics.ranks(test.mean).tolist() == [3, 0, 2, 1]
    assert table_statistics.rank_correlation(valid.mean, test.mean) == pytest.approx(1)  # over the three that have both


def test_records_of_no_run_seed_take_the_columns_that_are_free():
    trials = [_trial("0,0", 1, 0.5), _trial("0,0", None, 0.25, seed=5), _trial("0,0", None, 0.75, seed=6)]
    np.testing.assert_array_equal(table_statistics.collect_accuracies(SPACE, trials).valid[0], [0.25, 0.5, 0.75])


def test_a_variant_of_the_recipe_counts_only_where_nothing_else_is():
    trials = [_trial("0,0", 0, 0.5), _trial("0,0", 1, 0.75, recipe="half"), _trial("0,1", 0, 0.25, recipe="half")]
    accuracies = table_statistics.collect_accuracies(SPACE, trials)
    np.testing.assert_array_equal(accuracies.valid[:2], [[0.5], [0.25]])
    assert accuracies.num_variants == 2


def test_what_cannot_be_measured():
    with pytest.raises(DataError, match=r"^The table holds '5,5', which is not a key of SearchSpace\('grid'"):
        table_statistics.collect_accuracies(SPACE, [dataclasses.replace(_trial("0,0", 0, 0.5), key="5,5")])
    with pytest.raises(DataError, match="^No record of the table has a validation accuracy"):
        table_statistics.collect_accuracies(SPACE, [_trial("0,0", 0, None)])
    with pytest.raises(DataError, match="^No record of the table has a validation accuracy"):
        table_statistics.collect_accuracies(SPACE, [])


def test_means_and_standard_errors():
    values = np.array([[0.1, 0.2, 0.6], [0.5, NAN, 0.7], [0.3, NAN, NAN], [NAN, NAN, NAN]])
    mean, error, count = table_statistics.summarize(values)
    np.testing.assert_allclose(mean, [0.3, 0.6, 0.3, NAN])
    np.testing.assert_allclose(error, [stats.sem(values[0]), stats.sem([0.5, 0.7]), NAN, NAN])
    assert count.tolist() == [3, 2, 1, 0]


def test_ranks_share_a_place_and_what_has_no_accuracy_has_none():
    assert table_statistics.ranks(np.array([0.5, 0.9, NAN, 0.5, 0.1])).tolist() == [2, 1, 0, 2, 4]


def test_noise_is_the_error_of_an_analysis_of_variance():
    values = np.random.default_rng(0).normal(size=(5, 4))
    noise = table_statistics.noise_of(values)
    within = np.mean(np.var(values, axis=1, ddof=1))
    assert noise.degrees == 15
    assert noise.single == pytest.approx(within**0.5)
    f = stats.f_oneway(*values).statistic  # 4 var(means) / within; what is between takes one "within" off
    assert noise.between == pytest.approx(max(0, (f - 1) * within / 4) ** 0.5)


def test_noise_and_what_is_between_are_found_again():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 3, size=(2_000, 1)) + rng.normal(0, 1, size=(2_000, 3))
    values[::2, 2] = NAN  # unequal numbers of trainings
    noise = table_statistics.noise_of(values)
    assert noise.single == pytest.approx(1, rel=0.05)
    assert noise.between == pytest.approx(3, rel=0.05)


def test_noise_without_repetitions_is_unknown():
    assert np.isnan(table_statistics.noise_of(np.array([[0.1], [0.2]]))[0::2]).all()


def test_equal_means_have_nothing_between_them():
    assert table_statistics.noise_of(np.array([[0.0, 1.0], [1.0, 0.0]])).between == 0


def _spearman(one, other):
    """Pearson's correlation of the ranks, where there are no ties."""
    return np.corrcoef(np.argsort(np.argsort(one)), np.argsort(np.argsort(other)))[0, 1]


def test_rank_correlations():
    one, other, third = np.random.default_rng(2).normal(size=(3, 20)) + np.linspace(0, 2, 20)
    assert table_statistics.rank_correlation(one, other) == pytest.approx(_spearman(one, other))
    assert table_statistics.rank_correlation(one, np.exp(one)) == pytest.approx(1)
    found = table_statistics.seed_correlations(np.stack([one, other, third], axis=1))
    np.testing.assert_allclose(found, [_spearman(one, other), _spearman(one, third), _spearman(other, third)])


def test_rank_correlations_are_of_what_both_have():
    one, other = np.array([1, 2, 3, NAN, 9]), np.array([3, 2, 1, 5, NAN])
    assert table_statistics.rank_correlation(one, other) == pytest.approx(-1)
    assert np.isnan(table_statistics.rank_correlation(one[2:], other[2:]))  # one place is no rank correlation
    assert np.isnan(table_statistics.rank_correlation(np.ones(4), np.arange(4)))  # nor is a constant
    assert len(table_statistics.seed_correlations(np.stack([one, other, np.full(5, NAN)], axis=1))) == 1


def test_the_small_space_has_seven_pairs_of_equal_networks():
    space = nk.spaces.small()
    rng = np.random.default_rng(3)
    accuracies = _measured(space, rng.uniform(0.5, 0.9, size=(64, 3)))
    pairs = table_statistics.same_networks(space, accuracies)
    assert {(accuracies.keys[pair.first], accuracies.keys[pair.second]) for pair in pairs} == {
        (f"{operation},7", f"7,{operation}") for operation in range(7)
    }
    pair = next(pair for pair in pairs if accuracies.keys[pair.first] == "2,7")
    test = stats.ttest_ind(accuracies.valid[pair.first], accuracies.valid[pair.second])
    assert pair.gap / pair.error == pytest.approx(test.statistic)
    assert pair.p_value == pytest.approx(test.pvalue)
    assert pair.gap == pytest.approx(accuracies.valid[2 * 8 + 7].mean() - accuracies.valid[7 * 8 + 2].mean())


def test_pairs_need_two_accuracies_and_a_test_needs_repetitions():
    space = nk.spaces.small()
    valid = np.full((64, 1), NAN)
    valid[[1 * 8 + 7, 7 * 8 + 1, 2 * 8 + 7]] = [[0.5], [0.25], [0.75]]
    (pair,) = table_statistics.same_networks(space, _measured(space, valid))
    assert pair.gap == 0.25 and np.isnan(pair.error) and np.isnan(pair.p_value)


def test_spaces_of_no_cells_or_of_canonical_keys_have_no_pairs():
    assert table_statistics.same_networks(SPACE, _measured(SPACE, np.full((4, 2), 0.5))) == []
    large = nk.spaces.large(1)
    assert table_statistics.same_networks(large, _measured(large, np.full((8, 2), 0.5))) == []
