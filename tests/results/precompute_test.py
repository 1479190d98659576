"""Tests of nas_keras/results/precompute.py."""

import dataclasses
import hashlib

import pytest
from tables import TINY_SPACE, CountingEvaluator, reward_of, rows_of_table

import nas_keras as nk
from nas_keras.results.precompute import precompute
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import merge_tables
from nas_keras.trial import training_seed


def test_a_table_holds_every_key_with_every_seed_all_keys_first(tmp_path):
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "table", seeds=2)
    trials = read_table(tmp_path / "table").trials
    keys = ["0,0", "0,1", "1,0", "1,1", "2,0", "2,1"]
    assert [trial.key for trial in trials] == keys * 2
    assert [trial.seed for trial in trials] == [training_seed(seed, key) for seed in (0, 1) for key in keys]
    assert [trial.trial for trial in trials] == list(range(12))
    assert trials[7].reward == pytest.approx(reward_of("0,1", training_seed(1, "0,1")))
    assert trials[7].evaluation.test_accuracy == 0.5
    assert not (tmp_path / "table" / "pending").exists()


@pytest.mark.parametrize("limit", range(12))
@pytest.mark.parametrize("reverse", [False, True])
def test_a_computation_killed_after_any_job_resumes_and_trains_nothing_twice(tmp_path, limit, reverse):
    first, second = CountingEvaluator(limit, reverse=reverse), CountingEvaluator(reverse=reverse)
    with pytest.raises(KeyboardInterrupt):
        precompute(TINY_SPACE, first, tmp_path / "table", seeds=2)
    precompute(TINY_SPACE, second, tmp_path / "table", seeds=2)
    assert sorted(first.evaluated + second.evaluated) == sorted(set(first.evaluated + second.evaluated))
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "whole", seeds=2)
    assert rows_of_table(tmp_path / "table") == rows_of_table(tmp_path / "whole")


def test_a_complete_table_needs_nothing_and_more_seeds_extend_it(tmp_path):
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path, seeds=1)
    idle, more = CountingEvaluator(), CountingEvaluator()
    precompute(TINY_SPACE, idle, tmp_path, seeds=1)
    precompute(TINY_SPACE, more, tmp_path, seeds=2)
    assert idle.evaluated == []
    assert [seed for _, seed in more.evaluated] == [training_seed(1, key) for key, _ in more.evaluated]
    assert len(read_table(tmp_path).trials) == 12


def test_a_gap_in_the_numbers_of_the_shards_costs_no_shard(tmp_path):
    """As launch/repair.py leaves it, where nothing of a shard could be read."""
    for seeds in (1, 2, 3):
        precompute(TINY_SPACE, CountingEvaluator(), tmp_path, seeds=seeds)
    whole = sorted(rows_of_table(tmp_path))
    (tmp_path / "trials-000001.tfrecord").unlink()
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path, seeds=3)
    assert sorted(rows_of_table(tmp_path)) == whole


@pytest.mark.parametrize("size", [500, 501])
def test_a_part_of_a_large_space_is_a_sample_of_it(tmp_path, size):
    space, evaluator = nk.SearchSpace("wide", [nk.Decision("a", tuple(range(size)))]), CountingEvaluator(limit=40)
    with pytest.raises(KeyboardInterrupt):
        precompute(space, evaluator, tmp_path, seeds=1)
    keys = [int(key) for key, _ in evaluator.evaluated]
    if size == 500:  # few enough to be computed whole
        assert keys == list(range(40))
    else:
        by_hash = sorted(range(size), key=lambda i: hashlib.sha256(str(i).encode()).hexdigest())
        assert keys == by_hash[:40] and 150 < sum(keys) / 40 < 350


@pytest.mark.parametrize(("seeds", "shard"), [(0, (1, 1)), (1, (0, 2)), (1, (3, 2))])
def test_impossible_seeds_and_shards_are_refused(tmp_path, seeds, shard):
    with pytest.raises(nk.InvalidValueError, match="is not allowed: it must be an integer of at least"):
        precompute(TINY_SPACE, CountingEvaluator(), tmp_path / "table", seeds=seeds, shard=shard)
    assert not (tmp_path / "table").exists()


class _Halving(CountingEvaluator):
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
    precompute(TINY_SPACE, _Halving(), tmp_path / "table", seeds=5)
    table = read_table(tmp_path / "table")
    assert table.variants == {fingerprint({"kind": "half"}): {"kind": "half"}}
    seeds = [trial for trial in table.trials if trial.key == "1,0"]
    own = [trial.reward for trial in seeds if not trial.evaluation.recipe]
    assert 0 < len(own) < 5
    evaluator = nk.TableEvaluator(tmp_path / "table")
    ((_, evaluation),) = evaluator.evaluate([nk.Job("1,0", (1, 0), None, 0)])
    assert evaluation.reward == pytest.approx(sum(own) / len(own)) and evaluation.recipe == ""
    assert merge_tables([tmp_path / "table"], tmp_path / "merged", space=TINY_SPACE) == 30
    assert repr(read_table(tmp_path / "merged")) == repr(table)  # a NaN equals no NaN


def test_a_table_that_goes_on_hands_the_evaluator_the_environment_it_began_with(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        precompute(TINY_SPACE, _Halving(limit=1), tmp_path / "table", seeds=1)
    second = _Halving()
    second.environment = {"processor": "b"}
    precompute(TINY_SPACE, second, tmp_path / "table", seeds=1)
    assert second.environment == read_table(tmp_path / "table").environment == {"processor": "a"}
