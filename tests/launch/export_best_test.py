"""Tests of launch/export_best.py: the real script on a run whose rewards are made up; and flags that cannot be."""

import contextlib
import dataclasses
import json
import os
import pty
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from helpers import ROOT, python_path, run_launch, run_launch_many, store_dots

import nas_keras as nk
from nas_keras._tensorflow import load_tensorflow
from nas_keras.children.named_recipes import FINAL
from nas_keras.evaluators.training import make_recipe
from nas_keras.results.formats.architecture_file import read_architecture


@pytest.fixture(scope="module", name="workdir")
def _workdir(tmp_path_factory):
    """A run over three cells; its rewards are said to be of children trained on a data set that can be loaded."""
    folder, space = tmp_path_factory.mktemp("export_best"), nk.spaces.small()
    store_dots(folder / "data")
    images = nk.load_images("dots", data_dir=folder / "data")
    rewards = {}

    def reward(cell):
        return rewards.setdefault(cell.key, 1 - len(rewards) / 10)

    recipe = make_recipe(images, nk.ChildConfig(filters=4, stages=1), nk.TrainConfig(), "none")
    evaluator = nk.FunctionEvaluator(reward, recipe=recipe)
    evaluator.source = images.source
    nk.search(space, evaluator, strategy="random", seed=1, max_evaluations=3, workdir=folder / "run")
    return folder / "run"


@pytest.fixture(scope="module", name="exported")
def _exported(workdir):
    """The finished process of the script."""
    return _run_in_a_terminal(f"--workdir={workdir}", "--ensemble=2", *_FINAL, "--workers=1")


def _run_in_a_terminal(*arguments):
    """The finished process of the script, whose stderr is a terminal; `stderr` holds what that has shown."""
    main, terminal = pty.openpty()
    shown = []

    def read():
        with contextlib.suppress(OSError):  # the process has ended
            while part := os.read(main, 4_096):
                shown.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, ROOT / "launch" / "export_best.py", *arguments]
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT)}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=terminal, text=True, timeout=400, check=False
    )
    os.close(terminal)
    reader.join()
    os.close(main)
    done.stderr = b"".join(shown).decode()
    return done


_FINAL = ["--epochs=1", "--final_recipe=mnist_long_v1", "--final_filters=3"]
WRONG = [
    ([], "--workdir is missing: name the folder of a search, such as --workdir=runs/mnist."),
    (
        ["--workdir={workdir}/nowhere"],
        "/nowhere is not a run folder: it has no config.json. Name the folder of a search.",
    ),
    (["--workdir={workdir}", "--top=0"], "top=0 is not allowed: it must be an integer of at least 1."),
    (["--workdir={workdir}", "--ensemble=1"], "ensemble=1 is not allowed: it must be an integer of at least 2."),
    (
        ["--workdir={workdir}", "--ensemble=4"],
        "ensemble=4 is not allowed: the search has 3 different children that were trained. Use at most as many,",
    ),
    (["--workdir={workdir}", "--epochs=0"], "epochs=0 is not allowed: it must be an integer of at least 1."),
    (["--workdir={workdir}", "--final_recipe=long"], "--final_recipe='long' is unknown. Allowed: mnist_long_v1."),
    (
        ["--workdir={workdir}", "--final_filters=0"],
        "--final_filters=0 is not allowed: it must be an integer of at least",
    ),
    (["--workdir={workdir}", "--epochs=3", "--workers=0"], "workers=0 is not allowed: it must be an integer of at"),
]


@pytest.fixture(scope="module", name="later")
def _later(workdir, exported):
    """The same command again and the wrong ones, in one process; and whether the models were left alone."""
    cases = [["--workdir={workdir}", "--ensemble=2", *_FINAL, "--workers=1"], *(arguments for arguments, _ in WRONG)]
    before = _times(workdir)
    answers = run_launch_many(
        "export_best.py", [[argument.format(workdir=workdir) for argument in arguments] for arguments in cases]
    )
    assert before == _times(workdir) and len(before) > 2
    return answers


def _times(workdir):
    return {path: path.stat().st_mtime_ns for path in (workdir / "best").rglob("*")}


def test_a_line_for_each_child_and_its_model(workdir, exported):
    assert exported.returncode == 0
    assert "Traceback" not in exported.stderr
    assert "A child is trained for only 2 steps (batches of 128 of 275 images, epochs=1)." in exported.stderr
    children = json.loads((workdir / "best" / "children.json").read_text())["children"]
    assert [child["search_reward"] for child in children] == pytest.approx([1.0, 0.9])
    assert exported.stdout.splitlines()[:4] == [
        line
        for child in children
        for line in (
            f"{child['rank']}. {child['name']}: validation {child['valid_accuracy']:.2%} ± {child['valid_error']:.2%}, "
            f"test {child['test_accuracy']:.2%} ± {child['test_error']:.2%} ({child['num_params']:,} parameters)  "
            f"{workdir}/{child['path']}",
            f"   Its validation accuracy in the search was {child['search_reward']:.2%}, and guessing gets "
            f"{child['guessing']:.2%} right.",
        )
    ]
    assert [child["name"] for child in children] != [child["key"] for child in children]  # cells are written as cells
    assert exported.stdout.splitlines()[2].endswith("/best/rank_2/saved_model")
    for child in children:
        assert (workdir / child["path"] / "saved_model.pb").is_file() and child["epochs"] == 1


def test_the_final_network_and_training_are_recorded_and_loaded_again(workdir, exported):
    children = json.loads((workdir / "best" / "children.json").read_text())["children"]
    recipe, child = FINAL["mnist_long_v1"], nk.ChildConfig(filters=3, stages=1)
    for number, described in enumerate(children, start=1):
        assert described["recipe"] == "mnist_long_v1" and described["epochs"] == 1
        assert described["changes"] == {
            "filters": 3, "shift": recipe.shift, "rotate": recipe.rotate, "ema": recipe.ema,
            "label_smoothing": recipe.label_smoothing, "weight_decay": recipe.weight_decay,
        }  # fmt: skip
        folder = workdir / "best" if number == 1 else workdir / "best" / f"rank_{number}"
        architecture = read_architecture(folder / "architecture.json")
        assert architecture.child == child and architecture.train == dataclasses.replace(recipe, epochs=1)
        card = (folder / "MODEL_CARD.md").read_text()
        assert "mnist_long_v1" in card and "filters 3, shift" in card
        assert nk.load_model(workdir, number).count_params() == described["num_params"]


def test_the_children_are_exported_as_one_model_too(workdir, exported):
    folder = workdir / "best" / "ensemble"
    described = json.loads((folder / "ensemble.json").read_text())
    assert described["children"] == json.loads((workdir / "best" / "children.json").read_text())["children"]
    accuracies = [child["test_accuracy"] for child in described["children"]]
    assert exported.stdout.splitlines()[4:] == [
        f"Ensemble of the 2 best children: validation {described['valid_accuracy']:.2%} ± "
        f"{described['valid_error']:.2%}, test {described['test_accuracy']:.2%} ± {described['test_error']:.2%} "
        f"({described['num_params']:,} parameters)  {folder / 'saved_model'}",
        f"   The test accuracies of its members are {min(accuracies):.2%} to {max(accuracies):.2%}, and guessing gets "
        f"{described['guessing']:.2%} right.",
    ]
    contents = {path.name for path in folder.iterdir()}
    formats = {"saved_model", "model.keras", "model.tflite", "model.onnx"}
    assert contents >= {*formats, "MODEL_CARD.md", "architecture.json"}
    assert not {name for name in contents if name.startswith(".")}
    assert len(json.loads((folder / "architecture.json").read_text())["members"]) == 2
    card = (folder / "MODEL_CARD.md").read_text()
    assert card.startswith("# Ensemble of the 2 best children\n") and "were left out" not in card


def test_the_exported_ensemble_is_loaded_as_a_keras_model(workdir, exported):
    images, labels = nk.load_images("dots", data_dir=workdir.parent / "data").test()
    ensemble = nk.load_model(workdir, ensemble=True)
    tf = load_tensorflow()
    mean = np.mean([tf.nn.softmax(nk.load_model(workdir, rank).predict(images, verbose=0)) for rank in (1, 2)], axis=0)
    assert np.abs(tf.nn.softmax(ensemble.predict(images, verbose=0)) - mean).max() < 1e-6
    described = json.loads((workdir / "best" / "ensemble" / "ensemble.json").read_text())
    assert described["test_accuracy"] == float(np.float32((mean.argmax(-1) == labels).mean()))
    assert ensemble.count_params() == described["num_params"]


def test_there_is_no_ensemble_to_load(tmp_path):
    says = r"has no ensemble. Export one by nk.export_best\(workdir, ensemble="
    with pytest.raises(nk.InvalidValueError, match=says):
        nk.load_model(tmp_path, ensemble=True)


def test_a_terminal_shows_the_epochs(exported):
    assert "2/2 epochs of the final training |" in exported.stderr


def test_the_same_command_again_trains_nothing_and_says_the_same(exported, later):
    assert later[0] == (None, exported.stdout)


@pytest.mark.parametrize("case", range(len(WRONG)), ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_what_cannot_be_is_refused(later, case):
    (kind, text), output = later[case + 1]
    assert kind == "InvalidValueError" and output == ""
    assert WRONG[case][1] in text


def test_a_mistake_ends_with_exit_code_2_and_no_traceback(tmp_path):
    done = run_launch("export_best.py", f"--workdir={tmp_path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: {tmp_path} is not a run folder: it has no config.json. Name the folder of a search.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_search_of_a_table_finds_its_images_and_quiet_shows_no_epochs(workdir, tmp_path):
    """Its configuration names the table; the recipe of the rewards names the data set."""
    shutil.copytree(workdir, tmp_path / "run", ignore=shutil.ignore_patterns("best"))
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["source"] = {"table": "some/table"}
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    done = _run_in_a_terminal(
        f"--workdir={tmp_path / 'run'}",
        "--epochs=1",
        "--workers=1",
        "--quiet",
        f"--data_dir={workdir.parent / 'data'}",
    )
    assert done.returncode == 0 and "epochs of the final training" not in done.stderr, done.stderr
    assert (tmp_path / "run" / "best" / "saved_model").is_dir()
