"""Tests of launch/train_child.py: the real script on a run whose rewards are made up; and flags that cannot be."""

import dataclasses
import re

import pytest
from helpers import run_launch, run_launch_many, store_dots

import nas_keras as nk
from nas_keras.children.named_recipes import FINAL
from nas_keras.evaluators.training import make_recipe
from nas_keras.results.formats.architecture_file import read_architecture
from nas_keras.storage.table import read_table
from nas_keras.trial import training_seed

VGG, BEST = "conv_3x3[conv_3x3]", "identity"

WRONG = [
    (["--from={folder}/run"], "--table is missing: name the folder of the results"),
    ([], "Nothing to train: name searches by --from=runs/one, or cells by --cells=vgg,resnet."),
    (["--from={folder}/run", "--top=0"], "top=0 is not allowed: it must be an integer of at least 1."),
    (["--from={folder}/run", "--seeds=0"], "seeds=0 is not allowed: it must be an integer of at least 1."),
    (["--from={folder}/run", "--epochs=0"], "epochs=0 is not allowed: it must be an integer of at least 1."),
    (["--from={folder}/run", "--shift=-1"], "shift=-1 is not allowed: it must be an integer of at least 0."),
    (
        ["--from={folder}/run", "--num_nodes=3"],
        "--num_nodes=3 beside --from is not allowed: the searches determine it.",
    ),
    (["--cells=vgg", "--top=3"], "--top=3 beside --cells is not allowed: it is for the searches of --from."),
    (["--cells=vgg", "--space=medium"], "space='medium' is unknown. Allowed: small, large."),
    (["--cells=vgg", "--space=small", "--num_nodes=2"], "--num_nodes=2 is for --space=large; the small space has two."),
    (["--cells=vgg", "--num_nodes=1"], "conv_3x3[conv_3x3] does not fit the large space of 1 nodes"),
    (["--from={folder}/nowhere"], "nowhere is not a run folder: it has no config.json."),
    (["--from={folder}/run,{folder}/run"], "run is named twice. Name it once."),
    (["--from={folder}/function"], "The rewards do not come from trained children"),
    (
        ["--from={folder}/run", "--cells=conv_9x9"],
        "--cells: 'conv_9x9' is not the beginning of a key of SearchSpace('large2'",
    ),
    (["--from={folder}/run", "--data_dir={folder}/nowhere"], "{folder}/nowhere"),
    (["--from={folder}/run", "--data_dir={folder}/data", "--workers=0"], "workers=0 is not allowed"),
    (
        ["--from={folder}/run", "--image_size=8,8"],
        "--image_size=8,8 beside --from is not allowed: the searches determine",
    ),
    (["--cells=vgg", "--export=somewhere"], "--export=somewhere is for --cell. Leave it out, or name one cell."),
]


ONE_WRONG = [
    (["--table={folder}/never"], "--table={folder}/never beside --cell is not allowed: it is for tables of cells."),
    (["--cell=conv_3x3["], "'conv_3x3[' is not a cell: at its end, at character 10, the name of an"),
    (["--cell=conv_9x9"], "operation='conv_9x9' is unknown. Allowed: conv_1x3_3x1, "),
    (["--cell={folder}/run/config.json"], "config.json does not describe an exported child"),
    (["--cell={folder}/no.json"], "{folder}/no.json"),
    (["--export={folder}/run"], "holds something else. Name a new folder, or one with an earlier export of a cell."),
    (["--export={folder}/no/no"], "cannot be made: there is no folder {folder}/no."),
    (["--quantize"], "--quantize=True is for --export. Leave it out, or name a folder."),
    (["--seed=-1"], "seed=-1 is not allowed"),
    (["--epochs=0"], "epochs=0 is not allowed"),
    (["--final_recipe=long"], "final_recipe='long' is unknown. Allowed: mnist_long_v1."),
    (["--dataset=nothing"], "name='nothing' is unknown."),
]  # fmt: skip


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    """A run over all cells of two nodes, "identity" the best, as if trained on images that can be loaded."""
    folder, space = tmp_path_factory.mktemp("train_child"), nk.spaces.large(2)
    store_dots(folder / "data")
    images = nk.load_images("dots", data_dir=folder / "data")
    recipe = make_recipe(images, nk.ChildConfig(filters=4, stages=1), nk.TrainConfig(batch_size=64), "none")
    evaluator = nk.FunctionEvaluator(lambda cell: 1.0 if cell.key == BEST else 0.5, recipe=recipe)
    evaluator.source = images.source
    nk.search(space, evaluator, strategy="random", seed=0, max_evaluations=129, batch_size=129, workdir=folder / "run")
    evaluator = nk.FunctionEvaluator(lambda cell: 0.5)
    nk.search(space, evaluator, strategy="random", max_evaluations=1, batch_size=1, workdir=folder / "function")
    return folder


def _arguments(folder):
    return [f"--from={folder / 'run'}", "--top=1", "--cells=vgg", "--epochs=2", "--shift=0", "--seeds=2", "--workers=1"]


@pytest.fixture(scope="module", name="trained")
def _trained(folder):
    """The finished process of the script."""
    return run_launch("train_child.py", *_arguments(folder), f"--table={folder / 'table'}")


@pytest.fixture(scope="module", name="later")
def _later(folder, trained):
    """The same command again and the wrong ones, in one process."""
    table, never = f"--table={folder / 'table'}", f"--table={folder / 'never'}"
    cases = [[*_arguments(folder), table], *([*arguments, never] for arguments, _ in WRONG)]
    cases[1].remove(never)
    cases = [[argument.format(folder=folder) for argument in arguments] for arguments in cases]
    before = _files(folder / "table")
    answers = run_launch_many("train_child.py", cases)
    assert before == _files(folder / "table") and len(before) == 2
    return answers


def _files(table):
    return {path.name: path.stat().st_mtime_ns for path in table.iterdir()}


def test_the_best_and_a_cell_of_people_are_trained_longer_and_tested(folder, trained):
    assert trained.returncode == 0, trained.stderr
    table = read_table(folder / "table")
    assert [(trial.key, trial.seed) for trial in table.trials] == [
        (key, training_seed(run_seed, key)) for run_seed in (0, 1) for key in (BEST, VGG)
    ]
    for trial in table.trials:
        assert trial.evaluation.epochs == 2 and 0 < trial.evaluation.test_accuracy <= 1
    assert table.recipe["child"]["filters"] == 4  # as in the search
    assert table.recipe["train"] == {
        "epochs": 2, "batch_size": 64, "learning_rate": 0.01, "warmup": 0.25, "shift": 0
    }  # fmt: skip


def test_the_standings_are_printed_the_best_first(folder, trained):
    lines = trained.stdout.splitlines()
    assert lines[0].startswith("Validation and test accuracy in %") and lines[-1] == f"The table: {folder / 'table'}"
    trials = read_table(folder / "table").trials
    means = {key: sum(t.evaluation.valid_accuracy for t in trials if t.key == key) / 2 for key in (BEST, VGG)}
    best = max(means, key=means.get)
    assert lines[1].startswith(f"  1. {100 * means[best]:.2f} ± ") and lines[2].startswith("  2. ")
    assert (f"  {VGG}  VGG" in lines[1]) == (best == VGG)
    assert (f"  {BEST}  random search 1" in lines[1]) == (best == BEST)


def test_the_same_command_again_trains_nothing_and_says_the_same(trained, later):
    assert later[0] == (None, trained.stdout)


@pytest.mark.parametrize("case", range(len(WRONG)), ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_what_cannot_be_is_refused_and_nothing_written(folder, later, case):
    error, output = later[1 + case]
    assert error is not None and WRONG[case][1].format(folder=folder) in error[1], error
    assert error[0] in ("InvalidValueError", "DataError") and output == ""
    assert not (folder / "never").exists()


# --- One cell -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="one")
def _one(folder):
    """The finished process of an export of one cell."""
    return run_launch(
        "train_child.py", "--cell=concat(conv_3x3,identity)", "--dataset=dots", f"--data_dir={folder / 'data'}",
        "--epochs=20", "--train_batch_size=32", "--filters=4", "--shift=0", "--seed=3",
        "--final_recipe=mnist_long_v1", "--rotate=0", "--ema=0.9", f"--export={folder / 'one'}",
        "--quantize",  # the accuracy must be beyond doubt for this
    )  # fmt: skip


@pytest.fixture(scope="module", name="more")
def _more(folder, one):
    """Its architecture trained again with other epochs, and wrong flags, in one process."""
    data = ["--dataset=dots", f"--data_dir={folder / 'data'}"]
    cases = [[f"--cell={folder / 'one'}", *data, "--epochs=1"]]
    cases += [["--cell=identity", *data, *arguments] for arguments, _ in ONE_WRONG]
    return run_launch_many("train_child.py", [[text.format(folder=folder) for text in case] for case in cases])


def test_one_cell_is_trained_tested_and_exported(folder, one):
    assert one.returncode == 0, one.stderr
    first, result, place = one.stdout.splitlines()
    assert first == "Training concat(conv_3x3,identity) for 20 epochs on 275 images of dots ..."
    assert place == f"The network:   {folder / 'one'} (MODEL_CARD.md describes it)"
    architecture = read_architecture(folder / "one" / "architecture.json")
    assert architecture.cell.key == "concat(conv_3x3,identity)" and architecture.train == dataclasses.replace(
        FINAL["mnist_long_v1"], epochs=20, batch_size=32, shift=0, rotate=0.0, ema=0.9
    )
    assert architecture.child.filters == 4 and architecture.seed == training_seed(3, architecture.cell.key)
    files = {path.name for path in (folder / "one").iterdir()}
    assert {"saved_model", "model.keras", "model.tflite", "model_int8.tflite", "model.onnx", "cell.svg"} <= files
    images = nk.load_images("dots", data_dir=folder / "data")
    model = nk.load_model(folder / "one")
    accuracy = (model.predict(images.test()[0], verbose=0).argmax(-1) == images.test()[1]).mean()
    shown = rf"validation [\d.]+% ± [\d.]+%, test {accuracy:.2%} ± [\d.]+% \({model.count_params():,} parameters\)\. "
    assert re.search(rf": {shown}Guessing gets [\d.]+% right\.$", result)
    assert "found by a search" not in (folder / "one" / "MODEL_CARD.md").read_text()


def test_the_architecture_of_an_export_is_trained_again_with_its_settings(more):
    error, output = more[0]
    assert error is None
    assert output.startswith("Training concat(conv_3x3,identity) for 1 epoch on 275 images of dots ...\n")
    assert "concat(conv_3x3,identity): validation " in output and "The network:" not in output


@pytest.mark.parametrize("case", range(len(ONE_WRONG)), ids=[" ".join(arguments) for arguments, _ in ONE_WRONG])
def test_what_cannot_be_of_one_cell_is_refused(folder, more, case):
    error, output = more[1 + case]
    assert error is not None and ONE_WRONG[case][1].format(folder=folder) in error[1], error
    assert error[0] in ("InvalidValueError", "DataError") and output == ""
