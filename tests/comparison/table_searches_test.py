"""Tests of table_searches.py: searches on a table of four keys, most with an answer known beforehand."""

import math

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.comparison.table_searches import PAPER, UniformSampling, _evaluations_until, run_searches
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.table_writer import write_table

# Six encodings, five keys: 0,0 and 0,1 are one.
SPACE = nk.SearchSpace(
    "five",
    [nk.Decision("a", (0, 1, 2)), nk.Decision("b", (0, 1))],
    key=lambda actions: str(max(0, 2 * actions[0] + actions[1] - 1)),
)
REWARDS = {"0": 0.1, "1": 0.3, "2": 0.5, "3": 0.7, "4": None}


def _table(path, rewards=REWARDS, space=SPACE):
    trials = []
    for actions in space.enumerate(distinct=True):
        key = space.key(actions)
        if key not in rewards:
            continue
        reward = rewards[key]
        evaluation = nk.Evaluation.failure("loss is NaN") if reward is None else nk.Evaluation(reward)
        trials.append(nk.Trial(len(trials), 0, 0, 0, actions, (), key, False, evaluation))
    write_table(path, trials, space=space, recipe={"function": "f"})
    return path


@pytest.fixture(scope="module", name="searched")
def _searched(tmp_path_factory):
    done = []
    table = _table(tmp_path_factory.mktemp("searches") / "table")
    return run_searches(table, SPACE, searches=2, batches=15, batch_size=4, on_search=done.append), done


def test_searches_go_on_when_every_key_is_known(searched):
    searches, done = searched
    assert done == [1, 2]
    assert {name: curve.shape for name, curve in searches.curves.items()} == {
        PAPER: (2, 15),
        "uniform sampling": (2, 15),
    }
    assert ((searches.num_evaluated >= 2) & (searches.num_evaluated <= 5)).all()
    assert searches.config["entropy"] == nk.PPOConfig().entropy


def test_the_table_s_own_figures(searched):
    searches, _ = searched
    assert searches.best == pytest.approx(0.7)
    assert searches.mean == pytest.approx((0.1 * 2 + 0.3 + 0.5 + 0.7) / 5)  # over encodings; the failure has none
    assert searches.uniform_probability == pytest.approx(5 / 6)  # of the four keys that have a reward


def test_the_policy_learns_and_uniform_sampling_does_not(searched):
    searches, _ = searched
    assert np.nanmean(searches.curves[PAPER][:, -3:]) > 0.5
    assert np.nanmean(searches.curves["uniform sampling"]) == pytest.approx(searches.mean, abs=0.1)
    assert (searches.best_probabilities < searches.probabilities).all()
    assert (searches.probabilities > 5 / 6).all()  # the policy has left the failure
    assert (searches.probabilities <= 1 + 1e-6).all()


def test_keys_until_the_best(searched):
    searches, _ = searched
    for name in ("PPO", "random search"):
        assert ((searches.until_best[name] >= 1) & (searches.until_best[name] <= 5)).all()
        assert (searches.until_good[name] <= np.minimum(searches.until_best[name], 2)).all()  # but for the failure
    again = nk.search(SPACE, nk.FunctionEvaluator(lambda choices: 0.5), strategy="random", batch_size=4, seed=1)
    assert [trial.key for trial in again.trials].index("3") + 1 == searches.until_best["random search"][1]


def test_the_first_of_those_wanted():
    assert _evaluations_until(["a", "b", "c"], ["c", "b"]) == 2
    assert _evaluations_until(["a"], ["b"]) == math.inf


def test_uniform_sampling_repeats_and_knows_its_seed():
    one, same, other = (UniformSampling(grid(3, 2), seed=seed) for seed in (0, 0, 1))
    actions = one.ask(6_000).actions
    assert np.array_equal(actions, same.ask(6_000).actions)
    assert not np.array_equal(actions, other.ask(6_000).actions)
    assert not np.array_equal(actions[:6], one.ask(6).actions)
    counts = np.unique(actions, axis=0, return_counts=True)[1]
    assert len(counts) == 6 and abs(counts - 1_000).max() < 150


def test_what_cannot_be(tmp_path):
    table = _table(tmp_path / "part", {"0": 0.5})
    with pytest.raises(DataError, match="^1 is not in the table"):
        run_searches(table, SPACE, searches=1)
    with pytest.raises(InvalidValueError, match="is of another space than"):
        run_searches(table, grid(2), searches=1)
    for name in ("searches", "batches", "batch_size"):
        with pytest.raises(InvalidValueError, match=f"^{name}=0 is not allowed"):
            run_searches(table, SPACE, **{"searches": 1, name: 0})
