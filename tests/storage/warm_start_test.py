"""Tests of nas_keras/storage/warm_start.py and of searches that start warm."""

import json
import shutil

import pytest
from helpers import facts, grid

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.recipe import with_code, without_code
from nas_keras.storage.table_writer import write_table
from nas_keras.storage.warm_start import read_known

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
        ("failed", "r", "holds no reward that can be used. Leave it out, or name another folder."),
        (
            "old",
            "other",
            "has another recipe than this search: name: r before, other now. Name a run or table of the same recipe.",
        ),
    ):
        with pytest.raises(InvalidValueError, match=folder) as error:
            _search(_Counting(recipe), tmp_path / "new", warm_start_from=tmp_path / folder)
        assert says in str(error.value)
    with pytest.raises(
        InvalidValueError,
        match="is of another space than .*: decision 'd1' is gone. .*name a run or table of the sa",
    ):
        nk.search(grid(4), _Counting(), strategy="random", workdir=tmp_path / "new", warm_start_from=old)
    shard = old / "dataset" / "trials-000001.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-7])
    with pytest.raises(DataError, match="trials-000001.tfrecord is corrupt at record"):
        _search(_Counting(), tmp_path / "new", warm_start_from=old)
    assert not (tmp_path / "new").exists()


# --- Another space of the same decisions --------------------------------------------------------------------------


def _named(*choices):
    return nk.SearchSpace("named", [nk.Decision("word", choices), nk.Decision("number", (1, 2))])


def _length(choices):
    return float(len(choices[0]) * choices[1])


def _search_named(space, function=_length, **settings):
    evaluator = nk.FunctionEvaluator(function)
    return nk.search(space, evaluator, strategy="random", max_evaluations=100, **settings)


def test_a_space_with_other_choices_takes_over_what_it_shares_by_name(tmp_path, caplog):
    _search_named(_named("a", "bb", "ccc"), workdir=tmp_path / "old")
    result = _search_named(_named("dddd", "ccc", "a"), workdir=tmp_path / "new", warm_start_from=tmp_path / "old")
    assert "2 of 6 evaluations are left out, since they have choices that this space lacks" in caplog.text
    rewards = {trial.key: (trial.reward, trial.cached) for trial in result.trials}
    assert rewards == {
        "0,0": (4.0, False),
        "0,1": (8.0, False),
        "1,0": (3.0, True),
        "1,1": (6.0, True),
        "2,0": (1.0, True),
        "2,1": (2.0, True),
    }
    again = _search_named(_named("dddd", "ccc", "a"), workdir=tmp_path / "new", warm_start_from=tmp_path / "old")
    assert facts(again.trials) == facts(result.trials)


def test_a_choice_may_bring_an_object_of_its_own_and_the_others_must_be_the_same(tmp_path):
    def make(**objects):
        return lambda choices: objects[choices[0]](choices[1])

    old, space = {"a": float, "bb": abs}, _named("a", "bb", "ccc")
    _search_named(_named("a", "bb"), make(**old), workdir=tmp_path / "old")
    known = {"warm_start_from": tmp_path / "old"}
    result = _search_named(space, make(**old, ccc=lambda x: 5.0), **known)
    assert result.num_evaluations == 2 and result.best.reward == 5.0
    with pytest.raises(
        InvalidValueError, match=r"has another recipe than this search: the function: objects\['bb'\] in .* was"
    ):
        _search_named(space, make(**{**old, "bb": lambda x: 1.0}), **known)


def test_a_large_space_with_one_operation_more_takes_over_what_the_other_knows(tmp_path):
    def search(operations, recipe=None, **settings):
        space = nk.spaces.large(2, operations=operations)
        evaluator = nk.FunctionEvaluator(lambda cell: float(len(cell.key)), recipe=recipe or {"r": 1})
        return nk.search(space, evaluator, strategy="random", max_evaluations=500, **settings)

    old = search(("conv_3x3", "identity"), workdir=tmp_path / "old")
    new = search(("mine", "identity", "conv_3x3"), warm_start_from=tmp_path / "old")
    keys = {trial.key for trial in old.trials}
    assert keys == {trial.key for trial in new.trials if "mine" not in trial.key}
    assert all(trial.cached == (trial.key in keys) for trial in new.trials)
    assert all(trial.reward == len(trial.key) for trial in new.trials)
    with pytest.raises(InvalidValueError, match="has another recipe than this search: r: 1 before, 2 now"):
        search(("mine", "conv_3x3"), {"r": 2}, warm_start_from=tmp_path / "old")
    with pytest.raises(InvalidValueError, match="holds no reward"):
        search(("mine", "other"), warm_start_from=tmp_path / "old")


def test_changed_operations_are_another_recipe_and_new_ones_are_not(tmp_path):
    def recipe(**operations):
        return with_code({"r": 1}, operations={name: {"f": text} for name, text in operations.items()})

    def known(recipe, *operations):
        space = nk.spaces.large(1, operations=operations)
        return len(read_known(tmp_path / "old", space=space, recipe=recipe))

    space = nk.spaces.large(1, operations=("one", "two"))
    evaluator = nk.FunctionEvaluator(lambda cell: 1.0, recipe=recipe(one="a", two="b"))
    nk.search(space, evaluator, strategy="random", workdir=tmp_path / "old")
    assert known(recipe(one="a", two="b"), "one", "two") == 2
    assert known(recipe(one="a", three="c"), "one", "three") == 1
    with pytest.raises(InvalidValueError, match="has another recipe than this search: operation 'one': f was a, is z"):
        known(recipe(one="z", three="c"), "one", "three")
    with pytest.raises(InvalidValueError, match="has another recipe than this search: operation 'two': f is gone"):
        known(recipe(one="a"), "one", "two")


def test_a_run_of_a_version_that_did_not_record_code_is_taken_by_its_names(tmp_path, caplog):
    _search_named(_named("a", "bb"), workdir=tmp_path / "old")
    recipe = json.loads((tmp_path / "old" / "config.json").read_text())["fixed"]["recipe"]
    evaluator = nk.FunctionEvaluator(_length, recipe=without_code(recipe))
    nk.search(_named("a", "bb"), evaluator, strategy="random", workdir=tmp_path / "older")
    with pytest.raises(InvalidValueError, match="has another recipe than this search: the function: .*_length is new"):
        read_known(tmp_path / "older", space=_named("a", "bb"), recipe=recipe)
    config = json.loads((tmp_path / "older" / "config.json").read_text())
    del config["fixed"]["space"]["decisions"]
    (tmp_path / "older" / "config.json").write_text(json.dumps(config))
    assert len(read_known(tmp_path / "older", space=_named("a", "bb"), recipe=recipe)) == 4
    assert "did not record code" in caplog.text
    with pytest.raises(InvalidValueError, match="the decisions of the older one were not recorded"):
        read_known(tmp_path / "older", space=_named("a", "bb", "ccc"), recipe=recipe)


def test_actions_that_the_other_space_does_not_have_are_damage(tmp_path):
    evaluation = nk.Evaluation(1.0)
    for number, actions in enumerate([(9, 0), (0,)]):
        folder = tmp_path / str(number)
        trial = nk.Trial(0, 0, 0, 5, actions, (), "k", False, evaluation)
        write_table(folder, [trial], space=nk.spaces.small(), recipe={"r": 1})
        other = nk.SearchSpace("small", [nk.Decision("op_1", ("conv_3x3",)), nk.Decision("op_2", ("identity",))])
        with pytest.raises(DataError, match="holds actions .*, which are not in its space"):
            read_known(folder, space=other, recipe={"r": 1})
