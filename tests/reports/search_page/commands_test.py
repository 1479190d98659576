"""Tests of nas_keras/reports/search_page/commands.py: printed commands, read by the real flags of launch/search.py."""

import dataclasses
import json
import shlex

import pytest
from helpers import ROOT, run_python

import nas_keras as nk
from nas_keras import strategies
from nas_keras.children.named_recipes import settings_of
from nas_keras.reports.rendering import in_one_line
from nas_keras.reports.search_page.commands import search_command
from nas_keras.results.runs import read_runs

_SOURCE = {"dataset": "dots", "version": "1.0.0", "data_dir": "/data of mine", "image_size": None}
_RECIPE = {
    "data": {"name": "dots", "digest": "0" * 64, "num_classes": 4},
    "child": settings_of(nk.ChildConfig()),
    "train": settings_of(nk.TrainConfig()),
    "distribute": "none",
}
_TRAINED = {"onednn": "1"}


def _run(folder, *, space=None, recipe=None, source=None, environment=None, strategy="random", limits=None, **settings):
    """A run that says it came from such an evaluator."""
    space = space or nk.spaces.small()
    child = nk.Evaluation(0.5, valid_accuracy=0.5, num_params=7, flops=3.0)
    evaluator = nk.FunctionEvaluator(lambda cell: child, recipe={**_RECIPE, **(recipe or {})})
    evaluator.limits = limits or nk.Limits()
    evaluator.source, evaluator.environment = _SOURCE if source is None else source, environment or _TRAINED
    settings = {"max_evaluations": 2, "batch_size": 2, **settings}
    nk.search(space, evaluator, strategy=strategy, workdir=folder, **settings)
    (run,) = read_runs([folder])
    return run


_PARSE = """
import dataclasses, importlib.util, json, sys
from absl import flags
spec = importlib.util.spec_from_file_location("script", sys.argv[1])
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)
from nas_keras.children.named_recipes import settings_of
answers = []
for arguments in json.loads(sys.argv[2]):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS.flag_values_dict():
        flags.FLAGS[name].unparse()
    assert flags.FLAGS(["script", *arguments]) == ["script"]
    given = flags.FLAGS.flag_values_dict()
    script._REWARD.check(exports=False)
    settings = script._SEARCH.settings(script._SPACE.space(), [])
    child, train = script._REWARD._child.make(), script._REWARD._train.make()
    answers.append({
        "space": [settings.space.name, settings.space.fingerprint],
        "strategy": {"name": given["strategy"], "config": dataclasses.asdict(settings.strategy_config)},
        "recipe": {"child": settings_of(child), "train": settings_of(train), "distribute": given["distribute"]},
        "budget": {"max_evaluations": given["max_evaluations"], "max_trials": settings.max_trials},
        "images": [given["dataset"], given["data_dir"], script._IMAGES.image_size()],
        "table": [given["reward"], given["table"], given["missing"]],
        "goal": [given["objective"], script._SEARCH.limits().to_json()],
        **{name: given[name] for name in ("seed", "batch_size", "lag", "workdir", "final_epochs", "download")},
    })
print(json.dumps(answers))
"""


def _asked_for(run):
    """What the configuration of a run says, in the form of `_PARSE`."""
    fixed, recipe, source = run.fixed, run.fixed["recipe"], run.config["source"]
    size = source.get("image_size")
    dataset = f"{source['dataset']}:{source['version']}" if "dataset" in source else "mnist"
    of_table = "table" in source
    if of_table:  # the flags of a child stand at their defaults
        recipe = _RECIPE
    return {
        "space": [run.space.name, run.space.fingerprint],
        "strategy": {name: fixed["strategy"][name] for name in ("name", "config")},
        "recipe": {name: recipe[name] for name in ("child", "train", "distribute")},
        "budget": {name: run.config["budget"][name] for name in ("max_evaluations", "max_trials")},
        "images": [dataset, source.get("data_dir"), size],
        "table": ["table", source["table"], "train" if run.config["environment"] else "error"]
        if of_table
        else ["train", None, "error"],
        "goal": [fixed["objective"] or "accuracy", fixed["limits"]],
        **{name: fixed[name] for name in ("seed", "batch_size", "lag")},
        "workdir": str(run.path),
        "final_epochs": 0,
        "download": False,
    }


def _train(**settings):
    return {"train": settings_of(nk.TrainConfig(**settings))}


def test_a_printed_command_asks_for_what_the_configuration_says(tmp_path):
    ppo = {"strategy": "ppo", "strategy_config": {"steps": 2, "units": 8, "entropy": 0.05, "temperature": 0.25}}

    runs = [
        _run(tmp_path / "plain"),
        _run(tmp_path / "with a space in it's name", space=nk.spaces.large(2), seed=7, lag=2, batch_size=3),
        _run(tmp_path / "ppo", **ppo, max_trials=9),
        _run(tmp_path / "filters", recipe={"child": settings_of(nk.ChildConfig(filters=4))}),
        _run(tmp_path / "long", recipe=_train(epochs=5, precision="mixed_float16", jit_compile=True)),
        _run(
            tmp_path / "augmented", recipe=_train(flip=True, rotate=10.0, weight_decay=1e-3, class_weights="balanced")
        ),
        _run(tmp_path / "shaped", recipe={"child": settings_of(nk.ChildConfig(stages=3, stem_stride=1, dropout=0.2))}),
        _run(tmp_path / "batch", recipe=_train(batch_size=32, learning_rate=0.003, warmup=0.1, label_smoothing=0.1)),
        _run(tmp_path / "mirrored", recipe={"distribute": "mirrored"}),
        _run(tmp_path / "size", source={**_SOURCE, "data_dir": None, "image_size": [24, 32]}),
        _run(tmp_path / "limits", limits=nk.Limits(max_params=20_000, max_flops=2.5e6, max_latency_ms=0.75)),
        _run(tmp_path / "objective", objective="accuracy*(params/2e4)^-0.07*(flops/3000000)^1"),
        _run(tmp_path / "own mnist", source={**_SOURCE, "dataset": "mnist", "version": "3.0.1"}),
    ]
    table = _a_table(tmp_path / "a table")
    nk.search(nk.spaces.small(), nk.TableEvaluator(table), strategy="random", max_evaluations=2, workdir=tmp_path / "t")
    runs += read_runs([tmp_path / "t"])
    runs.append(_run(tmp_path / "filled", source={**_SOURCE, "table": str(table)}))
    commands = [search_command(run) for run in runs]
    assert all(command.startswith("python launch/search.py --space=") for command in commands)
    arguments = [shlex.split(command)[2:] for command in commands]
    done = run_python(_PARSE, ROOT / "launch" / "search.py", json.dumps(arguments))
    assert done.returncode == 0, done.stderr
    for run, answer in zip(runs, json.loads(done.stdout), strict=True):
        assert answer == json.loads(json.dumps(_asked_for(run))), run.path


def _a_table(folder):
    from nas_keras.storage.table_writer import write_table
    from nas_keras.trial import Evaluation, Trial, training_seed

    space = nk.spaces.small()
    trials = [
        Trial(0, 0, 0, training_seed(0, space.key(a)), a, (), space.key(a), False, Evaluation(0.5))
        for a in space.enumerate()
    ]
    write_table(folder, trials, space=space, recipe={**_RECIPE, **_train(epochs=3, shift=1)})
    return folder


def test_the_images_of_the_repository_need_no_flag(tmp_path):
    source = {"dataset": "mnist", "version": "3.0.1", "data_dir": "/elsewhere/testdata", "image_size": None}
    run = _run(tmp_path / "run", source=source)
    assert search_command(run) == (
        "python launch/search.py --space=small --epochs=1 --max_evaluations=2 --strategy=random --batch_size=2 --lag=0 "
        f"--seed=0 --final_epochs=0 --workdir={tmp_path / 'run'}"
    )


def test_paths_below_the_current_folder_are_relative(tmp_path, monkeypatch):
    run = _run(tmp_path / "runs" / "one")
    monkeypatch.chdir(tmp_path)
    assert search_command(run).endswith(" --workdir=runs/one")
    monkeypatch.chdir(tmp_path / "runs" / "one" / "dataset")
    assert search_command(run).endswith(f" --workdir={tmp_path}/runs/one")


class _Mine(strategies.Strategy):
    def _ask(self, n, iteration):
        return nk.Proposals([(0, 0)])

    def _tell(self, trials, iteration):
        pass


def _minus_params(evaluation):
    return -float(evaluation.num_params)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"source": {}}, "it was made in Python, on arrays or with a function of its own, which no flag can name"),
        ({"recipe": {"operation_code": {"own": {"own": "1"}}}}, "the file with its code is not recorded"),
        # A flag of a fraction gives 1.0, which is another recipe than 1.
        ({"recipe": _train(learning_rate=1)}, "there is no flag for learning_rate of its recipe's train"),
        (
            {"recipe": {"child": {**settings_of(nk.ChildConfig()), "depth": 1}}},
            "there is no flag for depth of its recipe's child",
        ),
        ({"recipe": {"operations": {"mine": "1"}}}, "there is no flag for some parts of its recipe"),
        ({"strategy": _Mine(nk.spaces.small()), "max_trials": 1}, "_Mine is not the name of a strategy"),
        ({"objective": _minus_params}, "its objective is a function"),
        ({"source": {"table": "t"}}, "children that its table lacked were trained on arrays"),
        ({"warm_start_from": "other"}, "it had a warm start, whose folder its configuration does not name"),
    ],
)
def test_what_has_no_flag_was_made_in_python_and_prints_no_command(tmp_path, settings, reason):
    settings = dict(settings)
    if "warm_start_from" in settings:
        _run(tmp_path / "other")
        settings["warm_start_from"] = tmp_path / "other"
    if isinstance(settings.get("strategy"), _Mine):
        settings["space"] = settings["strategy"].space
    run = _run(tmp_path / "run", **settings)
    assert search_command(run) == f"# No command repeats {run.path}: {reason}."


def test_a_space_with_operations_of_ones_own_has_no_command(tmp_path):
    run = _run(tmp_path / "run")
    other = dataclasses.replace(run, space=nk.spaces.large(2, operations=("conv_3x3", "mine")))
    assert "there is no flag for its space" in search_command(other)
    assert "there is no flag for its space" in search_command(
        dataclasses.replace(run, space=nk.SearchSpace("mine", nk.spaces.small().decisions))
    )


def test_a_file_of_the_users_and_the_names_in_it_are_flags(tmp_path):
    run = _run(tmp_path / "run")
    fixed, named = run.fixed, {"files": [str(tmp_path / "my.py")], "space": "my.cells", "build": None}
    own = {**fixed["recipe"], "operation_code": {"own": {"own": "1"}}}
    other = nk.SearchSpace("mine", nk.spaces.small().decisions)
    config = {**run.config, "fixed": {**fixed, "recipe": own}, "program": named}
    command = search_command(dataclasses.replace(run, space=other, config=config))
    assert command.startswith(f"python launch/search.py --import={tmp_path}/my.py --space=my.cells --")
    built = {name: part for name, part in fixed["recipe"].items() if name != "child"} | {"build_code": {"build": "1"}}
    config |= {"fixed": {**fixed, "recipe": built}, "program": {**named, "build": "build"}}
    command = search_command(dataclasses.replace(run, space=other, config=config))
    assert " --space=my.cells --build=build --epochs=1 " in command and "--filters" not in command


@pytest.mark.parametrize("name", ["a  b", "a\nb", "a```b"])
def test_a_command_that_a_page_cannot_show_is_a_comment(name):
    command = f"python launch/search.py {shlex.quote(f'--workdir={name}')}"
    assert in_one_line(command).startswith("# A name in it cannot be shown here: python launch/search.py")
    assert "\n" not in in_one_line(command) and "```" not in in_one_line(command)
    assert in_one_line("python launch/search.py '--workdir=a b'") == "python launch/search.py '--workdir=a b'"
