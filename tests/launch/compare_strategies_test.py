"""Tests of launch/compare_strategies.py: the real script on a small table, and wrong flags."""

import csv

import numpy as np
import pytest
from helpers import run_launch, run_launch_many

WRONG = [
    ([], "Name one of --table, --synthetic and --npz; there is none."),
    (["--synthetic=noisy-2x8-0", "--npz=x"], "there is --synthetic=noisy-2x8-0 and --npz=x."),
    (["--synthetic=noisy-2x8-0", "--npz_column=0"], "--npz_array and --npz_column are for --npz, not for --synthetic"),
    (["--synthetic=noisy"], "'noisy' is not a synthetic table"),
    (["--synthetic=noisy-2x8-0", "--strategies=tabu"], "strategy='tabu' is unknown. Allowed: ppo, "),
    (["--synthetic=noisy-2x8-0", "--budgets=50,x"], "--budgets=50,x is not allowed: write whole numbers from 1"),
    (["--synthetic=noisy-2x8-0", "--budgets=0"], "--budgets=0 is not allowed"),
    (["--synthetic=noisy-2x8-0", "--seeds=0"], "seeds=0 is not allowed: it must be an integer of at least 1."),
    (["--synthetic=noisy-2x8-0", "--batch_size=0"], "batch_size=0 is not allowed"),
    (["--synthetic=noisy-2x8-0", "--processes=0"], "processes=0 is not allowed"),
    (
        ["--synthetic=noisy-2x8-0", "--reference=tabu"],
        "reference='tabu' is unknown. Allowed: ppo_predictor, ppo, ppo:paper, evolution, random.",
    ),
    (["--synthetic=noisy-2x8-0", "--csv={folder}"], "cannot be written. Name a file in a folder that can."),
    (["--synthetic=noisy-2x8-0", "--csv={folder}/nowhere/a.csv"], "cannot be written"),
    (["--synthetic=noisy-2x8-0", "--picture={folder}/a.jpeg"], "its name must end in .png"),
    (["--npz={folder}/nowhere.npz", "--npz_array=r"], "nowhere.npz cannot be read as an npz file"),
    (["--npz={folder}/rewards.npz", "--npz_array=x"], "'x' is not an array of 6 rewards"),
    (["--npz={folder}/rewards.npz", "--npz_array=infinite"], "infinite in "),
    (["--npz={folder}/rewards.npz", "--npz_array=huge"], "run from 0 to 5e+307"),
    (["--table={folder}/nowhere"], "There is no table in "),
]


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    encodings = np.array([[a, b] for a in (0, 1) for b in (0, 1, 2)])
    rewards = {"runs": np.arange(12.0).reshape(6, 2), "large": np.arange(6.0) * 1e39, "huge": np.arange(6.0) * 1e307}
    rewards["infinite"] = np.array([0, 1, 2, 3, 4, np.inf])
    np.savez(folder / "rewards.npz", n_choices=np.array([2, 3]), enc=encodings, **rewards)
    return folder


@pytest.fixture(scope="module", name="answers")
def _answers(folder):
    """A comparison on the npz file, and what cannot be, in one process."""
    small = ["--strategies=random,evolution", "--seeds=2", "--budgets=2,1,6", "--processes=1", "--reference=random"]
    cases = [
        [f"--npz={folder}/rewards.npz", "--npz_array=runs", "--npz_column=1", *small],
        [f"--npz={folder}/rewards.npz", "--npz_array=large", *small],
        *([argument.format(folder=folder) for argument in arguments] for arguments, _ in WRONG),
    ]
    return run_launch_many("compare_strategies.py", cases)


def test_a_comparison_in_two_processes(folder):
    done = run_launch(
        "compare_strategies.py",
        "--synthetic=pairwise-8x3-0",
        "--strategies=evolution:population=8,random",
        "--seeds=4",
        "--budgets=10,20",
        "--processes=2",
        f"--csv={folder / 'curves.csv'}",
        f"--picture={folder / 'curves.svg'}",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("synthetic pairwise-8x3-0\nSearchSpace('synthetic 8x3', T=8, size=6,561): best ")
    assert "After 10 distinct evaluations" in done.stdout and "After 20 distinct evaluations" in done.stdout
    assert "  evolution:population=8 - random  " in done.stdout
    assert "8/8" in done.stderr  # the bar
    with open(folder / "curves.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 4 * 20
    assert {row["strategy"] for row in rows} == {"evolution:population=8", "random"}
    assert (folder / "curves.svg").read_text().startswith("<?xml")


def test_a_comparison_on_an_npz_file(answers):
    error, output = answers[0]
    assert error is None
    assert "rewards.npz, runs, column 1\nSearchSpace('rewards', T=2, size=6): best 11.0000, median 6.0000." in output
    assert "Regret after 2 evaluations - regret of random after 6" in output


def test_a_comparison_on_rewards_beyond_single_precision(answers):
    error, output = answers[1]
    assert error is None and "nan" not in output.partition("Regret:")[2]


@pytest.mark.parametrize("index", range(len(WRONG)))
def test_wrong_flags_are_refused_before_any_work(answers, index):
    error, output = answers[index + 2]
    assert error is not None and WRONG[index][1] in error[1]
    assert error[0] in ("InvalidValueError", "DataError") and output == ""
