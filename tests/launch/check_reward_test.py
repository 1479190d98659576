"""Tests of launch/check_reward.py: the real script on a search of small images, and on tables that are made up."""

import pytest
from helpers import run_launch, run_launch_many, store_dots
from reports.tables import small_accuracies, write_accuracies

import nas_keras as nk
from nas_keras.storage.table import read_table


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    """Two tables of the small space, one in the order of the other."""
    folder = tmp_path_factory.mktemp("check")
    space = nk.spaces.small()
    write_accuracies(folder / "table", space, small_accuracies())
    longer = {(key, seed): both for (key, seed), both in small_accuracies().items() if seed == 0 and key.endswith("3")}
    write_accuracies(folder / "longer", space, longer)
    return folder


def test_a_search_is_checked_by_longer_trainings_and_the_check_continues(tmp_path):
    store_dots(tmp_path / "data")
    run, longer = tmp_path / "run", tmp_path / "longer"
    settings = [
        f"--workdir={run}",
        "--dataset=dots",
        f"--data_dir={tmp_path / 'data'}",
        "--space=large",
        "--num_nodes=1",
    ]
    settings += ["--filters=2", "--stages=1", "--epochs=1", "--train_batch_size=64", "--workers=1", "--final_epochs=0"]
    searched = run_launch("search.py", *settings, "--strategy=random", "--max_evaluations=8")
    assert searched.returncode == 0, searched.stderr
    check = [f"--workdir={run}", f"--longer={longer}", "--cells=5", "--epochs=3", "--workers=1"]
    (first, second) = run_launch_many("check_reward.py", [check, check], timeout=300)
    for error, output in (first, second):
        assert error is None, error
        assert "5 cells, trained for 3 and 2 epochs; the search had 1." in output
        assert "Rank correlation (Spearman) of the reward with the accuracy after 3 epochs: " in output
        assert "After 2 epochs, with that after 3: " in output and "epochs" in output.splitlines()[-1]
    assert first[1].splitlines()[-3:] == second[1].splitlines()[-3:]
    assert {name: len(read_table(longer / name).trials) for name in ("epochs_2", "epochs_3")} == {
        "epochs_2": 5,
        "epochs_3": 5,
    }


def test_tables_are_compared_without_training_and_wrong_flags_are_refused(folder):
    tables = [f"--workdir={folder / 'table'}", f"--longer={folder / 'longer'}"]
    cases = [
        tables,
        [*tables, "--epochs=4"],
        [f"--workdir={folder / 'table'}", f"--longer={folder / 'new'}"],
        [f"--longer={folder / 'new'}"],
        [f"--workdir={folder / 'table'}"],
        [*tables, "--cells=4"],
        [*tables, "--max_minutes=0"],
        [f"--workdir={folder / 'table'}", f"--longer={folder / 'table'}"],
    ]
    answers = run_launch_many("check_reward.py", cases)
    assert answers[0] == (
        None,
        "Rank correlation (Spearman) of the reward with the accuracy after the longer training: 1.00 (95 % interval "
        "1.00 to 1.00, 8 cells).\nThe short training can be trusted: it ranks cells much as the longer one does.\n",
    )
    said = [
        "--epochs=4 is for training, and --longer is a table already. Leave it out.",
        "is a table, for which --longer must be a table too.",
        "--workdir is missing: name the folder of the search",
        "--longer is missing: name the folder of the longer trainings",
        "cells=4 is not allowed: it must be an integer of at least 5.",
        "max_minutes=0.0 is not allowed",
        "reads, and would be changed.",
    ]
    for (error, output), text in zip(answers[1:], said, strict=True):
        assert error is not None and text in error[1] and output == "", error
    assert not (folder / "new").exists()
