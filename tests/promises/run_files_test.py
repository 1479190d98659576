"""What is read in a run's folder beyond D and configuration: checkpoints, the list of exports, links to elsewhere."""

import dataclasses
import hashlib
import json
import os
import pathlib
import random
import shutil

import numpy as np
import pytest
from helpers import facts, tiny_images
from promises.damage_test import _VALUES, _in_time, _paths, _survives, _with
from storage.npz_test import write_claim

import nas_keras as nk
from nas_keras.evaluators.training import make_recipe
from nas_keras.results import export
from nas_keras.results.export_folder import ExportedChild, read_exported
from nas_keras.results.exportable_run import ExportableRun
from nas_keras.results.repair import repair
from nas_keras.storage import checkpoints
from nas_keras.storage.checkpoints import Checkpoint, read_checkpoints, write_checkpoint
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import write_json

_SPACE = nk.spaces.small()


class _Trained(nk.Evaluator):
    """As a training of children, with a reward at once."""

    def __init__(self):
        self.recipe = make_recipe(tiny_images(count=64), nk.ChildConfig(), nk.TrainConfig(), "none")
        self.source = {"dataset": "dots", "version": "1.0.0", "data_dir": "/nowhere", "splits": {}, "image_size": None}

    def evaluate(self, jobs):
        for job in jobs:
            yield job, nk.Evaluation(sum(job.actions) / 14, epochs=1)


def _start(workdir):
    settings = {"strategy": "random", "max_evaluations": 12, "batch_size": 4, "workdir": workdir}
    return nk.search(_SPACE, _Trained(), **settings).trials


@pytest.fixture(scope="module", name="original")
def _original(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("original") / "run"
    best = max(_start(workdir), key=lambda trial: trial.reward)
    for name in ("saved_model", "architecture.json", "MODEL_CARD.md"):
        (workdir / "best" / name).mkdir(parents=True)
    child = ExportedChild(1, best.key, best.reward, 0.5, 0.5, 1, best.seed, 10, "best/saved_model")
    write_json(workdir / "best" / "children.json", {"children": [dataclasses.asdict(child)]})
    return workdir


@pytest.fixture(name="run")
def _run(original, tmp_path):
    return pathlib.Path(shutil.copytree(original, tmp_path / "run"))


# --- D in order ---------------------------------------------------------------------------------------------------


def _copy(one, other):
    shutil.copy(one, other)


def _swap(one, other):
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


@pytest.mark.parametrize(
    ("do", "one", "other", "says"),
    [
        pytest.param(_copy, 1, 2, "Record 0 of {other} is trial 4 instead of trial 8: the file is a copy", id="twice"),
        pytest.param(_copy, 0, 3, "Record 0 of {other} is trial 0 instead of trial 12", id="once more at the end"),
        pytest.param(_swap, 1, 2, "Record 0 of {one} is trial 8 instead of trial 4", id="in another order"),
    ],
)
def test_shards_that_stand_in_the_wrong_place_are_found_and_the_repair_gives_the_same_d(do, one, other, says, run):
    whole = facts(_start(run))
    paths = {"one": run / f"dataset/trials-{one:06d}.tfrecord", "other": run / f"dataset/trials-{other:06d}.tfrecord"}
    do(*paths.values())
    with pytest.raises(nk.DataError) as caught:
        _start(run)
    assert says.format(**paths) in str(caught.value) and "launch/repair.py" in str(caught.value)
    assert repair(run).problems
    assert facts(_start(run)) == whole


@pytest.mark.parametrize("count", [0, 2])
def test_a_pending_file_of_no_record_or_of_two_is_found(count, run):
    (run / "pending").mkdir(exist_ok=True)
    path = run / "pending" / "a.tfrecord"
    content = (run / "dataset" / "trials-000000.tfrecord").read_bytes()
    path.write_bytes(content if count else b"")
    with pytest.raises(nk.DataError) as caught:
        _start(run)
    assert str(path) in str(caught.value) and "launch/repair.py" in str(caught.value)
    repair(run)
    assert len(_start(run)) == 12


# --- Checkpoints --------------------------------------------------------------------------------------------------


def _seal(path, description):
    text = json.dumps(description, sort_keys=True)
    path.write_text(json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "checkpoint": description}))


def test_fuzz_checkpoints_that_their_own_checksum_agrees_with(tmp_path):
    """A checkpoint that cannot be used is left out, and never an error: D itself is what counts."""
    state = {"num_told": 1, "names": ["a"], "weights": np.arange(6.0)}
    write_checkpoint(tmp_path, Checkpoint(1, "0" * 16, state, [{"policy": 0, "actions": [[0]], "log_probs": None}]))
    path = tmp_path / "batch-000001" / "checkpoint.json"
    description = json.loads(path.read_text())["checkpoint"]
    rng = random.Random(0)
    for way in _paths(description):
        for new in (..., *rng.sample(_VALUES, 5)):
            _seal(path, _with(description, way, new))
            with _in_time():
                assert len(list(read_checkpoints(tmp_path))) <= 1
    for content in (b"[" * 100_000, b"\xff", b"{}", b"1" * 10**6):
        path.write_bytes(content)
        assert list(read_checkpoints(tmp_path)) == []


def test_fuzz_a_checkpoint_of_this_d_with_another_state_is_refused_or_harmless(run):
    shutil.rmtree(run / "checkpoints")
    whole = facts(_start(run))
    config = json.loads((run / "config.json").read_text())
    strategy = nk.strategies.RandomSearch(_SPACE)
    from nas_keras.storage.dataset import Dataset
    from nas_keras.storage.run_config import origin_of

    dataset = Dataset(origin_of(config, run), Workspace(run), read_only=True)
    for batch in dataset.batches[:2]:
        strategy.ask(4)
        strategy.tell(batch)
    write_checkpoint(run / "checkpoints", Checkpoint(2, dataset.digest(2), strategy.state(), []))
    path = run / "checkpoints" / "batch-000002" / "checkpoint.json"
    description = json.loads(path.read_text())["checkpoint"]
    assert facts(_start(run)) == whole
    rng = random.Random(0)
    for way in [way for way in _paths(description) if way[:1] in (("values",), ("open",))][:12]:
        for new in (..., *rng.sample(_VALUES, 4)):
            _seal(path, _with(description, way, new))
            _survives(lambda: _start(run))


@pytest.mark.parametrize("shape", [[2**62], [2**40, 2**10], [2**31 - 1, 2**31 - 1], [-1], [10**10]])
def test_an_array_of_a_checkpoint_takes_no_more_memory_than_its_files_have_for_it(shape, tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(checkpoints.logging, "warning", lambda text, *values: warnings.append(text % values))
    write_checkpoint(tmp_path, Checkpoint(1, "0" * 16, {"weights": np.arange(6.0)}, []))
    folder = tmp_path / "batch-000001"
    write_claim(folder / "state.npz", "array_0", shape)
    description = json.loads((folder / "checkpoint.json").read_text())["checkpoint"]
    description["files"]["state.npz"] = hashlib.sha256((folder / "state.npz").read_bytes()).hexdigest()
    _seal(folder / "checkpoint.json", description)
    assert list(read_checkpoints(tmp_path)) == []
    assert len(warnings) == 1 and "but fewer bytes follow" in warnings[0]


# --- Exports ------------------------------------------------------------------------------------------------------


@pytest.fixture(name="exports")
def _exports(monkeypatch):
    """The children that would be trained for an export."""
    trained = []

    def train(run, final, jobs, trials, exported, *_):
        for rank in jobs:
            trained.append(rank)
            exported[rank] = None

    monkeypatch.setattr(export, "_train_and_export", train)
    monkeypatch.setattr(ExportableRun, "load_images", lambda run: tiny_images(count=64))
    return trained


def test_fuzz_the_list_of_exports_and_what_an_export_reads_of_the_configuration(run, exports):
    assert len(nk.export_best(run, epochs=1)) == 1 and exports == []  # it stands there
    rng = random.Random(0)
    for name in ("best/children.json", "config.json"):
        whole = json.loads((run / name).read_text())
        for way in _paths(whole):
            for new in (..., *rng.sample(_VALUES, 3)):
                (run / name).write_text(json.dumps(_with(whole, way, new)))
                _survives(lambda: nk.export_best(run, epochs=1))
                _survives(lambda: read_exported(Workspace(run)))
        (run / name).write_text(json.dumps(whole))


def test_each_byte_of_the_list_of_exports_is_refused_or_names_no_other_model(run, exports):
    path = run / "best" / "children.json"
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        exports.clear()
        if _survives(lambda: nk.export_best(run, epochs=1)) and not exports:
            (child,) = read_exported(Workspace(run))
            assert child.path == "best/saved_model" and child.rank == 1


@pytest.mark.parametrize("elsewhere", ["../elsewhere", "/tmp", "best/../best/saved_model", "."])
def test_a_model_elsewhere_is_no_export_of_this_run(elsewhere, run, exports):
    (run.parent / "elsewhere").mkdir()
    path = run / "best" / "children.json"
    children = json.loads(path.read_text())
    children["children"][0]["path"] = elsewhere
    path.write_text(json.dumps(children))
    nk.export_best(run, epochs=1)
    assert exports == [1]


def test_fuzz_where_the_images_of_an_export_lie(run):
    config = json.loads((run / "config.json").read_text())
    rng = random.Random(0)
    for way in _paths(config["source"]):
        for new in (..., *rng.sample(_VALUES, 4)):
            (run / "config.json").write_text(json.dumps({**config, "source": _with(config["source"], way, new)}))
            assert not _survives(lambda: nk.export_best(run, epochs=2))


# --- Links to elsewhere -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [".config.json.tmp", "dataset/.trials-000003.tfrecord.tmp", "lock", "checkpoints/.checkpoint.tmp"]
)
def test_a_link_in_a_runs_folder_leads_no_file_out_of_it(name, run):
    precious = run.parent / "precious"
    precious.mkdir() if "checkpoint.tmp" in name else precious.write_text("precious")
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(precious)
    (run.parent / "nothing").exists()
    _survives(lambda: nk.search(_SPACE, _Trained(), strategy="random", max_evaluations=16, batch_size=4, workdir=run))
    assert list(precious.iterdir()) == [] if precious.is_dir() else precious.read_text() == "precious"


def test_a_lock_that_is_a_link_to_nothing_makes_no_file_there(run):
    (run / "lock").unlink()
    (run / "lock").symlink_to(run.parent / "made")
    with pytest.raises(nk.InvalidValueError, match="cannot be written: Too many levels of symbolic links"):
        _start(run)
    assert not os.path.lexists(run.parent / "made")


def test_names_of_a_checkpoint_do_not_reach_a_terminal(tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(checkpoints.logging, "warning", lambda text, *values: warnings.append(text % values))
    write_checkpoint(tmp_path, Checkpoint(1, "0" * 16, {}, []))
    path = tmp_path / "batch-000001" / "checkpoint.json"
    description = json.loads(path.read_text())["checkpoint"]
    for changed in ({"version": "\x1b[2J"}, {"files": {"\x1b[2J": ""}}):
        _seal(path, {**description, **changed})
        assert list(read_checkpoints(tmp_path)) == []
    assert len(warnings) == 2 and all(text.isprintable() for text in warnings)


# --- Arguments of evaluators (rows for CALLS in bad_input_test.py) -------------------------------------------------


@pytest.mark.parametrize(
    ("call", "value", "allowed"),
    [
        (lambda: nk.TrainingEvaluator("mnist"), "images='mnist'", "an nk.Images."),
        (
            lambda: nk.TrainingEvaluator(tiny_images(64), child={"filters": 4}),
            "child={'filters': 4}",
            "nk.ChildConfig.",
        ),
        (lambda: nk.TrainingEvaluator(tiny_images(64), train=3), "train=3", "an nk.TrainConfig."),
        (lambda: nk.TrainingEvaluator(tiny_images(64), workers=10**30), "workers=1000", "an integer of at most 1,024."),
        (
            lambda: nk.TrainingEvaluator(tiny_images(64), child_timeout=1e300),
            "child_timeout=1e+300",
            "at most 1,000,000.",
        ),
        (lambda: nk.TrainingEvaluator(tiny_images(64), measure_test="no"), "measure_test='no'", "True or False."),
        (lambda: nk.TableEvaluator(3), "path=3", "the folder of a table."),
    ],
)
def test_wrong_arguments_of_evaluators(call, value, allowed):
    with pytest.raises(nk.InvalidValueError) as caught:
        call()
    assert value in str(caught.value) and allowed in str(caught.value)
