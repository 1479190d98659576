"""Tests of nas_keras/warm_start.py and of searches that start warm."""

import json
import shutil

import pytest
from helpers import facts, grid

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.table_writer import write_table
from nas_keras.warm_start import read_known

_SPACE = grid(4, 4)


class _Counting(nk.FunctionEvaluator):
    """The reward is the sum of the choices; (3, 3) fails. Notes what was evaluated."""

    def __init__(self, recipe="r"):
        super().__init__(self._reward, recipe={"name": recipe})
        self.evaluated = []

    def _reward(self, choices):
        self.evaluated.append(",".join(map(str, choices)))
        return float("nan") if choices == (3, 3) else float(sum(choices))


def _search(evaluator, workdir=None, *, budget=6, seed=1, **settings):
    settings = {"strategy": "random", "batch_size": 4, **settings}
    return nk.search(_SPACE, evaluator, max_evaluations=budget, seed=seed, workdir=workdir, **settings)


@pytest.fixture(name="old")
def _old(tmp_path):
    """A run that knows all 16 keys; one of them as a failure."""
    _search(_Counting(), tmp_path / "old", budget=16, seed=0)
    return tmp_path / "old"


def test_what_another_run_knows_is_answered_as_repeats_and_costs_nothing(old, tmp_path):
    evaluator = _Counting()
    result = _search(evaluator, tmp_path / "new", warm_start_from=old)
    assert evaluator.evaluated == ["3,3"]  # a failure is no knowledge
    assert result.num_evaluations == 1 and result.stopped == "space exhausted"
    assert len(result.trials) == 16 and sum(trial.cached for trial in result.trials) == 15
    assert {trial.evaluation.seconds for trial in result.trials if trial.cached} == {0.0}
    assert result.best.cached and result.best.reward == 5.0
    assert [trial.reward for trial in result.top(2)] == [5.0, 5.0]


def test_the_budget_counts_only_what_the_run_evaluates_itself(tmp_path):
    _search(_Counting(), tmp_path / "old", budget=6, seed=0)
    known = {trial.key for trial in read_known(tmp_path / "old", space=_SPACE, recipe={"name": "r"})}
    evaluator = _Counting()
    result = _search(evaluator, warm_start_from=tmp_path / "old", budget=3)
    assert result.num_evaluations == len(evaluator.evaluated) == 3 and not known & set(evaluator.evaluated)
    assert result.stopped == "max_evaluations"


def test_a_run_goes_on_with_its_own_copy_whatever_became_of_the_other_folder(tmp_path):
    _search(_Counting(), tmp_path / "old", budget=6, seed=0)
    whole = _search(_Counting(), tmp_path / "whole", budget=8, warm_start_from=tmp_path / "old")
    _search(_Counting(), tmp_path / "new", budget=2, warm_start_from=tmp_path / "old")
    shutil.rmtree(tmp_path / "old")
    resumed = _search(_Counting(), tmp_path / "new", budget=8, warm_start_from=tmp_path / "old")
    # The first start's budget cut its last batch short; from there the two differ only in what that dropped.
    assert resumed.num_evaluations == whole.num_evaluations == 8
    again = _search(_Counting(), tmp_path / "new", budget=8, warm_start_from="/nowhere")
    assert facts(again.trials) == facts(resumed.trials)
    config = json.loads((tmp_path / "new" / "config.json").read_text())
    assert config["fixed"]["warm_start"]["keys"] == 6


def test_a_start_that_was_cut_off_before_its_configuration_leaves_no_knowledge(old, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    (new / "warm_start.tfrecord").write_bytes(b"half of it")
    assert _search(_Counting(), new, warm_start_from=old).num_evaluations == 1


def test_a_run_that_started_cold_is_not_continued_warm_nor_the_other_way_round(old, tmp_path):
    _search(_Counting(), tmp_path / "cold", budget=2)
    with pytest.raises(InvalidValueError, match='warm_start: null before, {"digest": "[0-9a-f]{16}", "keys": 15} now'):
        _search(_Counting(), tmp_path / "cold", warm_start_from=old)
    assert not (tmp_path / "cold" / "warm_start.tfrecord").exists()
    _search(_Counting(), tmp_path / "warm", warm_start_from=old)
    with pytest.raises(InvalidValueError, match="warm_start: {.*} before, null now"):
        _search(_Counting(), tmp_path / "warm")


def test_a_table_gives_the_mean_over_its_seeds_and_no_test_accuracy(tmp_path):
    def trial(place, seed, reward):
        return nk.Trial(place, 0, 0, seed, (1, 2), (), "1,2", False, nk.Evaluation(reward, test_accuracy=0.9))

    write_table(tmp_path / "t", [trial(0, 5, 0.5), trial(1, 6, 0.75)], space=_SPACE, recipe={"name": "r"})
    (known,) = read_known(tmp_path / "t", space=_SPACE, recipe={"name": "r"})
    assert known.key == "1,2" and known.reward == 0.625 and known.evaluation.test_accuracy != 0.9


def test_folders_that_cannot_be_used_are_refused_by_name_before_anything_is_written(old, tmp_path):
    write_table(
        tmp_path / "failed",
        [nk.Trial(0, 0, 0, 5, (1, 2), (), "1,2", False, nk.Evaluation.failure("no luck"))],
        space=_SPACE,
        recipe={"name": "r"},
    )
    (tmp_path / "empty").mkdir()
    for folder, recipe, says in (
        ("empty", "r", "is neither a run nor a table: it holds no config.json and no recipe.json."),
        ("nowhere", "r", "is neither a run nor a table"),
        ("failed", "r", "knows no reward. Leave it out, or name another folder."),
        ("old", "other", "has another recipe: name: r before, other now. Name a run or table of the same recipe."),
    ):
        with pytest.raises(InvalidValueError, match="warm_start_from=.*" + folder) as error:
            _search(_Counting(recipe), tmp_path / "new", warm_start_from=tmp_path / folder)
        assert says in str(error.value)
    with pytest.raises(
        InvalidValueError, match="is of a space with fingerprint .* Name a run or table of the same space"
    ):
        nk.search(grid(4), _Counting(), strategy="random", workdir=tmp_path / "new", warm_start_from=old)
    shard = old / "dataset" / "trials-000001.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-7])
    with pytest.raises(DataError, match="trials-000001.tfrecord is damaged at record"):
        _search(_Counting(), tmp_path / "new", warm_start_from=old)
    assert not (tmp_path / "new").exists()
