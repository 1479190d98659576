"""Tests of nas_keras/storage/records/shards.py and schema.py."""

import dataclasses
import hashlib
import math
import os
import struct

import numpy as np
import pytest
from helpers import ROOT

from nas_keras import _tensorflow
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.records import schema as record
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shards import read_shard, salvage_shard, write_shard
from nas_keras.system.words import counted
from nas_keras.trial import Evaluation, Trial, training_seed

_GOLDEN = ROOT / "testdata" / "golden" / "trials-000000.tfrecord"
_ORIGIN = Origin(space="5" * 16, recipe="7" * 16)


def _float32(*values):
    return tuple(float(np.float32(value)) for value in values)


_GOOD = Trial(
    trial=16,
    iteration=2,
    policy_version=1,
    seed=2**31 - 1,
    actions=(1, 1, 1, 0, 7, 1),
    log_probs=_float32(-2.1, -0.7, -0.1, -1.1, -0.0, -1e-40),
    key="add(conv_3x3[conv_3x3],identity)",
    cached=False,
    evaluation=Evaluation(0.9123, valid_accuracy=0.9123, loss=0.1, num_params=974, epochs=3, seconds=12.3),
)
_FAILED = Trial(17, 2, 1, 0, (0, 7), (), "0,7", False, Evaluation.failure("diverged, naïve 学", seconds=60.25))
_CACHED = dataclasses.replace(
    _GOOD, trial=18, cached=True, evaluation=dataclasses.replace(_GOOD.evaluation, seconds=0.0)
)
_OF_A_TABLE = dataclasses.replace(
    _GOOD, evaluation=dataclasses.replace(_GOOD.evaluation, test_accuracy=0.1, flops=16_777_217, latency_ms=0.7)
)


@pytest.fixture(scope="module", name="tf")
def _tf():
    return _tensorflow.load_tensorflow()


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "dataset" / "trials-000002.tfrecord"


def _examples(tf, path):
    return [tf.train.Example.FromString(s) for s in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]


def _write_examples(tf, path, examples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            writer.write(example if isinstance(example, bytes) else example.SerializeToString())


def _ends(data):
    """Where each record of a TFRecord file ends: 8 bytes of length, 4 of checksum, the data, 4 of checksum."""
    ends = [0]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 16 + struct.unpack_from("<Q", data, ends[-1])[0])
    return ends[1:]


@pytest.mark.parametrize(
    "trial",
    [
        pytest.param(_GOOD, id="good"),
        pytest.param(_FAILED, id="failed, no log-probs"),
        pytest.param(_CACHED, id="cached"),
        pytest.param(_OF_A_TABLE, id="test accuracy"),
        pytest.param(
            Trial(0, 0, 0, 0, (0,), (-math.inf,), "0", False, Evaluation(-0.0, loss=math.inf)), id="odd numbers"
        ),
        pytest.param(Trial(0, 0, 0, 0, (0,), (), "0", False, Evaluation(1e300, loss=-1e39, seconds=0.1)), id="doubles"),
        pytest.param(Trial(2**40, 9, 8, 7, (3,) * 50, (), "k" * 10_000, False, Evaluation(1e-40)), id="large"),
    ],
)
def test_every_field_comes_back_to_the_bit(tf, path, trial):
    write_shard(path, [trial], _ORIGIN)
    (again,) = read_shard(path, _ORIGIN)
    # repr tells all that == does not: a NaN is a NaN, and -0.0 is not 0.0. Floats print to the last bit.
    assert repr(again) == repr(trial)
    assert type(again.cached) is bool


def test_trials_come_back_in_their_order(tf, path):
    write_shard(path, [_CACHED, _FAILED, _GOOD, _GOOD], _ORIGIN)
    assert repr(read_shard(path)) == repr([_CACHED, _FAILED, _GOOD, _GOOD])
    assert os.listdir(path.parent) == [path.name]  # no temporary file is left


def test_a_record_has_exactly_the_features_of_the_table_in_the_design(tf, path):
    write_shard(path, [_OF_A_TABLE, _FAILED], _ORIGIN)
    first, second = _examples(tf, path)
    expected = {
        "schema": ("int64_list", [1]),
        "shard_trials": ("int64_list", [2]),
        "trial": ("int64_list", [16]),
        "iteration": ("int64_list", [2]),
        "policy": ("int64_list", [1]),
        "seed": ("int64_list", [2**31 - 1]),
        "actions": ("int64_list", [1, 1, 1, 0, 7, 1]),
        "log_probs": ("float_list", list(_float32(-2.1, -0.7, -0.1, -1.1, -0.0, -1e-40))),
        "key": ("bytes_list", [b"add(conv_3x3[conv_3x3],identity)"]),
        "reward": ("float_list", [_float32(0.9123)[0]]),
        "status": ("bytes_list", [b"ok"]),
        "cached": ("int64_list", [0]),
        "valid_accuracy": ("float_list", [_float32(0.9123)[0]]),
        "loss": ("float_list", [_float32(0.1)[0]]),
        "num_params": ("int64_list", [974]),
        "epochs": ("int64_list", [3]),
        "seconds": ("float_list", [_float32(12.3)[0]]),
        "space": ("bytes_list", [b"5555555555555555"]),
        "recipe": ("bytes_list", [b"7777777777777777"]),
        "test_accuracy": ("float_list", [_float32(0.1)[0]]),
        "flops": ("float_list", [2.0**24]),  # 16,777,217 in single precision
        "latency_ms": ("float_list", [_float32(0.7)[0]]),
        "doubles": ("bytes_list", [struct.pack("<7d", 0.9123, 0.9123, 0.1, 12.3, 0.1, 16_777_217, 0.7)]),
    }
    found = {name: f.WhichOneof("kind") for name, f in first.features.feature.items()}
    assert found == {name: kind for name, (kind, _) in expected.items()}
    for name, (kind, values) in expected.items():
        assert list(getattr(first.features.feature[name], kind).value) == values, name
    assert set(second.features.feature) == set(expected)
    assert math.isnan(second.features.feature["reward"].float_list.value[0])
    assert not second.features.feature["log_probs"].float_list.value
    assert not second.features.feature["test_accuracy"].float_list.value
    assert math.isnan(second.features.feature["flops"].float_list.value[0])
    assert {name: f"{kind}_list" for name, kind in record.FEATURES.items()} == found


def test_the_golden_file_reads_as_ever(tf):
    good, failed, cached = read_shard(_GOLDEN, Origin("a3fec98ae0823bd0", "44136fa355b3678a"))
    assert repr(good) == repr(
        Trial(
            trial=16,
            iteration=2,
            policy_version=1,
            seed=2147483647,
            actions=(1, 1, 1, 0, 7, 1),
            log_probs=_float32(-2.0794415, -0.6931472, -0.5, -1.0986123, -0.0, -1e-40),
            key="add(conv_3x3[conv_3x3],identity)",
            cached=False,
            evaluation=Evaluation(
                reward=0.9375,
                status="ok",
                valid_accuracy=0.9375,
                loss=_float32(0.1)[0],  # as it was written, in single precision
                num_params=974,
                epochs=3,
                seconds=12.5,
                test_accuracy=0.90625,
            ),
        )
    )
    assert (failed.trial, failed.policy_version, failed.actions, failed.log_probs, failed.key) == (
        17,
        1,
        (0, 7),
        (),
        "0,7",
    )
    assert failed.evaluation.status == "failed: it took longer than 60 s"
    assert math.isnan(failed.reward) and math.isnan(failed.evaluation.valid_accuracy)
    assert failed.evaluation.seconds == 60.25
    assert (cached.trial, cached.policy_version, cached.seed, cached.actions) == (18, 2, 5, (0, 0))
    assert cached.log_probs == (-1.5, -math.inf)
    assert cached.cached and not good.cached and not failed.cached
    assert (cached.reward, cached.evaluation.loss, cached.evaluation.status) == (-0.25, math.inf, "ok")


def test_the_golden_file_is_the_one_of_its_readme():
    digest = hashlib.md5(_GOLDEN.read_bytes()).hexdigest()
    assert digest == "658c75250e76e3b6c2ad8a42f9702bab"
    assert digest in (ROOT / "testdata" / "README.md").read_text()


def test_a_shard_cut_between_records_is_refused(tf, path):
    write_shard(path, [_GOOD, _FAILED, _CACHED], _ORIGIN)
    data = path.read_bytes()
    first, second, third = _ends(data)
    assert third == len(data)
    for length, count in ((first, 1), (second, 2)):
        path.write_bytes(data[:length])
        assert len(_examples(tf, path)) == count  # for TensorFlow it is whole
        with pytest.raises(DataError) as caught:
            read_shard(path)
        assert str(caught.value) == (
            f"{path} holds {counted(count, 'record')} but was written with 3: it was truncated. Restore the file from "
            "a copy, or run launch/repair.py to save the rest."
        )


@pytest.mark.parametrize("record", [0, 1, 2])
@pytest.mark.parametrize("kept", [1, 8, 11, 12, 13, 100, -1], ids=lambda kept: f"{kept} bytes of it")
def test_a_shard_cut_within_a_record_is_refused_with_the_record(tf, path, record, kept):
    write_shard(path, [_GOOD, _FAILED, _CACHED], _ORIGIN)
    data = path.read_bytes()
    starts = [0, *_ends(data)]
    path.write_bytes(data[: starts[record] + kept if kept > 0 else starts[record + 1] + kept])
    with pytest.raises(DataError) as caught:
        read_shard(path)
    # What is less than a record's header, TensorFlow takes for the end of the file.
    how = f"it is truncated within the header at byte {starts[record]}" if 0 < kept < 12 else "it is truncated: "
    assert str(caught.value).startswith(f"{path} is corrupt at record {record}: {how}")
    assert "Restore the file from a copy" in str(caught.value)


def test_a_flipped_bit_anywhere_is_refused_with_the_record(tf, path):
    write_shard(path, [_FAILED, _GOOD], _ORIGIN)
    data = path.read_bytes()
    first, _ = _ends(data)
    # The length and its checksum, and every 23rd byte of the rest.
    for position in sorted({*range(12), *range(0, len(data), 23), *range(first, first + 12), first - 1, len(data) - 1}):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            read_shard(path)
        assert str(caught.value).startswith(f"{path} is corrupt at record {int(position >= first)}: ")


def test_two_shards_in_one_file_are_refused(tf, path):
    write_shard(path, [_GOOD], _ORIGIN)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(DataError, match="holds 2 records but was written with 1"):
        read_shard(path)


def test_an_empty_file_is_refused(tf, path):
    path.parent.mkdir()
    path.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        read_shard(path)
    assert str(caught.value) == (
        f"{path} holds 0 records but was written with some: it was truncated. Restore the file from a copy, "
        "or run launch/repair.py to save the rest."
    )


def test_a_missing_file_is_refused(tf, path):
    with pytest.raises(DataError, match=r"trials-000002.tfrecord cannot be read: No such file"):
        read_shard(path)


def test_another_file_is_refused(tf, path):
    path.parent.mkdir()
    path.write_text("trial,reward\n0,0.5\n" * 10)
    with pytest.raises(DataError, match="is corrupt at record 0: the checksum of the length at byte 0 is wrong"):
        read_shard(path)


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (Origin("4" * 16, "7" * 16), "is of space 5555555555555555, but this run has space 4444444444444444."),
        (Origin("5" * 16, "6" * 16), "is of recipe 7777777777777777, but this run has recipe 6666666666666666."),
    ],
)
def test_records_of_another_space_or_recipe_are_refused_by_name(tf, path, origin, message):
    write_shard(path, [_GOOD, _FAILED], _ORIGIN)
    with pytest.raises(DataError) as caught:
        read_shard(path, origin)
    assert str(caught.value) == (
        f"Record 0 of {path} {message} Move the file away, or name the folder of the run it belongs to."
    )
    assert len(read_shard(path)) == 2  # nobody asked


@pytest.mark.parametrize("schema", [[2], [0], [], [1, 1]])
def test_another_schema_is_refused(tf, path, schema):
    write_shard(path, [_GOOD, _GOOD], _ORIGIN)
    examples = _examples(tf, path)
    del examples[1].features.feature["schema"].int64_list.value[:]
    examples[1].features.feature["schema"].int64_list.value.extend(schema)
    _write_examples(tf, path, examples)
    with pytest.raises(DataError) as caught:
        read_shard(path)
    assert str(caught.value) == (
        f"Record 1 of {path} has schema {schema}; this version of nas_keras reads 1. Use the version that wrote it."
    )


@pytest.mark.parametrize("name", sorted(set(record.FEATURES) - {"schema", *record._LISTS}))
def test_a_record_without_a_feature_is_refused(tf, path, name):
    write_shard(path, [_GOOD], _ORIGIN)
    examples = _examples(tf, path)
    del examples[0].features.feature[name]
    _write_examples(tf, path, examples)
    with pytest.raises(DataError) as caught:
        read_shard(path)
    assert str(caught.value) == (
        f"Record 0 of {path} has 0 values of {name!r} instead of one. Restore the file from a copy."
    )


@pytest.mark.parametrize("precision", [pytest.param(0, id="single"), pytest.param(5, id="double")])
def test_a_record_from_before_there_were_flops_and_latency_is_read_without_them(tf, path, precision):
    write_shard(path, [_OF_A_TABLE, _FAILED], _ORIGIN)
    examples = _examples(tf, path)
    for example in examples:
        for name in ("flops", "latency_ms"):
            del example.features.feature[name]
        doubles = example.features.feature["doubles"].bytes_list
        doubles.value[:] = [doubles.value[0][: 8 * precision]]
        if not precision:  # an even older one
            del example.features.feature["doubles"]
    _write_examples(tf, path, examples)
    good, failed = read_shard(path, _ORIGIN)
    numbers = (0.9123, 0.9123, 0.1, 12.3, 0.1)
    found = [getattr(good.evaluation, name) for name in record.DOUBLES]
    assert found[:5] == list(numbers if precision else _float32(*numbers))
    assert math.isnan(good.evaluation.flops)
    assert math.isnan(good.evaluation.latency_ms)
    assert repr(failed) == repr(_FAILED)  # its numbers are the same in all of them


@pytest.mark.parametrize(
    "doubles",
    [
        pytest.param([struct.pack("<5d", 0.5, 0.9123, 0.1, 12.3, math.nan)], id="another reward"),
        pytest.param([struct.pack("<5d", 0.9123, 0.9123, 0.1, 12.3, 0.5)], id="a test accuracy that is not there"),
        pytest.param([struct.pack("<4d", 0.9123, 0.9123, 0.1, 12.3)], id="four"),
        pytest.param([struct.pack("<6d", 0.9123, 0.9123, 0.1, 12.3, math.nan, math.nan)], id="six"),
        pytest.param([struct.pack("<7d", 0.9123, 0.9123, 0.1, 12.3, math.nan, 7, math.nan)], id="flops not there"),
        pytest.param([struct.pack("<5d", 0.9123, 0.9123, 0.1, 12.3, math.nan)] * 2, id="twice"),
    ],
)
def test_doubles_that_are_not_the_numbers_in_single_precision_are_refused(tf, path, doubles):
    write_shard(path, [_GOOD], _ORIGIN)
    (example,) = _examples(tf, path)
    example.features.feature["doubles"].bytes_list.value[:] = doubles
    _write_examples(tf, path, [example])
    with pytest.raises(DataError, match="Record 0 of .* is invalid: it has doubles"):
        read_shard(path)


def test_rewards_that_single_precision_takes_for_equal_stay_apart(tf, path):
    rewards = [1e9 + i for i in range(7)]
    trials = [dataclasses.replace(_GOOD, evaluation=Evaluation(reward)) for reward in rewards]
    write_shard(path, trials, _ORIGIN)
    assert [trial.reward for trial in read_shard(path)] == rewards
    single = [example.features.feature["reward"].float_list.value[0] for example in _examples(tf, path)]
    assert set(single) == {1e9}  # what a reader sees that knows no doubles


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"key": "a\ufffdb"}, "it has key"),
        ({"key": "a\x1b[31mb"}, "it has key"),
        ({"key": "a\udc80b"}, "it has key"),
        ({"actions": ()}, "it has actions ()"),
        ({"log_probs": (-1.0, -2.0)}, "it has log_probs (-1.0, -2.0)"),
        ({"evaluation": Evaluation(0.5, flops=-1)}, "it has flops (-1.0,)"),
        ({"evaluation": Evaluation(0.5, latency_ms=-0.1)}, "it has latency_ms (-0.1"),
        ({"evaluation": Evaluation(0.5, recipe="abc")}, "is of recipe abc, but this run has recipe 7777777777777777"),
    ],
)
def test_what_the_reader_would_refuse_is_not_written(path, change, problem):
    path.parent.mkdir()
    with pytest.raises(InvalidValueError) as caught:
        write_shard(path, [_GOOD, dataclasses.replace(_GOOD, **change)], _ORIGIN)
    assert f"cannot be stored: {problem}" in str(caught.value)
    assert str(caught.value).endswith("Check the strategy, the evaluator or the space's keys that produced it.")
    assert os.listdir(path.parent) == []


def test_a_record_of_a_run_with_another_seed_is_neither_read_nor_written(tf, path):
    own, other = (Origin("5" * 16, "7" * 16, seed=seed) for seed in (3, 4))
    trial = dataclasses.replace(_GOOD, seed=training_seed(3, _GOOD.key))
    write_shard(path, [trial], own)
    assert len(read_shard(path, own)) == 1
    problem = (
        f"is of another run: its training has the seed {trial.seed}, but with this run's seed 4 it would be "
        f"{training_seed(4, _GOOD.key)}"
    )
    with pytest.raises(DataError, match=problem):
        read_shard(path, other)
    assert salvage_shard(path, other)[0] == []
    with pytest.raises(InvalidValueError, match=problem):
        write_shard(path, [trial], other)


def test_a_record_that_is_no_example_is_refused(tf, path):
    write_shard(path, [_GOOD], _ORIGIN)
    _write_examples(tf, path, [*_examples(tf, path), b"\xff\xff\xff"])
    with pytest.raises(DataError) as caught:
        read_shard(path)
    assert str(caught.value).startswith(f"Record 1 of {path} is not a tf.train.Example: ")
    assert str(caught.value).endswith("Restore the file from a copy.")
