"""Tests of nas_keras/_launch/flags.py, in processes of their own since absl's flags are the process's."""

import json

import pytest
from helpers import ROOT, run_launch, run_python

_SCRIPT = f"""
import json, sys
from absl import flags
from nas_keras._launch import flags as shared

flags.DEFINE_string("table", None, "A table.")
flags.DEFINE_list("runs", [], "Runs.")
space = shared.SpaceFlags(for_table="table" in sys.argv[1])
images = shared.ImageFlags({str(ROOT / "launch" / "search.py")!r}, dataset="A data set.", prepare=True)
workers = shared.WorkerFlags()
answers = []
for arguments in json.loads(sys.argv[2]):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS.flag_values_dict():
        flags.FLAGS[name].unparse()
    flags.FLAGS(["script", *arguments[1:]])
    try:
        answers.append(repr(eval(arguments[0])))
    except Exception as error:
        answers.append(f"{{type(error).__name__}}: {{error}}")
print(json.dumps(answers))
"""


def _ask(*cases: list[str], kind: str = "any") -> list[str]:
    """For each [expression, flag, ...]: what the expression gives under these flags, or the error."""
    done = run_python(_SCRIPT, kind, json.dumps(cases))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_space():
    names = "(space.space().name, space.arguments())"
    assert _ask(
        [names],
        [names, "--space=large"],
        [names, "--space=large", "--num_nodes=2"],
        [names, "--num_nodes=2"],
        [names, "--space=huge"],
        ["space.space().name", "--space=large", "--num_nodes=5"],
    ) == [
        "('small', ['--space=small'])",
        "('large3', ['--space=large', '--num_nodes=3'])",
        "('large2', ['--space=large', '--num_nodes=2'])",
        "InvalidValueError: --num_nodes=2 is for --space=large; the small space has two.",
        "InvalidValueError: space='huge' is unknown. Allowed: small, large.",
        "'large5'",
    ]


def test_a_space_that_is_too_large_for_a_table():
    (answer,) = _ask(["space.space()", "--space=large", "--num_nodes=5"], kind="table")
    assert answer.endswith("--num_nodes=5: 7,864,320 encodings are too many for a table; use 1 to 4 nodes.")


def test_the_table_of_a_space():
    shipped, none, missing = _ask(
        ["space.shipped_table(images.testdata)"],
        ["space.shipped_table(images.testdata)", "--space=large", "--num_nodes=8"],
        ["space.shipped_table('/nowhere/testdata')"],
    )
    assert shipped == repr(str(ROOT / "testdata" / "rewards" / "mnist_small"))
    assert none.startswith("InvalidValueError: --reward=table needs --table: no table is shipped for --space=large --n")
    says = "The tables that come with nas_keras are missing: /nowhere/testdata/rewards is not there. Install nas_keras"
    assert missing.startswith(f"InvalidValueError: {says} again")


def test_mnist_is_in_testdata_unless_a_folder_is_named():
    testdata = repr(str(ROOT / "testdata"))
    folder = "images.folder(images.dataset.value)"
    assert _ask(
        [folder], [folder, "--dataset=MNIST:3.0.1"], [folder, "--data_dir="], [folder, "--dataset=cifar10"],
        [folder, "--data_dir=there"], [folder, "--dataset=cifar10", "--data_dir=there"],
    ) == [testdata, testdata, testdata, "None", "'there'", "'there'"]  # fmt: skip


def test_the_size_of_images():
    size = "images.image_size()"
    refused = "InvalidValueError: --image_size={} is not allowed: write height,width in pixels, such as 32,32."
    assert _ask([size], [size, "--image_size=8,16"], [size, "--image_size=8"], [size, "--image_size=8,-1"]) == [
        "None", "(8, 16)", refused.format("8"), refused.format("8,-1")
    ]  # fmt: skip


def test_images_are_loaded():
    image, refused = _ask(
        ["images.images().image_shape", "--image_size=14,14"],
        ["images.images('mnist')", "--data_dir=/nowhere"],
    )
    assert image == "(14, 14, 1)" and "/nowhere" in refused


def test_workers():
    values = "(workers.check(), workers.workers, workers.child_timeout)"
    assert _ask([values], [values, "--workers=2", "--child_timeout=5"]) == ["(None, None, None)", "(None, 2, 5.0)"]
    refused = _ask([values, "--workers=0"], [values, "--child_timeout=0.1"])
    assert refused[0].startswith("InvalidValueError: workers=0 is not allowed")
    assert refused[1].startswith("InvalidValueError: child_timeout=0.1 is not allowed")


def test_flags_that_are_required_or_refused():
    require = "shared.check_given('table', 'the folder of a table', 'runs/table')"
    refuse = "shared.refuse_given(['table', 'runs'], 'is wrong.')"
    missing = "InvalidValueError: --table is missing: name the folder of a table, such as --table=runs/table."
    assert _ask([require], [require, "--table="], [require, "--table=t"]) == [missing, missing, "None"]
    assert _ask([refuse], [refuse, "--table=t"], [refuse, "--runs=a,b"]) == [
        "None", "InvalidValueError: --table=t is wrong.", "InvalidValueError: --runs=a,b is wrong."
    ]  # fmt: skip


def test_the_folder_of_a_table(tmp_path):
    table = f"--table={tmp_path / 'table'}"
    read = f"shared.output_table([('runs', {str(tmp_path / 'table')!r})])"
    given, refused = _ask(["shared.output_table([])", table], [read, table])
    assert given == repr(tmp_path / "table")
    assert f"{table} is what --runs={tmp_path / 'table'} reads, and would be changed." in refused


@pytest.mark.parametrize("script", ["search.py", "train_child.py"])
def test_help_lists_them_as_the_script_s_own(script):
    text = run_launch(script, "--help").stdout
    for name in ("--space", "--num_nodes", "--dataset", "--data_dir", "--workers", "--child_timeout"):
        assert f"  {name}: " in text
