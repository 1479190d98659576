"""Tests of launch/search.py: the real script on a tiny data set, then its files; and flags that cannot be."""

import dataclasses
import json
import re
import shlex
import shutil

import pytest
from helpers import read_scalars, run_launch, run_launch_many, store_dots, tiny_images

import nas_keras as nk
from nas_keras.evaluators.training import make_recipe
from nas_keras.reports.search_page.commands import search_command
from nas_keras.results.runs import read_runs
from nas_keras.storage.table_writer import write_table


@pytest.fixture(scope="module", name="data_dir")
def _data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    store_dots(folder)
    return folder


def _write_table(path, space, recipe):
    """A table in which the reward grows with the place of a key among the keys."""
    encodings = list(space.enumerate(distinct=True))
    trials = [
        nk.Trial(i, 0, 0, 0, encoding, (), space.key(encoding), False, _evaluation((i + 1) / len(encodings)))
        for i, encoding in enumerate(encodings)
    ]
    write_table(path, trials, space=space, recipe=recipe)


def _evaluation(accuracy):
    return nk.Evaluation(accuracy, valid_accuracy=accuracy, num_params=round(10_000 * accuracy))


@pytest.fixture(scope="module", name="tables")
def _tables(tmp_path_factory, data_dir):
    """A table of trainings on the data set, one on other images, and one of a function."""
    folder, space = tmp_path_factory.mktemp("tables"), nk.spaces.large(2)
    images = nk.load_images("dots", data_dir=data_dir)
    child, train = nk.ChildConfig(filters=4), nk.TrainConfig()
    _write_table(folder / "dots", space, make_recipe(images, child, train, "none"))
    _write_table(folder / "other", space, make_recipe(tiny_images(count=64), child, train, "none"))
    _write_table(folder / "function", space, {"function": "f"})
    return folder


@pytest.fixture(scope="module", name="first")
def _first(tmp_path_factory, data_dir):
    """The script as a user calls it, once: (workdir, its flags, the finished process)."""
    workdir = tmp_path_factory.mktemp("search") / "runs" / "dots"
    arguments = f"""--workdir={workdir} --dataset=dots --data_dir={data_dir} --space=small --max_evaluations=3
        --batch_size=2 --filters=4 --epochs=1 --train_batch_size=128 --stem_stride=2 --final_epochs=1 --workers=1
        --strategy_config=steps=2,units=8""".split()
    return workdir, arguments, run_launch("search.py", *arguments)


_SETTINGS = """--flip --rotate=10 --shift=1 --weight_decay=0.01 --label_smoothing=0.1 --class_weights=balanced
    --dropout=0.2 --learning_rate=0.005 --warmup=0.1 --batch_norm_momentum=0.8""".split()


@pytest.fixture(scope="module", name="later")
def _later(tmp_path_factory, first, data_dir, tables):
    """More calls, in one process: name -> (exception or None, output)."""
    workdir, arguments, _ = first
    runs = tmp_path_factory.mktemp("later")
    large = "--space=large --num_nodes=2 --strategy=random --reward=table --batch_size=64".split()
    dots = ["--dataset=dots", f"--data_dir={data_dir}"]
    cases = {
        "again": arguments,
        "table": [*large, f"--table={tables / 'function'}", f"--workdir={runs / 'table'}", "--final_epochs=0"],
        "limited": [*large, f"--table={tables / 'function'}", f"--workdir={runs / 'limited'}", "--final_epochs=0"]
        + ["--max_params=5000", "--objective=accuracy * (params/1000)^-2"],
        "limited again": [*large, f"--table={tables / 'function'}", f"--workdir={runs / 'limited'}"]
        + ["--final_epochs=0", "--max_params=6000"],
        "latency": [*large, f"--table={tables / 'function'}", f"--workdir={runs / 'latency'}", "--final_epochs=0"]
        + ["--max_latency_ms=1"],
        "trained table": [*large, f"--table={tables / 'dots'}", f"--workdir={runs / 'trained'}", *dots]
        + ["--final_epochs=1", "--max_evaluations=3", "--workers=1"],
        "other seed": [*arguments, "--seed=1"],
        "settings": [*dots, f"--workdir={runs / 'settings'}", "--max_evaluations=1", "--batch_size=1", "--lag=0"]
        + ["--epochs=2", "--filters=2", "--final_epochs=2", "--workers=1", "--strategy=random", *_SETTINGS],
        "fewer flags": [*dots, f"--workdir={runs / 'settings'}", "--max_evaluations=1", "--batch_size=1", "--lag=0"]
        + ["--filters=2", "--final_epochs=0", "--workers=1", "--strategy=random", *_SETTINGS],
        "enough time": [*_of_a_copy(arguments, runs / "enough"), "--max_minutes=600"],
        "no time": [*_of_a_copy(arguments, runs / "short"), "--max_minutes=0.1", "--final_filters=5"],
        "printed": shlex.split(search_command(read_runs([workdir])[0]))[2:],
    }
    before, config = _times(workdir), (workdir / "config.json").read_text()
    answers = dict(zip(cases, run_launch_many("search.py", list(cases.values())), strict=True))
    return {"before": before, "after": _times(workdir), "config": config, "runs": runs, **answers}


def _of_a_copy(arguments, folder):
    """The arguments of a start in a copy of the run in which the best child is not exported yet."""
    (workdir,) = [argument.partition("=")[2] for argument in arguments if argument.startswith("--workdir=")]
    shutil.copytree(workdir, folder)
    shutil.rmtree(folder / "best")
    return [f"--workdir={folder}" if argument.startswith("--workdir=") else argument for argument in arguments]


def _times(workdir):
    return {
        path.relative_to(workdir).as_posix(): path.stat().st_mtime_ns
        for path in workdir.rglob("*")
        if path.is_file() and path.name not in ("config.json", "lock")
    }


def test_a_search_says_what_it_does_and_finds(first):
    workdir, _, done = first
    assert done.returncode == 0
    warning, *_ = [line.partition("] ")[2] for line in done.stderr.splitlines()]
    assert warning.startswith(
        "A child is trained for only 2 steps (batches of 128 of 275 images, epochs=1). With fewer"
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Searching with ppo, seed 0: up to 3 cells of the small space (64 encodings), ")
    assert "each trained for 1 epoch on 275 images of dots" in lines[0]
    assert any(line.startswith("3 of 64 cells evaluated; ") for line in lines)
    assert "Stopped by: max_evaluations." in done.stdout
    assert "Best cells by validation accuracy (± standard error on 25 images):" in lines
    assert f"The network:   {workdir}/best/saved_model" in lines
    assert f"Curves:        tensorboard --logdir={workdir}/tensorboard" in lines


def test_the_files_of_a_run(first):
    workdir, _, _ = first
    assert sorted(path.name for path in workdir.iterdir()) == [
        "best",
        "config.json",
        "dataset",
        "lock",
        "pending",
        "tensorboard",
    ]
    shards = sorted(path.name for path in (workdir / "dataset").iterdir())
    assert shards[:2] == ["trials-000000.tfrecord", "trials-000001.tfrecord"]
    assert list((workdir / "pending").iterdir()) == []
    assert (workdir / "best" / "saved_model" / "saved_model.pb").is_file()
    (child,) = json.loads((workdir / "best" / "children.json").read_text())["children"]
    assert child["epochs"] == 1 and child["path"] == "best/saved_model" and 0 <= child["test_accuracy"] <= 1


def test_the_configuration_of_a_run(first, data_dir):
    config = json.loads((first[0] / "config.json").read_text())
    fixed = config["fixed"]
    assert fixed["strategy"] == {"name": "ppo", "config": dataclasses.asdict(nk.PPOConfig(steps=2, units=8))}
    assert (fixed["space"]["name"], fixed["seed"], fixed["batch_size"], fixed["lag"]) == ("small", 0, 2, 1)
    assert fixed["recipe"]["child"]["filters"] == 4 and fixed["recipe"]["data"]["name"] == "dots"
    assert config["budget"] == {"max_evaluations": 3, "max_trials": 60}
    assert config["source"]["data_dir"] == str(data_dir)


def test_the_curves_of_a_run(first):
    scalars = read_scalars(first[0] / "tensorboard")
    assert set(scalars) == {
        "reward/mean",
        "reward/best",
        "search/evaluations",
        "search/cache_hit_rate",
        "search/children_per_hour",
        "entropy/op_1",
        "entropy/op_2",
        "search/failure_rate",
        "policy/policy_loss",
        "policy/entropy_loss",
        "policy/entropy",
        "policy/kl",
        "policy/clip_fraction",
    }
    assert scalars["search/evaluations"][0] == (0, 2) and scalars["search/evaluations"][-1][1] == 3
    assert scalars["search/failure_rate"][0] == (0, 0)
    assert 0 < scalars["policy/entropy"][0][1] <= 4.16  # at most that of the uniform policy, 2 ln 8


def test_the_same_command_again_evaluates_and_exports_nothing_anew(first, later):
    error, output = later["again"]
    assert error is None
    # A start that needs more than a few seconds to go through D again keeps what it came to.
    before, after = (
        {path: time for path, time in later[when].items() if not path.startswith("checkpoints/")}
        for when in ("before", "after")
    )
    assert before == after and "best/saved_model/saved_model.pb" in after
    assert "3 of 64 cells evaluated" in output
    tail = first[2].stdout.partition("\n\n")[2]  # all but the progress
    done, says = (
        "Training the best child for 1 epoch ...",
        "The best child is exported already, trained for 1 epoch; ",
    )
    assert done in tail and says in output and done not in output
    assert output.partition("\n\n")[2] == tail.replace(done, f"{says}nothing is trained.") and "test " in tail


def test_a_run_that_is_continued_is_announced(first, later):
    line = "Continuing the run: 3 trials stored, and 0 finished children of open batches."
    assert line in later["again"][1].splitlines() and "Continuing" not in first[2].stdout


def test_a_time_limit_includes_the_final_training(later):
    error, output = later["enough time"]
    assert error is None
    assert re.search(
        r"\n\d+ min \d+ s for the search and the final training: .* early enough for 1 epoch, each", output
    )
    assert re.search(
        r"\nThe final training of 1 epoch takes about .*; \d+ min \d+ s of the time limit are left\.\n", output
    )
    assert "Training the best child for 1 epoch ..." in output and "The network:" in output


def test_a_final_training_that_does_not_fit_is_not_begun(later):
    error, output = later["no time"]
    assert error is None
    assert re.search(
        r"; \d s of the time limit are left\. So there is none: not even 1 epoch, as in the search", output
    )
    assert (
        f"\nWithout a limit: launch/export_best.py --workdir={later['runs'] / 'short'} --epochs=1 --final_filters=5\n"
        in output
    )
    assert "Training the best child" not in output and "The network:" not in output


def test_a_changed_setting_is_refused(later):
    kind, text = later["other seed"][0]
    assert kind == "InvalidValueError" and "is a run with other settings. seed: 0 before, 1 now." in text


def test_every_setting_reaches_the_recipe_and_defaults_follow_from_the_images(later):
    error, output = later["settings"]
    assert error is None
    lines = output.splitlines()
    assert lines[1:5] == [
        "Settings that no flag gives:",
        "  --stem_stride=1: a stride of 2 is too much for images of 12x12 pixels",
        "  --stages=2: the last one sees 6 pixels along the shorter side of an image of 12x12",
        "  --train_batch_size=32: batches of 128 would give a child 4 training steps, and it needs about 400",
    ]
    config = json.loads((later["runs"] / "settings" / "config.json").read_text())
    recipe = config["fixed"]["recipe"]
    assert recipe["child"] == {
        "filters": 2, "stages": 2, "cells_per_stage": 1, "stem_stride": 1, "batch_norm_momentum": 0.8, "dropout": 0.2
    }  # fmt: skip
    assert recipe["train"] == {
        "epochs": 2, "batch_size": 32, "learning_rate": 0.005, "warmup": 0.1, "shift": 1, "flip": True, "rotate": 10.0,
        "weight_decay": 0.01, "label_smoothing": 0.1, "class_weights": "balanced",
    }  # fmt: skip
    assert config["environment"]["validation_images"] == 25
    assert "Best cells by validation accuracy (± standard error on 25 images):" in lines
    (child,) = json.loads((later["runs"] / "settings" / "best" / "children.json").read_text())["children"]
    valid, test, guess = (child[name] for name in ("valid_error", "test_error", "guessing"))
    assert 0 <= valid <= 0.1 and 0 <= test <= 0.5 / 50**0.5 and 0.25 <= guess < 0.6
    assert f"%, and guessing gets {guess:.2%} right." in lines[-5]


def test_a_run_that_is_continued_keeps_what_no_flag_gives(later):
    error, output = later["fewer flags"]
    assert error is None  # without --epochs, whose default would be 50
    assert "  --epochs=2: the run was begun with it" in output.splitlines()


def test_a_search_over_a_table_of_the_large_space(later):
    error, output = later["table"]
    assert error is None
    assert (
        "129 of 256 cells evaluated; 0 of 129 proposals were repeats, at no cost. Stopped by: space exhausted."
        in output
    )
    assert "  100.00%  " in output
    assert "The network:" not in output and "The run:" in output
    assert sorted(path.name for path in (later["runs"] / "table" / "dataset").iterdir()) == [
        f"trials-{batch:06d}.tfrecord" for batch in range(3)
    ]
    assert not (later["runs"] / "table" / "best").exists()


def test_limits_and_an_objective_are_told_and_kept(later):
    error, output = later["limited"]
    assert error is None
    lines = output.splitlines()
    assert lines[1] == "The reward is accuracy*(params/1000)^-2."
    assert lines[2].startswith("A cell over the limits (max_params=5,000) is not trained, and does not count")
    # The keys have k / 129 of accuracy and 10,000 times as many parameters.
    assert "64 of 256 cells evaluated; 0 of 129 proposals were repeats, at no cost." in output
    assert "Over the limits and not trained: 65 cells." in lines
    best = lines.index("Best cells by accuracy*(params/1000)^-2:") + 1
    assert lines[best].startswith("  0.78% (objective 1.274)         78 parameters  ")
    assert lines[best + 5] == (
        "Pareto front of accuracy against parameters: 64 of all cells evaluated, with 78 to 4,961 parameters."
    )
    kind, text = later["limited again"][0]
    assert kind == "InvalidValueError"
    assert "limits.max_params: 5000 before, 6000 now" in text
    assert 'objective: "accuracy*(params/1000)^-2" before, null now' in text
    kind, text = later["latency"][0]
    assert kind == "InvalidValueError" and "does not hold the ms of" in text
    assert not (later["runs"] / "latency").exists()


def test_the_best_of_a_table_of_trainings_is_trained_and_exported(later):
    error, output = later["trained table"]
    assert error is None
    assert "Training the best child for 1 epoch ..." in output and "The network:" in output
    best = later["runs"] / "trained" / "best"
    assert (best / "saved_model" / "saved_model.pb").is_file()
    (child,) = json.loads((best / "children.json").read_text())["children"]
    assert child["search_reward"] != child["valid_accuracy"]  # the table's are made up


# Flags, and what is said of them. Every case has --workdir but the first; none may write there.
def test_the_command_that_a_page_prints_goes_on_with_the_run(first, later):
    workdir, _, _ = first
    error, output = later["printed"]
    assert error is None and "3 of 64 cells evaluated" in output
    assert json.loads((workdir / "config.json").read_text()) == json.loads(later["config"])


WRONG = [
    (["--workdir="], "--workdir is missing: name the folder of the run, such as --workdir=runs/mnist."),
    (["--space=medium"], "space='medium' is unknown. Allowed: small, large."),
    (["--num_nodes=2"], "--num_nodes=2 is for --space=large; the small space has two."),
    (["--space=large", "--num_nodes=0"], "num_nodes=0 is not allowed: it must be an integer of at least 1."),
    (["--space=large", "--num_nodes=9"], "the large space takes 1 to 8 nodes"),
    (["--strategy=luck"], "strategy='luck' is unknown. Allowed: ppo, "),
    (["--strategy_config=steps"], "--strategy_config='steps' is not allowed: write key=value,..., each key once."),
    (["--strategy_config=steps=1,steps=2"], "--strategy_config='steps=2' is not allowed"),
    (["--strategy_config=pace=1"], "Strategy 'ppo' has no setting 'pace'. It has: learning_rate, clip, "),
    (["--strategy_config=steps=few"], "steps='few' is not allowed: it must be of type int."),
    (["--strategy_config=clip=-1"], "clip=-1.0 is not allowed: it must be a number of at least 0."),
    (["--max_evaluations=0"], "max_evaluations=0 is not allowed: it must be an integer of at least 1."),
    (["--max_trials=0"], "max_trials=0 is not allowed: it must be an integer of at least 1."),
    (["--batch_size=0"], "batch_size=0 is not allowed: it must be an integer of at least 1."),
    (["--lag=-1"], "lag=-1 is not allowed: it must be an integer of at least 0."),
    (["--seed=-1"], "seed=-1 is not allowed: it must be an integer from 0 to 2**31 - 1."),
    (["--reward=luck"], "reward='luck' is unknown. Allowed: train, table."),
    (["--table=some/folder"], "--table=some/folder is for --reward=table; leave it out, or ask for the table."),
    (
        ["--reward=table", "--final_epochs=0", "--space=large", "--num_nodes=4"],
        "--reward=table needs --table: no table is shipped for --space=large --num_nodes=4. Name the folder of one",
    ),
    (["--reward=table", "--precision=float32", "--final_epochs=0"], "--precision=float32 is for --reward=train"),
    (["--reward=table"], "The images of dots have digest "),  # the shipped table is of MNIST
    (["--precision=float8"], "precision='float8' is unknown. Allowed: float32, mixed_float16, mixed_bfloat16."),
    (["--reward=table", "--epochs=3", "--final_epochs=0"], "--epochs=3 is for --reward=train; a table's children"),
    (["--reward=table", "--filters=3", "--final_epochs=0"], "--filters=3 is for --reward=train; a table's children"),
    (["--reward=table", "--table=no/such", "--final_epochs=0"], "no/such: it needs recipe.json"),
    (["--reward=table", "--table={tables}/dots", "--final_epochs=0"], "is of another space than"),
    (
        ["--reward=table", "--table={tables}/function"],
        "rewards do not come from trained children but from {{'function'",
    ),
    (["--reward=table", "--table={tables}/other"], "The images of dots have digest "),
    (["--dataset=dotz"], "name='dotz' is unknown. Close: dots."),
    (["--data_dir={data_dir}/nowhere", "--dataset=mnist"], "mnist/3.0.1 is not prepared in {data_dir}/nowhere/mnist"),
    (["--image_size=12"], "--image_size=12 is not allowed: write height,width in pixels,"),
    (["--image_size=12,wide"], "--image_size=12,wide is not allowed: write height,width in pixels,"),
    (["--image_size=0,12"], "image_size=0 is not allowed: it must be an integer of at least 1."),
    (["--image_size=1,1", "--stages=2"], "An image of 1x1 is too small for 2 stages with stem stride 1"),
    (["--train_batch_size=0"], "--train_batch_size=0 is not allowed: it must be an integer of at least 1."),
    (["--rotate=200"], "--rotate=200.0 is not allowed: it must be a number of at most 180."),
    (["--dropout=1"], "--dropout=1.0 must be below 1; 0.2 to 0.5 are usual."),
    (["--class_weights=even"], "--class_weights='even' is unknown. Allowed: none, balanced."),
    (["--reward=table", "--flip", "--final_epochs=0"], "--flip=True is for --reward=train; a table's children"),
    (["--epochs=0"], "epochs=0 is not allowed: it must be an integer of at least 1."),
    (["--filters=0"], "filters=0 is not allowed: it must be an integer of at least 1."),
    (["--workers=0"], "workers=0 is not allowed: it must be an integer of at least 1."),
    (["--child_timeout=0"], "child_timeout=0.0 is not allowed: it must be a number of at least 1."),
    (["--distribute=many"], "distribute='many' is unknown. Allowed: none, mirrored."),
    (["--distribute=mirrored", "--workers=2"], "distribute='mirrored'"),
    (["--warm_start_from=no/such"], "no/such is neither a run nor a table"),
    (["--reward=table", "--missing=guess"], "missing='guess' is unknown. Allowed: error, train."),
    (["--missing=train"], "--missing=train is for --reward=table"),
    (["--max_minutes=0"], "max_minutes=0.0 is not allowed: it must be a number of at least 0.01."),
    (["--max_minutes=inf"], "max_minutes=inf is not allowed: it must be a number of at least 0.01."),
    (["--final_recipe=long"], "--final_recipe='long' is unknown. Allowed: mnist_long_v1."),
    (["--final_filters=0"], "--final_filters=0 is not allowed: it must be an integer of at least 1."),
    (["--final_stem_stride=99", "--stages=9"], "too small for"),
    (["--final_stem_stride=1", "--final_epochs=0"], "--final_stem_stride=1 is for the final training, and --final_epo"),
    (["--final_epochs=-1"], "final_epochs=-1 is not allowed: it must be an integer of at least 0."),
]


@pytest.fixture(scope="module", name="refusals")
def _refusals(tmp_path_factory, data_dir, tables):
    """Every wrong case in one process: (exception, the folder that it must not have made), in their order."""
    folder = tmp_path_factory.mktemp("wrong")
    trained = [f"--data_dir={data_dir}", "--dataset=dots", "--workers=1"]  # where anything would be
    cases = [
        [f"--workdir={folder / str(i)}", *(trained if "--final_epochs=0" not in arguments else [])]
        + [argument.format(data_dir=data_dir, tables=tables) for argument in arguments]
        for i, (arguments, _) in enumerate(WRONG)
    ]
    answers = run_launch_many("search.py", cases)
    return [(error, folder / str(i)) for i, (error, _) in enumerate(answers)]


@pytest.mark.parametrize("case", range(len(WRONG)), ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_what_cannot_be_is_refused_before_anything_is_written(refusals, data_dir, case):
    (kind, text), folder = refusals[case]
    assert kind in ("InvalidValueError", "DataError")
    assert WRONG[case][1].format(data_dir=data_dir) in text
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--space=medium"], "Error: space='medium' is unknown. Allowed: small, large.\n"),
        (["--sapce=small"], "Error: Unknown command line flag 'sapce'. Did you mean: space ?\nSee --help.\n"),
        (["--max_evaluations=many"], "Error: flag --max_evaluations=many: "),
    ],
)
def test_a_wrong_flag_ends_with_exit_code_2_and_no_traceback(tmp_path, arguments, says):
    done = run_launch("search.py", f"--workdir={tmp_path / 'run'}", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(says) and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_flag_has_a_help_text():
    done = run_launch("search.py", "--help")
    for (
        flag
    ) in """space num_nodes strategy strategy_config reward table dataset data_dir download workdir max_evaluations
        max_trials batch_size lag seed workers epochs filters child_timeout final_epochs distribute
        max_minutes precision jit_compile warm_start_from missing""".split():
        assert f"--{flag}: " in done.stdout or f"--[no]{flag}: " in done.stdout, flag
