"""Tests of launch/show.py: real runs and tables, as a list and as CSV."""

import csv
import io

import pytest
from helpers import ROOT, run_launch_many

TABLE = f"--workdir={ROOT / 'testdata' / 'rewards' / 'mnist_small'}"
RUN = f"--workdir={ROOT / 'testdata' / 'runs' / 'large3_ppo'}"

CASES = {
    "best": [TABLE, "--top=2"],
    "best small": [TABLE, "--top=1", "--where=num_params<20000"],
    "csv": [RUN, "--csv", "--sort=-num_params", "--where=reward>0.99", "--where=combine=add", "--where=cached=false"],
    "none": [TABLE, "--where=num_params<1"],
    "none csv": [TABLE, "--where=num_params<1", "--csv"],
    "no column": [RUN, "--where=accuracy>1"],
    "no number": [RUN, "--where=key>1"],
    "no order": [RUN, "--sort=size"],
    "no run": ["--workdir=nowhere"],
    "nothing": [],
    "top": [RUN, "--top=0"],
}


@pytest.fixture(scope="module", name="answers")
def _answers():
    return dict(zip(CASES, run_launch_many("show.py", list(CASES.values())), strict=True))


def test_the_best_are_listed_by_the_names_of_their_operations(answers):
    assert answers["best"] == (
        None,
        "trial   reward  accuracy  parameters  seconds  key\n"
        "   12  0.99364    99.36%      75,802      0.0  conv_3x3,conv_7x7\n"
        "    4   0.9936    99.36%      72,154      0.0  conv_1x3_3x1,conv_7x7\n",
    )


def test_the_best_are_those_that_meet_the_conditions(answers):
    error, output = answers["best small"]
    assert error is None
    (row,) = output.splitlines()[1:]
    assert int(row.split()[3].replace(",", "")) < 20_000


def test_that_no_trial_meets_the_conditions_is_said(answers):
    header = "trial  reward  accuracy  parameters  seconds  key"
    assert answers["none"] == (None, f"{header}\nNo trial meets the conditions.\n")
    assert answers["none csv"][1].splitlines()[0].startswith("trial,op_1,op_2,") and answers["none csv"][0] is None
    assert len(answers["none csv"][1].splitlines()) == 1


def test_csv_is_filtered_and_sorted(answers):
    error, output = answers["csv"]
    rows = list(csv.DictReader(io.StringIO(output)))
    assert error is None and len(rows) > 5
    assert all(float(row["reward"]) > 0.99 and row["combine"] == "add" and row["cached"] == "False" for row in rows)
    sizes = [int(row["num_params"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert {row["op_1"] for row in rows} <= {"conv_1x3_3x1", "conv_3x3", "sep_conv_3x3", "conv_5x5", "conv_7x7",
                                             "max_pool_2x2", "avg_pool_2x2", "identity"}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no column", "where: the column='accuracy' is unknown. Allowed: trial, op_1, input_2"),
        ("no number", "where='key>1' is not allowed: key is no number; compare it by = or !=."),
        ("no order", "sort='size' is unknown. Allowed: trial, op_1"),
        ("no run", "nowhere is neither a run nor a table"),
        ("nothing", "--workdir is missing: name the folder of a search or of a table, such as --workdir=runs/mnist."),
        ("top", "top=0 is not allowed: it must be an integer of at least 1."),
    ],
)
def test_what_cannot_be_shown_is_refused(answers, case, message):
    (kind, text), output = answers[case]
    assert kind == "InvalidValueError" and message in text and output == ""
