"""Tests of the commands in the documentation: each launch script takes what a page tells people to type.

A script runs its real `main` on the flags of a command, in a folder that has what the pages name, up to the work: the
training, the search or the writing that begins once all flags and files have been checked. The tests in
`tests/launch/` do that work, scaled down.
"""

import importlib.metadata
import importlib.util
import re
import shutil
import signal
import sys

import documentation
import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from helpers import ROOT, tiny_images
from PIL import Image

import nas_keras as nk
from nas_keras._launch import final_flags, image_flags, reward_flags
from nas_keras._launch import script as _script
from nas_keras.children.network import OwnNetwork
from nas_keras.evaluators.base import Evaluator
from nas_keras.evaluators.training import make_recipe
from nas_keras.storage.table_writer import write_table
from nas_keras.system import user_files

# Where the work of a script begins: names in its module, which are replaced. Every script trains by
# `nk.TrainingEvaluator` and exports by `nk.export_best`. Of a script that is not here the flags are only parsed.
_WORK = {
    "export_best": [],
    "train_child": ["export_cell"],
    "show": ["trial_lines", "write_csv"],
    "to_optuna": ["open_study"],
    "search": ["run_search"],
    "precompute_rewards": ["merge_tables"],
    "report": ["write_report", "write_run_report"],
    "compare_strategies": ["compare"],
    "benchmark": ["_run"],
    "repair": ["repair"],
}
_COMMANDS = [command for command in documentation.shell_commands() if command.script]
_INLINE = documentation.inline_commands()
_OTHERS = sorted({command.words for command in documentation.shell_commands() if not command.script})


class _Begun(BaseException):
    """A script has checked its flags and begins to work."""


def _begin(*_, **__):
    raise _Begun


class _Instant(Evaluator):
    """As a training of networks that takes no time."""

    def __init__(self, images, network):
        self.recipe, self.source = make_recipe(images, network, nk.TrainConfig(), "none"), images.source

    def evaluate(self, jobs):
        for job in jobs:
            yield job, nk.Evaluation(0.5, valid_accuracy=0.5, num_params=10, epochs=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder that holds what the pages name: testdata, an example, a folder of images, runs and tables."""
    world = tmp_path_factory.mktemp("world")
    runs, shipped = world / "runs", ROOT / "testdata"
    shutil.copytree(shipped, world / "testdata", ignore=shutil.ignore_patterns("*.tfrecord-*"))
    shutil.copytree(ROOT / "examples", world / "examples")
    (world / "docs").mkdir()
    for i, name in enumerate(("cat/1", "cat/2", "cat/3", "dog/1", "dog/2", "dog/3")):
        path = world / "photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full([8, 8], 40 * i, np.uint8)).save(path)
    table = nk.TableEvaluator(shipped / "rewards" / "mnist_small")
    nk.search(nk.spaces.small(), table, strategy="random", max_evaluations=2, workdir=runs / "mnist")
    for name in ("mnist_small", "photos", "one", "other"):
        shutil.copytree(runs / "mnist", runs / name)
    shutil.copytree(shipped / "rewards" / "mnist_small", runs / "whole")
    for name in ("large3_ppo", "large3_random", "large3_trained"):
        shutil.copytree(shipped / "runs" / name, runs / name)
    with pytest.MonkeyPatch.context() as patch:  # the scripts import the example as a module, here and not elsewhere
        patch.setattr(user_files, "_MODULES", {})
        patch.setattr(user_files, "_DIGESTS", {})
        example = nk.import_file(world / "examples" / "plain_cnn.py")
        own = _Instant(tiny_images(count=64), OwnNetwork.freeze(example.build))
        done = nk.search(example.plain_cnn, own, strategy="random", max_evaluations=2, workdir=runs / "plain_cnn")
        write_table(runs / "plain_cnn_table", done.trials, space=example.plain_cnn, recipe=own.recipe)
        yield world
        del sys.modules["plain_cnn"]
        sys.path.remove(str(world / "examples"))


@pytest.fixture
def run(world, monkeypatch):
    """Runs a launch script in the world with some flags; raises _Begun if it takes them."""
    monkeypatch.chdir(world)

    for name in ("load_images", "load_source"):  # a data set of TFDS
        monkeypatch.setattr(image_flags, name, lambda *_, **__: tiny_images(count=64))
    for owner in (nk, reward_flags):
        monkeypatch.setattr(owner, "TrainingEvaluator", _begin, raising=False)
    monkeypatch.setattr(nk, "export_best", _begin, raising=False)

    def run(name, arguments, *, names=None):
        """With `names`, flags are only parsed, and the script must have those flags too."""
        spec = importlib.util.spec_from_file_location(f"launch_{name}", ROOT / "launch" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        saved = flagsaver.save_flag_values()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        was_parsed = flags.FLAGS.is_parsed()
        try:
            monkeypatch.setattr(sys, "argv", [f"launch/{name}.py", *arguments])
            spec.loader.exec_module(module)
            if names is not None:
                assert flags.FLAGS(sys.argv)[1:] == []
                assert not names - set(flags.FLAGS), f"{name}.py has no flags {names - set(flags.FLAGS)}"
                return
            for work in _WORK.get(name, ()):
                monkeypatch.setattr(module, work, _begin)
            for user in (module, final_flags, reward_flags):  # the images here are not those of the shipped tables
                monkeypatch.setattr(user, "check_exportable", lambda *_: None, raising=False)
            _script.run(module.main)
        finally:
            flagsaver.restore_flag_values(saved)
            if not was_parsed:
                flags.FLAGS.unparse_flags()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    return run


@pytest.mark.parametrize("command", _COMMANDS, ids=[f"{c.page} {' '.join(c.flags)[:70]}" for c in _COMMANDS])
def test_a_script_takes_the_command_of_a_page(command, run, world, capsys):
    before = sorted(world.rglob("*"))
    try:
        run(command.script, command.flags, names=None if command.script in _WORK else set())
        assert command.script not in _WORK, "its work is another one"
    except _Begun:
        assert sorted(world.rglob("*")) == before
    except SystemExit:
        pytest.fail(f"{command.page}: {' '.join(command.words)}\n{capsys.readouterr().err}")


def test_a_wrong_command_is_found(run, world):
    for flags_ in (["--workdir=runs/new", "--epoch=3"], ["--workdir=runs/new", "--epochs=0"], ["--workdir="]):
        with pytest.raises(SystemExit) as ended:
            run("search", flags_)
        assert ended.value.code == 2


@pytest.mark.parametrize("command", _INLINE, ids=[f"{c.page} {' '.join(c.words)[:70]}" for c in _INLINE])
def test_a_script_has_the_flags_that_a_text_names(command, run):
    given = [word for word in command.flags if re.fullmatch(r"--\w+=.*[^.]", word)]
    names = re.findall(r"--(\w+)", " ".join(command.flags))
    run(command.script, given, names=set(names) - {"help"})


def test_every_other_command_is_known():
    """make, pip, an example, and programs of libraries; other tests run what is ours."""
    unknown = []
    for words in _OTHERS:
        program = words[0].rpartition("/")[2]
        if program == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            is_known = set(words[1:]) <= set(targets)
        elif program == "pip":
            is_known = words[1] == "install" and _is_installable(words[2:])
        elif program == "python":
            is_known = words[1].startswith("examples/") or words[1:] in (
                ("-m", "nas_keras"),
                ("-m", "http.server", "--directory", "site"),
            )
        elif program in ("tensorboard", "saved_model_cli", "optuna-dashboard"):
            is_known = any(point.name == program for point in importlib.metadata.entry_points(group="console_scripts"))
        else:
            is_known = (ROOT / words[0]).is_file()
        unknown += [] if is_known else [" ".join(words)]
    assert unknown == []


def _is_installable(words):
    """Whether `pip install` has the pins of requirements-tf-agents.txt or an extra of setup.py."""
    if words[0] == "--no-deps":
        lines = (ROOT / "requirements-tf-agents.txt").read_text().splitlines()
        return sorted(words[1:]) == sorted(line for line in lines if line and not line.startswith("#"))
    extra = re.fullmatch(r"\.(?:\[(\w+)\])?", words[-1])
    return extra is not None and (extra[1] is None or f'"{extra[1]}": [' in (ROOT / "setup.py").read_text())
