"""Tests of launch/precompute_rewards.py: the real script trains the smallest cell on MNIST; and wrong flags."""

import pytest
from helpers import ROOT, is_nan, run_launch, run_launch_many

import nas_keras as nk
from nas_keras.children import named_recipes
from nas_keras.evaluators.training import make_recipe
from nas_keras.storage.table import read_table
from nas_keras.trial import training_seed

SMALLEST = ["--space=small", "--cells=7,7", "--seeds=1"]  # identity after identity, trained by the whole recipe

WRONG = [
    (["--table="], "--table is missing"),
    (["--space=medium"], "space='medium' is unknown. Allowed: small, large."),
    (
        ["--space=large", "--num_nodes=5"],
        "--num_nodes=5: 7,864,320 encodings are too many for a table; use 1 to 4 nodes.",
    ),
    (["--recipe=mnist_v0"], "recipe='mnist_v0' is unknown. Allowed: mnist_v1, mnist_1epoch_v1."),
    (["--seeds=0"], "seeds=0 is not allowed: it must be an integer of at least 1."),
    (["--cells=7,9"], "--cells: '7' is not the beginning of a key of SearchSpace('small'"),
    (["--shard=3/2"], "--shard='3/2' is not allowed: write i/n with 1 <= i <= n, such as 2/3."),
    (["--shard=half"], "--shard='half' is not allowed"),
    (["--data_dir={folder}/nowhere"], "mnist/3.0.1 is not prepared in"),
    (["--workers=0"], "workers=0 is not allowed: it must be an integer of at least 1."),
    (["--merge={folder}/nowhere"], "There is no table in "),
    (
        ["--merge={folder}/table", "--take_from={folder}/run"],
        "run cannot be combined with --merge, which trains nothing",
    ),
    (["--merge={folder}/table", "--seeds=2"], "--seeds=2 cannot be combined with --merge"),
    (
        ["--take_from={folder}/run", "--recipe=mnist_1epoch_v1"],
        "run has another recipe than the table of SearchSpace('small'",
    ),
]


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    return tmp_path_factory.mktemp("precompute")


@pytest.fixture(scope="module", name="computed")
def _computed(folder):
    """The finished process of the script."""
    return run_launch("precompute_rewards.py", *SMALLEST, "--workers=1", f"--table={folder / 'table'}")


@pytest.fixture(scope="module", name="run")
def _run(folder):
    """A search of the small space whose rewards are made up, and said to be of the recipe's children."""
    named = named_recipes.NAMED["mnist_v1"]
    images = nk.load_images(named.dataset, data_dir=ROOT / "testdata")
    evaluator = nk.FunctionEvaluator(
        lambda cell: len(cell.key) / 100, recipe=make_recipe(images, named.child, named.train, "none")
    )
    nk.search(nk.spaces.small(), evaluator, strategy="random", max_evaluations=64, workdir=folder / "run")


@pytest.fixture(scope="module", name="later")
def _later(folder, computed, run):
    """The same command again, a merge, what a search found taken over, and what cannot be, in one process."""
    taken = [f"--take_from={folder / 'run'}", f"--table={folder / 'taken'}", "--seeds=1", "--workers=1"]
    cases = [
        [*SMALLEST, "--workers=1", f"--table={folder / 'table'}"],
        ["--space=small", f"--merge={folder / 'table'}", f"--table={folder / 'merged'}"],
        ["--space=small", *taken],
        *([f"--table={folder / 'never'}", *arguments] for arguments, _ in WRONG),
    ]
    before = (folder / "table" / "trials-000000.tfrecord").stat().st_mtime_ns
    answers = run_launch_many(
        "precompute_rewards.py", [[argument.format(folder=folder) for argument in arguments] for arguments in cases]
    )
    assert before == (folder / "table" / "trials-000000.tfrecord").stat().st_mtime_ns
    return answers


def test_a_table_of_one_training(folder, computed):
    assert computed.returncode == 0, computed.stderr
    assert computed.stdout == f"These cells are complete: {folder / 'table'}.\n"
    table = read_table(folder / "table")
    (trial,) = table.trials
    assert (trial.key, trial.seed, trial.evaluation.status) == ("7,7", training_seed(0, "7,7"), "ok")
    assert 0.11 < trial.reward < 1 and 0.11 < trial.evaluation.test_accuracy < 1  # one class alone is at most 0.114
    named = named_recipes.NAMED["mnist_v1"]
    assert table.recipe["train"]["epochs"] == trial.evaluation.epochs == named.train.epochs
    assert table.space == nk.spaces.small().fingerprint


def test_the_same_command_again_trains_nothing(folder, later):
    assert later[0] == (None, f"These cells are complete: {folder / 'table'}.\n")


def test_a_merge(folder, later):
    assert later[1] == (None, f"1 record merged into {folder / 'merged'}.\n")
    assert repr(read_table(folder / "merged")) == repr(read_table(folder / "table"))


def test_what_a_search_found_is_not_trained_again(folder, later):
    assert later[2] == (
        None,
        f"64 children taken from {folder / 'run'}.\nThe table is complete: {folder / 'taken'}.\n",
    )
    trials = read_table(folder / "taken").trials
    assert {trial.key: trial.seed for trial in trials} == {
        f"{i},{j}": training_seed(0, f"{i},{j}") for i in range(8) for j in range(8)
    }
    assert all(is_nan(trial.evaluation.test_accuracy) for trial in trials)


_OWN = """
import nas_keras as nk

networks = nk.SearchSpace("networks", [nk.Decision("stride", (7, 14))])


def build(architecture, input_shape, num_classes):
    import tf_keras as keras

    images = keras.Input(input_shape)
    x = keras.layers.AveragePooling2D(architecture[0])(keras.layers.Rescaling(1 / 255)(images))
    return keras.Model(images, keras.layers.Dense(num_classes)(keras.layers.Flatten()(x)))


def other(architecture, input_shape, num_classes):
    return build(architecture, input_shape, num_classes)
"""


def test_a_table_of_networks_of_ones_own_and_a_search_of_it(folder):
    (folder / "own.py").write_text(_OWN)
    own = [f"--import={folder}/own.py", "--space=networks", "--workers=1"]
    table = ["--recipe=mnist_1epoch_v1", "--seeds=1", f"--table={folder}/own"]
    missing, computed, merged = run_launch_many(
        "precompute_rewards.py",
        [
            [*own, *table],
            [*own, *table, "--build=build"],
            [*own, f"--merge={folder}/own", f"--table={folder}/merged_own", "--build=build"],
        ],
    )
    assert missing[0][0] == "InvalidValueError" and "--build" in missing[0][1], missing
    assert computed == (None, f"The table is complete: {folder}/own.\n")
    assert "--build=build cannot be combined with --merge" in merged[0][1]
    found = read_table(folder / "own")
    assert {trial.key: trial.evaluation.num_params for trial in found.trials} == {"0": 170, "1": 50}
    assert {"build", "file own.py"} <= set(found.recipe["build_code"])
    search = [*own, "--reward=table", f"--table={folder}/own", "--strategy=random", "--final_epochs=1"]
    (exported, trained, wrong) = run_launch_many(
        "search.py",
        [
            [*search, f"--workdir={folder}/of_table"],
            [*search, f"--workdir={folder}/of_both", "--missing=train", "--build=build", "--final_epochs=0"],
            [*search, f"--workdir={folder}/of_none", "--build=other"],
        ],
    )
    assert exported[0] is None and "stride=7: validation" in exported[1], exported
    assert trained[0] is None and "stride=7" in trained[1] and (folder / "of_both").exists(), trained
    assert "came from other code: the build function" in wrong[0][1] and not (folder / "of_none").exists()


@pytest.mark.parametrize("case", range(len(WRONG)), ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_what_cannot_be_is_refused_and_nothing_written(folder, later, case):
    error, _ = later[3 + case]
    assert error is not None and WRONG[case][1] in error[1], error
    assert error[0] in ("InvalidValueError", "DataError")
    assert not (folder / "never").exists()
