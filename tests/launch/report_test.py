"""Tests of launch/report.py: the real script on a small table that is made up; and wrong flags."""

import numpy as np
import pytest
from helpers import ROOT, run_launch, run_launch_many, run_python

import nas_keras as nk
from nas_keras.storage.table_writer import write_table
from nas_keras.trial import training_seed

WRONG = [
    ([], "--table is missing: name the folder of a table"),
    (["--table={folder}/table", "--output="], "--output is missing: name the folder of the page"),
    (["--table={folder}/table", "--space=medium"], "space='medium' is unknown. Allowed: small, large."),
    (["--table={folder}/table", "--num_nodes=2"], "--num_nodes=2 is for --space=large; the small space has two."),
    (["--table={folder}/table", "--space=large", "--num_nodes=9"], "num_nodes=9 is not allowed"),
    (
        ["--table={folder}/table", "--space=large", "--num_nodes=5"],
        "--num_nodes=5: 7,864,320 encodings are too many for a table; use 1 to 4 nodes.",
    ),
    (["--table={folder}/table", "--space=large", "--num_nodes=2"], "table is of another space than"),
    (["--table={folder}/table", "--searches=-1"], "searches=-1 is not allowed: it must be an integer of at least 0."),
    (["--table={folder}/table", "--batches=0"], "batches=0 is not allowed: it must be an integer of at least 1."),
    (["--table={folder}/nowhere"], "There is no table in "),
    (["--table={folder}/table", "--output={folder}/table/recipe.json"], "recipe.json is a file, so "),
    (["--table={folder}/table", "--trained=there"], "--trained=there is for a page of --workdir; leave it out."),
    (["--workdir={folder}/run", "--space=large"], "--space=large cannot be combined with --workdir, which determines"),
    (["--workdir={folder}/nowhere"], "nowhere is not a run folder: it has no config.json."),
    (["--workdir={folder}/run", "--trained={folder}/nowhere"], "There is no table in "),
    (["--workdir={folder}/run", "--table={folder}/large"], "large has another recipe than"),
]


def _write(path, space):
    rng = np.random.default_rng(0)
    trials = []
    for run_seed in (0, 1):
        for actions in space.enumerate(distinct=True):
            key, accuracy = space.key(actions), rng.uniform(0.9, 0.99)
            evaluation = nk.Evaluation(accuracy, valid_accuracy=accuracy, test_accuracy=accuracy, seconds=30)
            seed = training_seed(run_seed, key)
            trials.append(nk.Trial(len(trials), 0, 0, seed, actions, (), key, False, evaluation))
    write_table(path, trials, space=space, recipe={"data": {"name": "mnist"}})


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    _write(folder / "table", nk.spaces.small())
    _write(folder / "large", nk.spaces.large(1))
    accuracies = nk.FunctionEvaluator(lambda cell: len(cell.key) / 100, recipe={"data": {}, "child": {}, "train": {}})
    space, settings = nk.spaces.large(1), {"max_evaluations": 8, "workdir": folder / "run"}
    nk.search(space, accuracies, strategy="random", **settings)
    return folder


@pytest.fixture(scope="module", name="made")
def _made(folder):
    """The finished process of the script."""
    table, output = folder / "table", folder / "new" / "docs"
    return run_launch("report.py", f"--table={table}", f"--output={output}", "--searches=2", "--batches=2")


@pytest.fixture(scope="module", name="later")
def _later(folder):
    """The large space, and what cannot be, in one process."""
    large = ["--space=large", "--num_nodes=1", f"--table={folder / 'large'}", f"--output={folder / 'large_docs'}"]
    cases = [[f"--output={folder / 'never'}", *arguments] for arguments, _ in WRONG]
    cases = [[argument.format(folder=folder) for argument in arguments] for arguments in cases]
    runs = [f"--workdir={folder / 'run'}", f"--output={folder / 'run_docs'}"]
    nowhere = [f"--workdir={folder / 'run'}"]
    return run_launch_many("report.py", [[*large, "--searches=0"], runs, nowhere, *cases])


def test_a_page_with_searches(folder, made):
    assert made.returncode == 0, made.stderr
    output = folder / "new" / "docs"
    lines = made.stdout.splitlines()
    assert lines[0].startswith("64 of 64 cells have an accuracy, from 128 trainings, of which 0 failed;")
    assert lines[-1] == f"The page: {output / 'index.html'} (for a repository: README.md beside it)"
    text = (output / "README.md").read_text()
    assert "of 2 searches. " in text and "in 2 batches of 8;" in text
    command = f"--table={folder / 'table'} --output={output} --space=small --searches=2 --batches=2"
    assert f"\npython launch/report.py {command}\n" in text
    pictures = {path.stem for path in output.iterdir()}
    assert pictures == {"README", "index", "heat_map", "searches"}


def test_a_page_of_the_large_space(folder, later):
    error, output = later[0]
    assert error is None and output.startswith("8 of 8 cells have an accuracy")
    text = (folder / "large_docs" / "README.md").read_text()
    assert "heat_map" not in text and "Searches on the table" not in text
    assert "--space=large --num_nodes=1 --searches=0 --batches=60\n" in text


def test_a_page_of_a_search(folder, later):
    error, output = later[1]
    assert error is None and output.startswith("random search: 8 of 8 cells evaluated in 8 proposals; best reward ")
    assert output.endswith(
        f"\nThe page: {folder / 'run_docs' / 'index.html'} (for a repository: README.md beside it)\n"
    )
    text = (folder / "run_docs" / "README.md").read_text()
    command = f"--workdir={folder / 'run'} --output={folder / 'run_docs'} --searches=20 --batches=60"
    assert f"\npython launch/report.py {command}\n" in text
    assert {path.stem for path in (folder / "run_docs").iterdir()} == {"README", "index", "best_cell", "rewards"}


def test_a_page_of_searches_does_not_take_the_place_of_another_by_default(later):
    assert later[2] == (
        ("InvalidValueError", "--output is missing: name the folder of the page, such as --output=docs/mnist_large3."),
        "",
    )


@pytest.mark.parametrize("case", range(len(WRONG)), ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_what_cannot_be_is_refused_and_nothing_written(folder, later, case):
    error, output = later[3 + case]
    assert error is not None and WRONG[case][1] in error[1], error
    assert error[0] in ("InvalidValueError", "DataError") and output == ""
    assert not (folder / "never").exists()


@pytest.mark.parametrize(
    ("missing", "named"), [(["matplotlib"], "matplotlib"), (["scipy", "bokeh"], "scipy and bokeh")]
)
def test_without_the_extra_it_says_what_to_install(missing, named):
    code = "import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv[2:])); path = sys.argv[1]; sys.argv = [path]\n"
    done = run_python(code + "runpy.run_path(path, run_name='__main__')", ROOT / "launch" / "report.py", *missing)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"Error: A report needs {named}: pip install 'nas_keras[report]'."
