"""Tests of --import and --build of the launch scripts: a user's operations, spaces and networks, in real scripts."""

import json
import re

import pytest
from helpers import ROOT, run_launch, run_launch_many, store_dots

_CELLS = """
import nas_keras as nk


def own(keras, x, filters):
    return keras.layers.Conv2D(filters, 3, padding="same")(x)


nk.register_operation("own", own)
cells = nk.spaces.large(1, operations=("identity", "own"))
"""
_NETWORKS = """
import nas_keras as nk

FILTERS = {"few": 4, "some": 8}
sizes = [nk.Decision("size", tuple(FILTERS))]
networks = nk.SearchSpace("networks", sizes, decode=lambda actions: list(FILTERS)[actions[0]])


def build(size, input_shape, num_classes):
    import tf_keras as keras

    images = keras.Input(input_shape)
    x = keras.layers.Conv2D(FILTERS[size], 3)(keras.layers.Rescaling(1 / 255)(images))
    return keras.Model(images, keras.layers.Dense(num_classes)(keras.layers.Flatten()(x)))
"""


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("import")
    store_dots(folder / "data")
    (folder / "my_cells.py").write_text(_CELLS)
    (folder / "my_networks.py").write_text(_NETWORKS)
    return folder


def _search(folder, name, *more):
    return [
        *(f"--import={folder}/my_cells.py,{folder}/my_networks.py", f"--workdir={folder}/{name}", "--dataset=dots"),
        *(f"--data_dir={folder}/data", "--strategy=random", "--max_evaluations=2", "--batch_size=2", "--workers=1"),
        *("--epochs=1", "--train_batch_size=64"),
        *more,
    ]


@pytest.fixture(scope="module", name="searched")
def _searched(folder):
    """A search of cells, one of networks, and what is refused: (exception or None, output) each."""
    cases = [
        _search(folder, "cells", "--space=cells", "--final_epochs=1"),
        _search(folder, "networks", "--space=my_networks.networks", "--build=build", "--final_epochs=1"),
        _search(folder, "wrong", "--space=cellz"),
        _search(folder, "wrong", "--space=networks", "--build=bild"),
        _search(folder, "wrong", "--space=cells", "--num_nodes=2"),
        _search(folder, "wrong", "--space=networks", "--build=build", "--filters=8"),
        [f"--import={folder}/my_cells.py", f"--workdir={folder}/wrong", "--space=cells", "--reward=table"],
        ["--import=nowhere.py", f"--workdir={folder}/wrong"],
    ]
    return run_launch_many("search.py", cases, timeout=600)


@pytest.fixture(scope="module", name="later")
def _later(folder, searched):
    """After the searches, both files get a comment: exports with the old files, searches and exports with the new."""
    old = [f"--import={folder}/my_cells.py,{folder}/my_networks.py", "--epochs=1", "--workers=1"]
    exported = run_launch_many(
        "export_best.py", [[*old, f"--workdir={folder}/{name}"] for name in ("cells", "networks")]
    )
    for name in ("my_cells", "my_networks"):
        (folder / f"{name}.py").write_text((folder / f"{name}.py").read_text() + "# a comment\n")
    refused = run_launch_many(
        "search.py",
        [
            _search(folder, "cells", "--space=cells", "--final_epochs=0"),
            _search(folder, "networks", "--space=networks", "--build=build", "--final_epochs=0"),
        ],
    )
    refused += run_launch_many(
        "export_best.py",
        [
            [*old, f"--workdir={folder}/cells", "--top=2"],  # one of the two has the operation
            [*old, f"--workdir={folder}/networks"],
            [*old, f"--workdir={folder}/networks", "--build=build"],
        ],
    )
    return exported, refused


def test_operations_and_a_space_of_a_file_are_searched_and_exported(folder, searched):
    error, output = searched[0]
    assert error is None, error
    assert "2 of 4 cells evaluated" in output and re.search(r"\n\w+: validation .*, test .*%", output)
    recipe = json.loads((folder / "cells" / "config.json").read_text())["fixed"]["recipe"]
    assert set(recipe["operation_code"]["own"]) == {"own", "file my_cells.py"}


def test_networks_of_a_file_are_searched_and_exported_under_the_names_of_their_decisions(folder, searched):
    error, output = searched[1]
    assert error is None, error
    assert "up to 2 networks of the networks space (2 encodings)" in output and "2 of 2 networks evaluated" in output
    assert re.search(r"\n  .*%.* parameters  size=(few|some)\n", output) and re.search(
        r"\nsize=(few|some): validation", output
    )
    recipe = json.loads((folder / "networks" / "config.json").read_text())["fixed"]["recipe"]
    assert "child" not in recipe and {"build", "file my_networks.py"} <= set(recipe["build_code"])


def test_flags_that_cannot_be(searched):
    said = [error and error[1] for error, _ in searched[2:]]
    assert said[0] == "space='cellz' is unknown. Allowed: small, large, cells, networks."
    assert said[1] == "build='bild' is unknown. Allowed: own, build."
    assert said[2] == "--num_nodes=2 is for --space=large; cells has its own decisions."
    assert said[3] == "--filters=8 is for children around cells; --build makes the whole network. Leave it out."
    assert said[4].startswith("--reward=table needs --table: no table is shipped for --space=cells. Name the folder")
    assert said[5].startswith("import='nowhere.py' cannot be read: No such file or directory.")


def test_an_export_finds_the_function_and_the_space_of_the_run(later):
    (cells, networks), _ = later
    assert cells[0] is None and re.match(r"1. \w+: validation", cells[1])
    assert networks[0] is None and re.match(r"1. size=(few|some): validation", networks[1])


def test_a_changed_file_does_not_continue_with_old_rewards_even_if_it_is_a_comment(later):
    _, (cells, networks, *_) = later
    changed = r"file my_{}.py has changed, although the code itself has not \(but code beside it, or a comment\)"
    assert re.search("came from other code. operation 'own': " + changed.format("cells"), cells[0][1])
    assert re.search("space: its function decode: " + changed.format("networks"), networks[0][1])


def test_an_export_with_a_changed_file_is_refused_and_says_what_to_do(folder, later):
    _, (*_, cells, networks, named) = later
    changed = (
        "file my_{}.py has changed, although the code itself has not (but code beside it, or a comment). An export "
    )
    todo = "would train another network. Restore the code, of an imported file its old text, or "
    for found, what in ((cells, "operation 'own'"), (networks, "the build function"), (named, "the build function")):
        name = "cells" if found is cells else "networks"
        said = f"The rewards of '{folder}/{name}' came from other code: {what}: {changed.format(name)}{todo}"
        assert found[0][0] == "InvalidValueError" and found[0][1].startswith(said) and not found[1]
        assert len(json.loads((folder / name / "best" / "children.json").read_text())["children"]) == 1  # as before


def test_every_script_has_the_flag_and_imports_the_file_first(tmp_path):
    path = tmp_path / "my_file.py"
    path.write_text("raise ValueError('it is imported')\n")
    for script in sorted(ROOT.glob("launch/*.py")):
        done = run_launch(script.name, f"--import={path}")
        said = f"Error: import='{path}' failed in line 1: ValueError: it is imported. Repair the file.\n"
        assert (done.returncode, done.stderr) == (2, said), script.name
