"""Tests of nas_keras/_launch/flag_checks.py."""

import pytest
from helpers import ask_flags, run_launch

_DEFINE = """
from nas_keras._launch.flag_checks import check_given, output_table, refuse_given

flags.DEFINE_string("table", None, "A table.")
flags.DEFINE_list("runs", [], "Runs.")
"""


def test_flags_that_are_required_or_refused():
    require = "check_given('table', 'the folder of a table', 'runs/table')"
    refuse = "refuse_given(['table', 'runs'], 'is wrong.')"
    missing = "InvalidValueError: --table is missing: name the folder of a table, such as --table=runs/table."
    assert ask_flags(_DEFINE, [require], [require, "--table="], [require, "--table=t"]) == [missing, missing, "None"]
    assert ask_flags(_DEFINE, [refuse], [refuse, "--table=t"], [refuse, "--runs=a,b"]) == [
        "None", "InvalidValueError: --table=t is wrong.", "InvalidValueError: --runs=a,b is wrong."
    ]  # fmt: skip


def test_the_folder_of_a_table(tmp_path):
    table = f"--table={tmp_path / 'table'}"
    read = f"output_table([('runs', {str(tmp_path / 'table')!r})])"
    given, refused = ask_flags(_DEFINE, ["output_table([])", table], [read, table])
    assert given == repr(tmp_path / "table")
    assert f"{table} is what --runs={tmp_path / 'table'} reads, and would be changed." in refused


@pytest.mark.parametrize("script", ["search.py", "train_child.py"])
def test_help_lists_them_as_the_script_s_own(script):
    text = run_launch(script, "--help").stdout
    for name in ("--space", "--num_nodes", "--dataset", "--data_dir", "--workers", "--child_timeout"):
        assert f"  {name}: " in text
