"""Tests of nas_keras/storage/table.py."""

import json
import math

import pytest
from tables import TINY_SPACE, CountingEvaluator, reward_of, rows_of_table

import nas_keras as nk
from nas_keras.results.precompute import precompute
from nas_keras.storage.table import read_table
from nas_keras.trial import training_seed


def test_what_waits_for_its_shard_can_be_read_and_searched(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        precompute(TINY_SPACE, CountingEvaluator(limit=4), tmp_path, seeds=1)
    assert not list(tmp_path.glob("trials-*"))
    assert [trial.key for trial in read_table(tmp_path).trials] == ["0,0", "0,1", "1,0", "1,1"]
    evaluator = nk.TableEvaluator(tmp_path)
    assert len(evaluator) == 4
    with pytest.raises(nk.DataError, match="2,0 is not in the table .*, which holds 4 keys"):
        list(evaluator.evaluate([nk.Job("2,0", (2, 0), None, 0)]))
    result = nk.search(
        TINY_SPACE, nk.TableEvaluator(tmp_path, otherwise=CountingEvaluator()), strategy="random", max_evaluations=6
    )
    assert result.num_evaluations == 6


def test_a_record_that_moves_into_a_shard_while_it_is_read_counts_once(tmp_path):
    """As after a crash, or in the moment, between the shard's writing and the pending file's removal."""
    with pytest.raises(KeyboardInterrupt):
        precompute(TINY_SPACE, CountingEvaluator(limit=2), tmp_path, seeds=1)
    pending = {path: path.read_bytes() for path in (tmp_path / "pending").iterdir()}
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path, seeds=1)
    before = rows_of_table(tmp_path)
    (tmp_path / "pending").mkdir()
    for path, content in pending.items():
        path.write_bytes(content)
    assert rows_of_table(tmp_path) == before and len(before) == 6


def test_a_damaged_record_that_waits_is_found(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        precompute(TINY_SPACE, CountingEvaluator(limit=1), tmp_path, seeds=1)
    next((tmp_path / "pending").iterdir()).write_bytes(b"what")
    with pytest.raises(nk.DataError, match="is corrupt at record 0"):
        read_table(tmp_path)


def test_a_record_that_stands_twice_is_found(tmp_path):
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path, seeds=1)
    (tmp_path / "trials-000001.tfrecord").write_bytes((tmp_path / "trials-000000.tfrecord").read_bytes())
    with pytest.raises(nk.DataError, match="holds 0,0 with seed .* twice"):
        read_table(tmp_path)


def test_a_damaged_description_is_found(tmp_path):
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path, seeds=1)
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": 3}))
    with pytest.raises(nk.DataError, match="must hold 'recipe' and 'space'"):
        read_table(tmp_path)


def test_a_search_sees_the_mean_over_seeds_and_no_test_accuracy(tmp_path):
    precompute(TINY_SPACE, CountingEvaluator(), tmp_path, seeds=3)
    result = nk.search(TINY_SPACE, nk.TableEvaluator(tmp_path), strategy="random", max_evaluations=6)
    trial = next(trial for trial in result.trials if trial.key == "2,1")
    assert trial.reward == pytest.approx(sum(reward_of("2,1", training_seed(seed, "2,1")) for seed in range(3)) / 3)
    assert math.isnan(trial.evaluation.test_accuracy)
