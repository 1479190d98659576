"""Tests of nas_keras/_launch/reward_flags.py."""

import json

from helpers import ROOT, ask_flags, tiny_images

import nas_keras as nk
from nas_keras.evaluators.training import make_recipe
from nas_keras.storage.run_folder import CONFIG_FORMAT

_DEFINE = f"""
from helpers import tiny_images
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.reward_flags import RewardFlags
from nas_keras._launch.space_flags import SpaceFlags
from nas_keras._launch.user_code import ImportFlags
from nas_keras.storage.run_folder import Workspace

ImportFlags()
flags.DEFINE_integer("final_epochs", 10, "")
image_flags = ImageFlags({str(ROOT / "launch" / "search.py")!r}, dataset="A data set.", folder=True, prepare=True)
reward = RewardFlags(SpaceFlags(), image_flags)
images = tiny_images(count=64)

def configs(workdir="nowhere"):
    return reward.configs(images, Workspace(workdir))
"""
_TABLE = "--reward=table"


def test_who_trains():
    assert ask_flags(
        _DEFINE,
        ["reward.may_train, reward.workers"],
        ["reward.may_train", _TABLE],
        ["reward.may_train", _TABLE, "--missing=train"],
        ["reward.workers", "--workers=3"],
    ) == ["(True, None)", "False", "True", "3"]


def test_flags_that_would_be_ignored_are_refused():
    trains, table, none = (f"InvalidValueError: {{}} is for {what}" for what in (
        "--reward=table; leave it out, or ask for the table.",
        "--reward=train; a table's children were trained already. Leave it out, or train.",
        "children that are trained, and --reward=table --final_epochs=0 trains none. Leave it out.",
    ))  # fmt: skip
    check, only = "reward.check(exports=True)", "reward.check(exports=False)"
    assert ask_flags(
        _DEFINE,
        [check],
        [check, "--table=t"],
        [check, _TABLE],
        [check, _TABLE, "--epochs=2"],
        [check, _TABLE, "--distribute=none"],
        [only, _TABLE, "--workers=1"],
        [only, _TABLE, "--workers=1", "--missing=train"],
        [check, "--missing=x"],
    ) == [
        "None",
        trains.format("--table=t"),
        "None",
        table.format("--epochs=2"),
        table.format("--distribute=none"),
        none.format("--workers=1"),
        "None",
        "InvalidValueError: missing='x' is unknown. Allowed: error, train.",
    ]


def test_settings_that_no_flag_gives_follow_from_the_images():
    answers = ask_flags(
        _DEFINE,
        ["configs().child.stages, configs().child.filters, configs().train.epochs"],
        ["configs().child.filters, configs().train.epochs", "--filters=4", "--epochs=3"],
        ["reward.describe(configs())[0], [line.split('=')[0] for line in reward.describe(configs())[1:]]"],
        ["reward.describe(configs())", "--stages=1", "--epochs=3", "--train_batch_size=8", "--stem_stride=1"],
        ["configs()", _TABLE],
    )
    assert answers[1] == "(4, 3)"
    assert answers[2] == (
        "('Settings that no flag gives:', ['  --stem_stride', '  --stages', '  --train_batch_size', '  --epochs'])"
    )
    assert answers[3:] == ["[]", "None"]


def test_a_run_keeps_the_settings_that_it_was_begun_with(tmp_path):
    recipe = make_recipe(
        tiny_images(count=64), nk.ChildConfig(stages=1, stem_stride=1), nk.TrainConfig(epochs=7), "none"
    )
    config = {"format": CONFIG_FORMAT, "fixed": {"recipe": recipe}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    kept = f"configs({str(tmp_path)!r})"
    values = f"{kept}.child.stages, {kept}.child.stem_stride, {kept}.train.epochs"
    answers = ask_flags(
        _DEFINE,
        [values],
        [values, "--epochs=2"],
        [f"reward.describe({kept})[1]"],
    )
    assert answers == ["(1, 1, 7)", "(1, 1, 2)", "'  --epochs=7: the run was begun with it'"]


def test_the_evaluator():
    make = "reward.evaluator(images, configs(), nk.Limits(max_params=9), measure_latency=False)"
    trained, table, filled, other = ask_flags(
        _DEFINE,
        [f"{make}.recipe['train']['epochs']", "--epochs=3"],
        [f"type({make}).__name__", _TABLE],
        ["reward.read()", _TABLE, "--table=t", "--data_dir=d"],
        [make, _TABLE, "--missing=train"],
    )
    assert trained == "3"
    assert table == "'TableEvaluator'"
    assert filled == "[('table', 't'), ('data_dir', 'd'), ('images', None)]"
    assert other.startswith("DataError: The images of arrays have digest")  # these images are not the table's
