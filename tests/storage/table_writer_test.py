"""Tests of nas_keras/storage/table_writer.py."""

import dataclasses

import pytest
from tables import OTHER_SPACE, TINY_SPACE, CountingEvaluator, rows_of_table

import nas_keras as nk
from nas_keras.results.precompute import precompute
from nas_keras.storage.records.shards import read_shard
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import TableWriter, merge_tables, write_table
from nas_keras.trial import Evaluation


def test_shards_are_cut_in_order_and_pending_files_go(tmp_path):
    writer = TableWriter(tmp_path, space=TINY_SPACE, recipe={"kind": "fake"}, shard_size=2)
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "source", seeds=1)
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
    again = TableWriter(tmp_path, space=TINY_SPACE, recipe={"kind": "fake"}, shard_size=2)
    assert set(again.done) == set(order[:3])


def test_two_processes_do_not_fill_one_table(tmp_path):
    writer = TableWriter(tmp_path / "table", space=TINY_SPACE, recipe={"kind": "fake"})
    idle = CountingEvaluator()
    with writer.locked(), pytest.raises(nk.InvalidValueError, match="Another process is filling the table"):
        precompute(TINY_SPACE, idle, tmp_path / "table", seeds=1)
    assert idle.evaluated == [] and not list((tmp_path / "table").iterdir())
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "table", seeds=1)


def test_parts_of_several_machines_merge_to_the_whole(tmp_path):
    for index in (1, 2, 3):
        precompute(TINY_SPACE, CountingEvaluator(), tmp_path / str(index), seeds=2, shard=(index, 3))
    assert [len(read_table(tmp_path / str(index)).trials) for index in (1, 2, 3)] == [4, 4, 4]
    assert merge_tables([tmp_path / "2", tmp_path / "3", tmp_path / "1"], tmp_path / "merged", space=TINY_SPACE) == 12
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "whole", seeds=2)
    assert rows_of_table(tmp_path / "merged") == rows_of_table(tmp_path / "whole")


def test_a_merge_refuses_another_recipe_space_or_reward(tmp_path):
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "a", seeds=1)
    precompute(TINY_SPACE, CountingEvaluator(recipe={"kind": "better"}), tmp_path / "b", seeds=1)
    precompute(OTHER_SPACE, CountingEvaluator(), tmp_path / "c", seeds=1)
    changed = [dataclasses.replace(trial, evaluation=Evaluation(0.25)) for trial in read_table(tmp_path / "a").trials]
    write_table(tmp_path / "d", changed, space=TINY_SPACE, recipe={"kind": "fake"})
    for other, message in (
        ("b", "another recipe than .*a: kind: better before, fake now"),
        ("c", "is of another space than"),
        ("d", "has another reward for 0,0 with seed"),
    ):
        with pytest.raises(nk.InvalidValueError, match=message):
            merge_tables([tmp_path / "a", tmp_path / other], tmp_path / "out", space=TINY_SPACE)
    with pytest.raises(nk.InvalidValueError, match="There is no table to merge"):
        merge_tables([], tmp_path / "out", space=TINY_SPACE)
    assert not (tmp_path / "out").exists()


def test_a_table_of_another_recipe_or_something_else_is_not_written_into(tmp_path):
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "a", seeds=1)
    better = CountingEvaluator(recipe={"kind": "better"})
    with pytest.raises(nk.InvalidValueError, match="another recipe than .*: kind: fake before, better now"):
        precompute(TINY_SPACE, better, tmp_path / "a", seeds=1)
    with pytest.raises(nk.InvalidValueError, match="is of another space than"):
        precompute(OTHER_SPACE, CountingEvaluator(), tmp_path / "a", seeds=1)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("buy milk")
    with pytest.raises(nk.InvalidValueError, match="holds files but no recipe.json"):
        precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "notes", seeds=1)
    with pytest.raises(nk.InvalidValueError, match="is a file"):
        precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "notes" / "todo.txt", seeds=1)
    with pytest.raises(nk.InvalidValueError, match="holds a table already"):
        write_table(tmp_path / "a", [], space=TINY_SPACE, recipe={"kind": "fake"})
    assert better.evaluated == []
