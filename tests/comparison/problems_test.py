"""Tests of nas_keras/comparison/problems.py: sources of rewards, and regret."""

import numpy as np
import pytest

import nas_keras as nk
from nas_keras.comparison.problems import Problem, Source, open_problem
from nas_keras.comparison.synthetic import make_synthetic
from nas_keras.storage.table_writer import write_table

ENCODINGS = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]], np.int8)
GOOD = {"n_choices": np.array([2, 3]), "enc": ENCODINGS, "one": np.arange(6.0), "two": np.arange(12.0).reshape(6, 2)}


def _npz(folder, **changes):
    arrays = {name: array for name, array in {**GOOD, **changes}.items() if array is not None}
    np.savez(folder / "rewards.npz", **arrays)
    return folder / "rewards.npz"


def _rewards(problem):
    jobs = [nk.Job("", actions, None, 0) for actions in problem.space.enumerate()]
    return [evaluation.reward for _, evaluation in problem.evaluator.evaluate(jobs)]


def test_a_synthetic_table():
    problem = open_problem(Source("synthetic", "noisy-2x8-1"))
    _, table = make_synthetic("noisy-2x8-1")
    assert _rewards(problem) == table.ravel().tolist()
    assert (problem.best, problem.median, problem.worst) == pytest.approx((table.max(), np.median(table), table.min()))


def test_regret_is_0_at_the_best_and_1_at_the_median():
    problem = Problem(nk.spaces.small(), nk.Evaluator(), np.array([4.0, 1.0, np.nan, 2.0, 8.0, 0.0]))
    assert (problem.best, problem.median, problem.worst) == (8, 2, 0)
    np.testing.assert_allclose(problem.regret(np.array([[8.0, 2.0], [5.0, 0.0]])), [[0, 1], [0.5, 4 / 3]])


@pytest.mark.parametrize("rewards", [[], [np.nan], [1.0, 1.0], [0.0, 1.0, 1.0]])
def test_a_table_with_nothing_to_search_for(rewards):
    with pytest.raises(nk.InvalidValueError, match="is not above the median of all, so there is nothing to search for"):
        Problem(nk.spaces.small(), nk.Evaluator(), np.array(rewards))


def test_a_table_on_disk(tmp_path):
    space = nk.spaces.large(1)
    trials = []
    for seed in (0, 1):
        for i, actions in enumerate(space.enumerate(distinct=True)):
            evaluation = nk.Evaluation(i + 0.25 * seed, test_accuracy=0.5)
            trials.append(nk.Trial(len(trials), 0, 0, seed, actions, (), space.key(actions), False, evaluation))
    write_table(tmp_path / "table", trials, space=space, recipe={})
    problem = open_problem(Source("table", str(tmp_path / "table")))
    assert problem.space.fingerprint == space.fingerprint
    assert (problem.best, problem.median, problem.worst) == (7.125, 3.625, 0.125)  # means over the two seeds
    write_table(tmp_path / "part", trials[1:8], space=space, recipe={})
    with pytest.raises(nk.DataError, match="is not in the table"):
        open_problem(Source("table", str(tmp_path / "part")))
    other = nk.SearchSpace("other", space.decisions)
    write_table(tmp_path / "other", trials, space=other, recipe={})
    with pytest.raises(nk.InvalidValueError, match="neither the small one nor a large one of 1 to 4 nodes"):
        open_problem(Source("table", str(tmp_path / "other")))


def test_an_npz_file(tmp_path):
    order = [3, 0, 5, 1, 4, 2]
    names = np.array(["a", "bc", "d", "e", "f", "g"])  # NAS-Bench-Macro's has such an array too
    path = _npz(tmp_path, enc=ENCODINGS[order], one=np.array(order, float), names=names)
    assert _rewards(open_problem(Source("npz", str(path), "one"))) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("one", [np.arange(6.0) * 1e39, 1e9 + np.arange(6.0), np.arange(6.0) * 1e-60])
def test_rewards_of_an_npz_file_are_of_double_precision(tmp_path, one):
    problem = open_problem(Source("npz", str(_npz(tmp_path, one=one)), "one"))
    assert _rewards(problem) == one.tolist()
    assert problem.regret(one[[5, 4, 0]]).tolist() == pytest.approx([0, 0.4, 2])


def test_rewards_that_are_too_large_to_compare(tmp_path):
    for one in (np.arange(6.0) * 1e307, np.array([-1.7e308, 0, 1, 2, 3, 1.7e308]), 1e200 + np.arange(6.0) * 1e190):
        with pytest.raises(nk.InvalidValueError, match=r"The rewards of .* run from .*e\+\d+.* Scale them"):
            open_problem(Source("npz", str(_npz(tmp_path, one=one)), "one"))


def test_rewards_that_are_nan_are_failures(tmp_path):
    problem = open_problem(Source("npz", str(_npz(tmp_path, one=np.array([0, 1, np.nan, 3, 4, 5]))), "one"))
    assert (problem.best, problem.median, problem.worst) == (5, 3, 0)
    assert np.isnan(_rewards(problem)[2])


def test_sources_as_text():
    assert str(Source("synthetic", "noisy-2x8-1")) == "synthetic noisy-2x8-1"
    assert str(Source("npz", "a.npz", "runs", 0)) == "npz a.npz, runs, column 0"
    with pytest.raises(nk.InvalidValueError, match="kind='web' is unknown. Allowed: table, synthetic, npz."):
        open_problem(Source("web", "x"))
