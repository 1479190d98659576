"""Tests of nas_keras/storage/table.py and nas_keras/results/precompute.py."""

import dataclasses
import hashlib
import json
import math

import pytest

import nas_keras as nk
from nas_keras.evaluators.base import Evaluator
from nas_keras.results.precompute import precompute
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.records.shards import read_shard
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import TableWriter, merge_tables, write_table
from nas_keras.trial import Evaluation, training_seed

_SPACE = nk.SearchSpace("tiny", [nk.Decision("a", (0, 1, 2)), nk.Decision("b", (0, 1))])
_OTHER = nk.SearchSpace("other", [nk.Decision("a", (0, 1))])


class _Counting(Evaluator):
    """The reward tells key and seed; stops with an exception after `limit` jobs, as a killed process would."""

    def __init__(self, limit=None, recipe=None, reverse=False):
        self.recipe = recipe or {"kind": "fake"}
        self.limit, self.reverse, self.evaluated = limit, reverse, []

    def evaluate(self, jobs):
        for job in reversed(jobs) if self.reverse else jobs:
            if self.limit is not None and len(self.evaluated) == self.limit:
                raise KeyboardInterrupt
            self.evaluated.append((job.key, job.seed))
            yield job, Evaluation(_reward(job.key, job.seed), test_accuracy=0.5, seconds=1.0)


def _reward(key, seed):
    return sum(map(int, key.split(","))) + seed % 1000 / 1000


def _rows(path):
    return [(t.trial, t.key, t.seed, str(t.evaluation)) for t in read_table(path).trials]


def test_a_table_holds_every_key_with_every_seed_all_keys_first(tmp_path):
    precompute(_SPACE, _Counting(), tmp_path / "table", seeds=2)
    trials = read_table(tmp_path / "table").trials
    keys = ["0,0", "0,1", "1,0", "1,1", "2,0", "2,1"]
    assert [trial.key for trial in trials] == keys * 2
    assert [trial.seed for trial in trials] == [training_seed(seed, key) for seed in (0, 1) for key in keys]
    assert [trial.trial for trial in trials] == list(range(12))
    assert trials[7].reward == pytest.approx(_reward("0,1", training_seed(1, "0,1")))
    assert trials[7].evaluation.test_accuracy == 0.5
    assert not (tmp_path / "table" / "pending").exists()


@pytest.mark.parametrize("limit", range(12))
@pytest.mark.parametrize("reverse", [False, True])
def test_a_computation_killed_after_any_job_resumes_and_trains_nothing_twice(tmp_path, limit, reverse):
    first, second = _Counting(limit, reverse=reverse), _Counting(reverse=reverse)
    with pytest.raises(KeyboardInterrupt):
        precompute(_SPACE, first, tmp_path / "table", seeds=2)
    precompute(_SPACE, second, tmp_path / "table", seeds=2)
    assert sorted(first.evaluated + second.evaluated) == sorted(set(first.evaluated + second.evaluated))
    precompute(_SPACE, _Counting(), tmp_path / "whole", seeds=2)
    assert _rows(tmp_path / "table") == _rows(tmp_path / "whole")


def test_a_complete_table_needs_nothing_and_more_seeds_extend_it(tmp_path):
    precompute(_SPACE, _Counting(), tmp_path, seeds=1)
    idle, more = _Counting(), _Counting()
    precompute(_SPACE, idle, tmp_path, seeds=1)
    precompute(_SPACE, more, tmp_path, seeds=2)
    assert idle.evaluated == []
    assert [seed for _, seed in more.evaluated] == [training_seed(1, key) for key, _ in more.evaluated]
    assert len(read_table(tmp_path).trials) == 12


def test_shards_are_cut_in_order_and_pending_files_go(tmp_path):
    writer = TableWriter(tmp_path, space=_SPACE, recipe={"kind": "fake"}, shard_size=2)
    precompute(_SPACE, _Counting(), tmp_path / "source", seeds=1)
    trials = read_table(tmp_path / "source").trials
    order = [(trial.key, trial.seed) for trial in trials]
    for trial in (trials[1], trials[2]):
        writer.add(trial)
        writer.flush(order)
    assert not list(tmp_path.glob("trials-*"))  # the first of the order is still missing
    writer.add(trials[0])
    writer.flush(order)
    assert [t.key for t in read_shard(tmp_path / "trials-000000.tfrecord")] == ["0,0", "0,1"]
    assert len(list((tmp_path / "pending").iterdir())) == 1
    again = TableWriter(tmp_path, space=_SPACE, recipe={"kind": "fake"}, shard_size=2)
    assert set(again.done) == set(order[:3])


def test_what_waits_for_its_shard_can_be_read_and_searched(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        precompute(_SPACE, _Counting(limit=4), tmp_path, seeds=1)
    assert not list(tmp_path.glob("trials-*"))
    assert [trial.key for trial in read_table(tmp_path).trials] == ["0,0", "0,1", "1,0", "1,1"]
    evaluator = nk.TableEvaluator(tmp_path)
    assert len(evaluator) == 4
    with pytest.raises(nk.DataError, match="2,0 is not in the table .*, which holds 4 keys"):
        list(evaluator.evaluate([nk.Job("2,0", (2, 0), None, 0)]))
    result = nk.search(_SPACE, nk.TableEvaluator(tmp_path, otherwise=_Counting()), strategy="random", max_evaluations=6)
    assert result.num_evaluations == 6


def test_a_record_that_moves_into_a_shard_while_it_is_read_counts_once(tmp_path):
    """As after a crash, or in the moment, between the shard's writing and the pending file's removal."""
    with pytest.raises(KeyboardInterrupt):
        precompute(_SPACE, _Counting(limit=2), tmp_path, seeds=1)
    pending = {path: path.read_bytes() for path in (tmp_path / "pending").iterdir()}
    precompute(_SPACE, _Counting(), tmp_path, seeds=1)
    before = _rows(tmp_path)
    (tmp_path / "pending").mkdir()
    for path, content in pending.items():
        path.write_bytes(content)
    assert _rows(tmp_path) == before and len(before) == 6


def test_a_damaged_record_that_waits_is_found(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        precompute(_SPACE, _Counting(limit=1), tmp_path, seeds=1)
    next((tmp_path / "pending").iterdir()).write_bytes(b"what")
    with pytest.raises(nk.DataError, match="is corrupt at record 0"):
        read_table(tmp_path)


def test_two_processes_do_not_fill_one_table(tmp_path):
    writer = TableWriter(tmp_path / "table", space=_SPACE, recipe={"kind": "fake"})
    idle = _Counting()
    with writer.locked(), pytest.raises(nk.InvalidValueError, match="Another process is filling the table"):
        precompute(_SPACE, idle, tmp_path / "table", seeds=1)
    assert idle.evaluated == [] and not list((tmp_path / "table").iterdir())
    precompute(_SPACE, _Counting(), tmp_path / "table", seeds=1)


def test_a_gap_in_the_numbers_of_the_shards_costs_no_shard(tmp_path):
    """As launch/repair.py leaves it, where nothing of a shard could be read."""
    for seeds in (1, 2, 3):
        precompute(_SPACE, _Counting(), tmp_path, seeds=seeds)
    whole = sorted(_rows(tmp_path))
    (tmp_path / "trials-000001.tfrecord").unlink()
    precompute(_SPACE, _Counting(), tmp_path, seeds=3)
    assert sorted(_rows(tmp_path)) == whole


@pytest.mark.parametrize("size", [500, 501])
def test_a_part_of_a_large_space_is_a_sample_of_it(tmp_path, size):
    space, evaluator = nk.SearchSpace("wide", [nk.Decision("a", tuple(range(size)))]), _Counting(limit=40)
    with pytest.raises(KeyboardInterrupt):
        precompute(space, evaluator, tmp_path, seeds=1)
    keys = [int(key) for key, _ in evaluator.evaluated]
    if size == 500:  # few enough to be computed whole
        assert keys == list(range(40))
    else:
        by_hash = sorted(range(size), key=lambda i: hashlib.sha256(str(i).encode()).hexdigest())
        assert keys == by_hash[:40] and 150 < sum(keys) / 40 < 350


def test_parts_of_several_machines_merge_to_the_whole(tmp_path):
    for index in (1, 2, 3):
        precompute(_SPACE, _Counting(), tmp_path / str(index), seeds=2, shard=(index, 3))
    assert [len(read_table(tmp_path / str(index)).trials) for index in (1, 2, 3)] == [4, 4, 4]
    assert merge_tables([tmp_path / "2", tmp_path / "3", tmp_path / "1"], tmp_path / "merged", space=_SPACE) == 12
    precompute(_SPACE, _Counting(), tmp_path / "whole", seeds=2)
    assert _rows(tmp_path / "merged") == _rows(tmp_path / "whole")


def test_a_merge_refuses_another_recipe_space_or_reward(tmp_path):
    precompute(_SPACE, _Counting(), tmp_path / "a", seeds=1)
    precompute(_SPACE, _Counting(recipe={"kind": "better"}), tmp_path / "b", seeds=1)
    precompute(_OTHER, _Counting(), tmp_path / "c", seeds=1)
    changed = [dataclasses.replace(trial, evaluation=Evaluation(0.25)) for trial in read_table(tmp_path / "a").trials]
    write_table(tmp_path / "d", changed, space=_SPACE, recipe={"kind": "fake"})
    for other, message in (
        ("b", "another recipe than .*a: kind: better before, fake now"),
        ("c", "is of another space than"),
        ("d", "has another reward for 0,0 with seed"),
    ):
        with pytest.raises(nk.InvalidValueError, match=message):
            merge_tables([tmp_path / "a", tmp_path / other], tmp_path / "out", space=_SPACE)
    with pytest.raises(nk.InvalidValueError, match="There is no table to merge"):
        merge_tables([], tmp_path / "out", space=_SPACE)
    assert not (tmp_path / "out").exists()


def test_a_table_of_another_recipe_or_something_else_is_not_written_into(tmp_path):
    precompute(_SPACE, _Counting(), tmp_path / "a", seeds=1)
    better = _Counting(recipe={"kind": "better"})
    with pytest.raises(nk.InvalidValueError, match="another recipe than .*: kind: fake before, better now"):
        precompute(_SPACE, better, tmp_path / "a", seeds=1)
    with pytest.raises(nk.InvalidValueError, match="is of another space than"):
        precompute(_OTHER, _Counting(), tmp_path / "a", seeds=1)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("buy milk")
    with pytest.raises(nk.InvalidValueError, match="holds files but no recipe.json"):
        precompute(_SPACE, _Counting(), tmp_path / "notes", seeds=1)
    with pytest.raises(nk.InvalidValueError, match="is a file"):
        precompute(_SPACE, _Counting(), tmp_path / "notes" / "todo.txt", seeds=1)
    with pytest.raises(nk.InvalidValueError, match="holds a table already"):
        write_table(tmp_path / "a", [], space=_SPACE, recipe={"kind": "fake"})
    assert better.evaluated == []


@pytest.mark.parametrize(("seeds", "shard"), [(0, (1, 1)), (1, (0, 2)), (1, (3, 2))])
def test_impossible_seeds_and_shards_are_refused(tmp_path, seeds, shard):
    with pytest.raises(nk.InvalidValueError, match="is not allowed: it must be an integer of at least"):
        precompute(_SPACE, _Counting(), tmp_path / "table", seeds=seeds, shard=shard)
    assert not (tmp_path / "table").exists()


def test_a_record_that_stands_twice_is_found(tmp_path):
    precompute(_SPACE, _Counting(), tmp_path, seeds=1)
    (tmp_path / "trials-000001.tfrecord").write_bytes((tmp_path / "trials-000000.tfrecord").read_bytes())
    with pytest.raises(nk.DataError, match="holds 0,0 with seed .* twice"):
        read_table(tmp_path)


def test_a_damaged_description_is_found(tmp_path):
    precompute(_SPACE, _Counting(), tmp_path, seeds=1)
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": 3}))
    with pytest.raises(nk.DataError, match="must hold 'recipe' and 'space'"):
        read_table(tmp_path)


def test_a_search_sees_the_mean_over_seeds_and_no_test_accuracy(tmp_path):
    precompute(_SPACE, _Counting(), tmp_path, seeds=3)
    result = nk.search(_SPACE, nk.TableEvaluator(tmp_path), strategy="random", max_evaluations=6)
    trial = next(trial for trial in result.trials if trial.key == "2,1")
    assert trial.reward == pytest.approx(sum(_reward("2,1", training_seed(seed, "2,1")) for seed in range(3)) / 3)
    assert math.isnan(trial.evaluation.test_accuracy)


class _Halving(_Counting):
    """Finds "1,0" by a variant of the recipe, for want of memory."""

    variants = ({"kind": "half"},)
    environment = {"processor": "a"}

    def resume(self, environment):
        self.environment = environment

    def evaluate(self, jobs):
        for job, evaluation in super().evaluate(jobs):
            recipe = fingerprint({"kind": "half"}) if job.key == "1,0" and job.seed % 2 else ""
            yield job, dataclasses.replace(evaluation, recipe=recipe)


def test_a_record_of_a_variant_of_the_recipe_says_so_and_counts_only_where_there_is_no_other(tmp_path):
    precompute(_SPACE, _Halving(), tmp_path / "table", seeds=5)
    table = read_table(tmp_path / "table")
    assert table.variants == {fingerprint({"kind": "half"}): {"kind": "half"}}
    seeds = [trial for trial in table.trials if trial.key == "1,0"]
    own = [trial.reward for trial in seeds if not trial.evaluation.recipe]
    assert 0 < len(own) < 5
    evaluator = nk.TableEvaluator(tmp_path / "table")
    ((_, evaluation),) = evaluator.evaluate([nk.Job("1,0", (1, 0), None, 0)])
    assert evaluation.reward == pytest.approx(sum(own) / len(own)) and evaluation.recipe == ""
    assert merge_tables([tmp_path / "table"], tmp_path / "merged", space=_SPACE) == 30
    assert repr(read_table(tmp_path / "merged")) == repr(table)  # a NaN equals no NaN


def test_a_table_that_goes_on_hands_the_evaluator_the_environment_it_began_with(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        precompute(_SPACE, _Halving(limit=1), tmp_path / "table", seeds=1)
    second = _Halving()
    second.environment = {"processor": "b"}
    precompute(_SPACE, second, tmp_path / "table", seeds=1)
    assert second.environment == read_table(tmp_path / "table").environment == {"processor": "a"}
