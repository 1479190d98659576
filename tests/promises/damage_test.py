"""Every damage to a run or a table is found: by whoever reads it, with file, record and the way out in the message.

Files are damaged byte by byte, cut at each length, exchanged, doubled, and filled with random bytes and values: readers
answer with DataError or InvalidValueError, or with what was written, and never with anything else.
"""

import contextlib
import copy
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import struct

import google_crc32c
import pytest
from helpers import ROOT, facts, grid

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.data.tfds_pixels import SplitReader
from nas_keras.results.repair import repair
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records import schema as record
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.records.shards import read_shard, salvage_shard, write_shard
from nas_keras.storage.records.tfrecord import read_frames
from nas_keras.storage.run_config import origin_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import write_table
from nas_keras.storage.warm_start import read_known
from nas_keras.system.words import counted

_SPACE = grid(4, 4)
_RECIPE = {"name": "sum", "train": {"epochs": 3}}
_ERRORS = (nk.DataError, nk.InvalidValueError)


class _Sum(nk.Evaluator):
    recipe = _RECIPE
    environment = {"processor": "a"}

    def __init__(self):
        self.num_evaluated = 0

    def evaluate(self, jobs):
        for job in jobs:
            self.num_evaluated += 1
            yield job, nk.Evaluation(float(sum(job.architecture)), seconds=1.0)


def _start(workdir):
    """Starts the search once more; (its trials, how many children it evaluated)."""
    evaluator = _Sum()
    settings = {"strategy": "random", "max_evaluations": 12, "batch_size": 4}
    return nk.search(_SPACE, evaluator, workdir=workdir, **settings).trials, evaluator.num_evaluated


@pytest.fixture(scope="module", name="original")
def _original(tmp_path_factory):
    """A run of three batches and a table of two shards, which no test changes."""
    folder = tmp_path_factory.mktemp("original")
    _start(folder / "run")
    trials = [
        nk.Trial(i, 0, 0, seed, actions, (), _SPACE.key(actions), False, nk.Evaluation(i / 100, epochs=3))
        for i, (seed, actions) in enumerate((seed, a) for seed in (0, 1) for a in list(_SPACE.enumerate()) * 3)
        if i < 96 and (i % 48) < 16
    ]
    half = {"name": "sum", "train": {"epochs": 1}}
    write_table(folder / "table", trials, space=_SPACE, recipe=_RECIPE, variants=[half], environment={"cores": 2})
    return folder


@pytest.fixture(name="run")
def _run(original, tmp_path):
    return pathlib.Path(shutil.copytree(original / "run", tmp_path / "run"))


@pytest.fixture(name="table")
def _table(original, tmp_path):
    return pathlib.Path(shutil.copytree(original / "table", tmp_path / "table"))


def _open(run):
    """What a start does first, without the rest: reads configuration and D."""
    workspace = Workspace(run)
    return Dataset(origin_of(workspace.read_config(), workspace.config), workspace, read_only=True)


def _listing(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextlib.contextmanager
def _in_time(seconds=30):
    """Ends what hangs."""

    def end(number, frame):
        raise TimeoutError(f"it took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def _small():
    """No test here may take much memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 600 * 1024, f"{grown / 1024:.0f} MiB"  # TensorFlow itself is 500


# --- Shards -------------------------------------------------------------------------------------------------------


def test_each_byte_of_a_shard_counts(run):
    path = run / "dataset" / "trials-000001.tfrecord"
    content = path.read_bytes()
    starts = [frame.offset for frame in read_frames(content)]
    origin = origin_of(Workspace(run).read_config(), run)
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(nk.DataError) as caught:
            read_shard(path, origin)
        record = sum(start <= place for start in starts) - 1
        assert str(caught.value).startswith(f"{path} is corrupt at record {record}: ")
        assert str(caught.value).endswith("Restore the file from a copy, or run launch/repair.py to save the rest.")


def test_a_shard_cut_at_any_length_is_found(run):
    path = run / "dataset" / "trials-000001.tfrecord"
    content = path.read_bytes()
    starts = [frame.offset for frame in read_frames(content)]
    origin = origin_of(Workspace(run).read_config(), run)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(nk.DataError) as caught:
            read_shard(path, origin)
        record = sum(start <= length for start in starts) - 1
        how = f"holds {counted(record, 'record')} but was written with {4 if length else 'some'}: it was truncated"
        assert str(caught.value).startswith(f"{path} {how if length in starts else f'is corrupt at record {record}'}")
        assert str(caught.value).endswith("Restore the file from a copy, or run launch/repair.py to save the rest.")


def test_a_damaged_shard_ends_a_start_before_anything_is_evaluated_or_written(run):
    path = run / "dataset" / "trials-000001.tfrecord"
    content = path.read_bytes()
    for place in range(0, len(content), 199):
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        before = _listing(run)
        with pytest.raises(nk.DataError, match="trials-000001.tfrecord is corrupt at record"):
            _start(run)
        assert _listing(run) == before


def _rewrite(path, change):
    """Writes a shard anew, of what `change` makes of its tf.train.Examples; their checksums are right."""
    tf = _tensorflow.load_tensorflow()
    examples = [tf.train.Example.FromString(frame.data) for frame in read_frames(path.read_bytes())]
    path.write_bytes(b"".join(_frame(example.SerializeToString()) for example in change(examples)))


def _frame(data):
    def mask(data):
        checksum = google_crc32c.value(data)
        return struct.pack("<I", (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(data))
    return length + mask(length) + data + mask(data)


def _set(number, **values):
    """Changes features of one record."""

    def change(examples):
        for name, value in values.items():
            feature = getattr(examples[number].features.feature[name], f"{record.FEATURES[name]}_list").value
            del feature[:]
            feature.extend(value if isinstance(value, list) else [value])
        return examples

    return lambda path: _rewrite(path, change)


def _exchange(path):
    other = path.with_name("trials-000002.tfrecord")
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _replace_by(make):
    def damage(path):
        path.unlink()
        make(path)

    return damage


# What is done to the second of three shards, and what a start says of it. In a table "table" says the same or its own.
DAMAGES = {
    "empty": (lambda path: path.write_bytes(b""), "holds 0 records but was written with some"),
    "text": (lambda path: path.write_text("trial,reward\n" * 99), "is corrupt at record 0: the checksum of the length"),
    "missing": (lambda path: path.unlink(), "Batch 1 is missing"),
    "a folder": (_replace_by(pathlib.Path.mkdir), "cannot be read: it is not a file"),
    "a pipe": (_replace_by(os.mkfifo), "cannot be read: it is not a file"),
    "a device": (_replace_by(lambda path: path.symlink_to("/dev/zero")), "cannot be read: it is not a file"),
    "a link to nothing": (_replace_by(lambda path: path.symlink_to("nowhere")), "cannot be read: No such file"),
    "another space": (_set(0, space=b"0" * 16), "Record 0 of {path} is of space 0000000000000000, but this run has"),
    "another recipe": (_set(2, recipe=b"0" * 16), "Record 2 of {path} is of recipe 0000000000000000, but this run"),
    "another schema": (_set(1, schema=2), "Record 1 of {path} has schema [2]; this version of nas_keras reads 1."),
    "a newer schema": (_set(1, schema=2**62), "Use the version that wrote it."),
    "a record of another shard": (_set(3, shard_trials=9), "Record 3 of {path} belongs to a file of 9 records"),
    "a record that claims 2**60": (_set(0, shard_trials=2**60), "Record 1 of {path} belongs to a file of 4 records"),
    "a record that stands twice": (
        lambda path: _rewrite(path, lambda examples: [*examples, examples[3]]),
        "holds 5 records but was written with 4",
    ),
    "records that are gone": (
        lambda path: _rewrite(path, lambda examples: examples[1:]),
        "holds 3 records but was written with 4",
    ),
    "a key of two lines": (_set(1, key=b"0,0\n0,1"), r"Record 1 of {path} is invalid: it has key '0,0\n0,1'"),
    "a key that is no text": (_set(1, key=b"\xff"), "Record 1 of {path} is invalid: it has key "),
    "no key": (_set(1, key=[]), "Record 1 of {path} has 0 values of 'key' instead of one."),
    "two rewards": (_set(1, reward=[0.5, 0.5]), "Record 1 of {path} has 2 values of 'reward' instead of one."),
    "no actions": (_set(1, actions=[]), "Record 1 of {path} is invalid: it has actions ()"),
    "a negative action": (_set(1, actions=[0, -1]), "Record 1 of {path} is invalid: it has actions (0, -1)"),
    "log-probs too few": (_set(1, log_probs=[-1.0]), "Record 1 of {path} is invalid: it has log_probs (-1.0,)"),
    "a negative seed": (_set(1, seed=-1), "Record 1 of {path} is invalid: it has seed -1"),
    "cached twice": (_set(1, cached=2), "Record 1 of {path} is invalid: it has cached 2"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_of_a_run_is_found_and_the_repair_gives_the_same_d(damage, run):
    do, says = DAMAGES[damage]
    whole, _ = _start(run)
    path = run / "dataset" / "trials-000001.tfrecord"
    do(path)
    with pytest.raises(nk.DataError) as caught, _in_time():
        _open(run)
    assert says.format(path=path) in str(caught.value)
    assert str(path) in str(caught.value) or damage == "missing"
    assert any(way in str(caught.value) for way in ("Restore the file from a copy", "Move the file away", "Use the"))
    with _in_time():
        assert repair(run).damaged == run / "damaged"
    trials, num_evaluated = _start(run)
    assert facts(trials) == facts(whole) and num_evaluated <= 4


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage != "missing"])
def test_a_damage_of_a_table_is_found_and_the_repair_keeps_the_rest(damage, table):
    do, says = DAMAGES[damage]
    whole = {repr(trial) for trial in read_table(table).trials}
    path = table / "trials-000000.tfrecord"
    do(path)
    with pytest.raises(nk.DataError) as caught, _in_time():
        read_table(table)
    assert str(path) in str(caught.value)
    says = says.replace("with 4", "with 32").replace("file of 4 r", "file of 32 r").replace("5 rec", "33 rec")
    assert says.replace("holds 3 rec", "holds 31 rec").format(path=path) in str(caught.value)
    with _in_time():
        assert repair(table).problems
    if any(table.glob("trials-*")):
        assert {repr(trial) for trial in read_table(table).trials} <= whole


def test_a_shard_of_a_table_that_stands_twice_is_found_and_the_repair_takes_one_away(table):
    whole = repr(read_table(table).trials)
    shutil.copy(table / "trials-000000.tfrecord", table / "trials-000001.tfrecord")
    with pytest.raises(nk.DataError, match="holds 0,0 with seed 0 twice.*launch/repair.py"):
        read_table(table)
    repaired = repair(table)
    assert len(repaired.problems) == repaired.kept == 32
    assert "trials-000001.tfrecord holds 0,0 with seed 0 once more than " in repaired.problems[0]
    assert repr(read_table(table).trials) == whole and repair(table).problems == []


# --- Configuration ------------------------------------------------------------------------------------------------


def test_each_byte_of_what_is_fixed_in_a_runs_configuration_counts(run):
    """Damage is refused, or it is in what may change between starts."""
    path = run / "config.json"
    content, num_refused = path.read_bytes(), 0
    whole = json.loads(content)
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            workspace = Workspace(run)
            workspace.settle_config({"fixed": whole["fixed"], "budget": {}}, workspace.read_config())
        except _ERRORS as error:
            assert str(path) in str(error) or "is a run with other settings" in str(error)
            num_refused += 1
        else:
            assert {"format": 1, "fixed": whole["fixed"]}.items() <= json.loads(path.read_text()).items()
    assert num_refused > 0.6 * len(content)


def test_each_byte_of_a_tables_recipe_counts(table):
    path = table / "recipe.json"
    content, whole, num_refused = path.read_bytes(), read_table(table), 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            found = read_table(table)
        except _ERRORS as error:
            assert str(table) in str(error)
            num_refused += 1
        else:  # the damage is in the environment, which only informs, or in a space between words
            assert found._replace(environment={}, trials=[], variants={}) == whole._replace(
                environment={}, trials=[], variants={}
            )
    assert num_refused > 0.4 * len(content)


_DEEP = "[" * 100_000 + "]" * 100_000

BAD_JSON = {
    "empty": b"",
    "cut": b'{"format": 1, "fixed": {',
    "no text": b"\xff\xfe\x00",
    "zeros": b"\0" * 100,
    "a list": b"[1, 2]",
    "a number": b"1",
    "nested 100,000 deep": _DEEP.encode(),
    "nested in a field": f'{{"format": 1, "recipe": {_DEEP}, "fixed": {_DEEP}}}'.encode(),
    "a number of a million digits": b'{"format": 1, "space": ' + b"9" * 1_000_000 + b"}",
    "one object after another": b"{} {}",
}


@pytest.mark.parametrize("content", BAD_JSON.values(), ids=BAD_JSON)
def test_a_configuration_that_is_none_is_refused_by_name(content, run, table):
    (run / "config.json").write_bytes(content)
    (table / "recipe.json").write_bytes(content)
    for read, path in (
        (lambda: _start(run), run / "config.json"),
        (lambda: repair(run), run / "config.json"),
        (lambda: read_known(run, space=_SPACE, recipe=_RECIPE), run / "config.json"),
        (lambda: read_table(table), table / "recipe.json"),
        (lambda: repair(table), table / "recipe.json"),
    ):
        with pytest.raises(nk.DataError) as caught, _in_time():
            read()
        assert str(path) in str(caught.value) and "Restore it from a copy" in str(caught.value)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_a_configuration_that_is_no_file_is_refused_by_name(make, run):
    (run / "config.json").unlink()
    make(run / "config.json")
    with pytest.raises(nk.DataError, match="config.json cannot be read as JSON: it is not a file"), _in_time():
        _start(run)


def test_a_run_and_a_table_of_a_newer_version_are_refused_with_their_version(run):
    config = json.loads((run / "config.json").read_text())
    for found in (2, 99, "1", None, [1], 1.5):
        (run / "config.json").write_text(json.dumps({**config, "format": found}))
        with pytest.raises(nk.DataError) as caught:
            _start(run)
        assert f"has format {found!r}; this version of nas_keras reads 1. Use the version that" in str(caught.value)


@pytest.mark.parametrize("files", [[], ["lock"], ["notes.txt"], ["dataset/trials-000000.tfrecord"]])
def test_a_folder_that_is_no_run_is_refused_by_whoever_wants_one(files, tmp_path):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    before = _listing(tmp_path)
    for call in (
        lambda: repair(tmp_path),
        lambda: read_known(tmp_path, space=_SPACE, recipe=_RECIPE),
        lambda: nk.export_best(tmp_path),
        lambda: nk.TableEvaluator(tmp_path),
    ):
        with pytest.raises(_ERRORS, match="Name (the|a table's) folder"):
            call()
    assert _listing(tmp_path) == before


# --- Fuzz ---------------------------------------------------------------------------------------------------------

_VALUES = (None, True, -1, 3, 2**70, 1e308, float("nan"), "", "x" * 999, "../../x", [], [[]], [None], {}, {"a": {}})


def _paths(value, above=()):
    """The way to each field of a JSON value."""
    yield above
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in pairs:
        yield from _paths(part, (*above, name))


def _with(value, path, new):
    """A copy of a JSON value with another field; without it, if `new` is Ellipsis."""
    if not path:
        return new if new is not ... else {}
    value = copy.deepcopy(value)
    part = value
    for name in path[:-1]:
        part = part[name]
    if new is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = new
    return value


def _survives(call):
    """Whether the call refuses in words; anything else but an answer is raised."""
    with _in_time():
        try:
            call()
        except _ERRORS as error:
            assert len(str(error)) > 20
            return False
    return True


def test_fuzz_every_field_of_a_runs_configuration_of_another_type(run):
    config = json.loads((run / "config.json").read_text())
    rng, num_refused, num_tried = random.Random(0), 0, 0
    for path in _paths(config):
        for new in (..., *rng.sample(_VALUES, 4)):
            changed = json.dumps(_with(config, path, new))
            for call in (
                lambda: _start(run),
                lambda: read_known(run, space=_SPACE, recipe=_RECIPE),
                lambda: repair(run),
            ):
                (run / "config.json").write_text(changed)
                num_refused += not _survives(call)
                num_tried += 1
            shutil.rmtree(run / "damaged", ignore_errors=True)
    assert num_tried > 300 and num_refused > num_tried / 4
    (run / "config.json").write_text(json.dumps(config))
    assert len(_start(run)[0]) == 12


def test_fuzz_every_field_of_a_tables_recipe_of_another_type(table):
    description = json.loads((table / "recipe.json").read_text())
    num_refused = num_tried = 0
    for path in _paths(description):
        for new in (..., *_VALUES):
            (table / "recipe.json").write_text(json.dumps(_with(description, path, new)))
            for call in (lambda: read_table(table), lambda: nk.TableEvaluator(table)):
                num_refused += not _survives(call)
                num_tried += 1
    assert num_refused > num_tried / 3


def test_fuzz_random_bytes_and_mutations_of_a_shard(run):
    path = run / "dataset" / "trials-000001.tfrecord"
    content = path.read_bytes()
    origin = origin_of(Workspace(run).read_config(), run)
    rng = random.Random(1)
    for number in range(600):
        if number % 3 == 0:
            changed = rng.randbytes(rng.randrange(200))
        else:
            changed = bytearray(content)
            for _ in range(rng.randint(1, 8)):
                start = rng.randrange(len(changed))
                end = start + rng.choice((0, 1, 1, 1, 40))
                changed[start:end] = rng.randbytes(rng.choice((0, 1, 1, 1, 40)))
        if bytes(changed) == content:
            continue
        path.write_bytes(changed)
        assert not _survives(lambda: read_shard(path, origin))
        trials, problems = salvage_shard(path, origin)
        assert problems and len(trials) <= 4


def test_fuzz_records_with_right_checksums_and_random_contents(run):
    """As somebody would write them who means harm."""
    path = run / "dataset" / "trials-000001.tfrecord"
    origin = origin_of(Workspace(run).read_config(), run)
    data = [frame.data for frame in read_frames(path.read_bytes())]
    rng, num_read = random.Random(2), 0
    for _ in range(600):
        changed = bytearray(rng.choice(data))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(changed))
            changed[place : place + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
        path.write_bytes(_frame(bytes(changed)))
        num_read += _survives(lambda: read_shard(path, origin))
        _survives(lambda: read_shard(path))
    assert num_read == 0  # it is one of four records, whatever else it says


def test_fuzz_every_feature_with_odd_values(tmp_path):
    trial = nk.Trial(0, 0, 0, 1, (0, 1), (-0.5, -0.5), "0,1", False, nk.Evaluation(0.5))
    path = tmp_path / "trials-000000.tfrecord"
    odd = {
        "int64": ([], [-1], [0], [2**63 - 1], [-(2**63)], [1, 2], [0] * 999),
        "float": ([], [float("nan")], [float("inf")], [-1e38], [0.5, 0.5], [0.0] * 999),
        "bytes": ([], [b""], [b"\xff"], [b"\0"], [b"\x1b[2J"], ["\u202e".encode()], [b"a", b"b"], [b"x" * 99_999]),
    }
    for name, kind in record.FEATURES.items():
        for values in odd[kind]:
            write_shard(path, [trial], Origin("s", "r"))
            _set(0, **{name: values})(path)
            if _survives(lambda: read_shard(path)):
                (found,) = read_shard(path)
                assert found.key.isprintable() and found.evaluation.status.isprintable()
                assert len(found.actions) > 0 and min(found.actions) >= 0


def test_fuzz_a_data_sets_own_files(tmp_path, monkeypatch):
    monkeypatch.setattr(SplitReader, "read", lambda *_, **__: pytest.fail("nothing of it can be read"))
    folder = pathlib.Path(shutil.copytree(ROOT / "testdata" / "mnist" / "3.0.1", tmp_path / "mnist" / "3.0.1"))
    rng = random.Random(3)
    for name in ("features.json", "dataset_info.json"):
        content = (folder / name).read_text()
        value = json.loads(content)
        changes = [json.dumps(_with(value, path, rng.choice(_VALUES))) for path in _paths(value)]
        for changed in [*rng.sample(changes, min(len(changes), 12)), "", "{", content[: len(content) // 2], _DEEP]:
            (folder / name).write_text(changed)
            with _in_time():
                try:
                    nk.load_images("mnist", data_dir=tmp_path)
                except (*_ERRORS, pytest.fail.Exception):
                    pass  # refused, or harmless: it came to reading the images
        (folder / name).write_text(content)
