"""Tests of nas_keras/_launch/commands.py in the repository; package_test.py tests an installed package."""

import pytest
from helpers import ROOT, run_python

from nas_keras._launch import commands


def test_the_scripts_of_the_repository_are_found():
    assert commands.launch_folder() == ROOT / "launch"
    assert f"\nLaunch scripts:    {ROOT / 'launch'}\nMNIST and tables:  {ROOT / 'testdata'}" in commands.describe()


def test_missing_folders_are_said_to_be_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "_PACKAGE", tmp_path / "nas_keras")
    says = "(missing: install nas_keras again)"
    assert [line.endswith(says) for line in commands.describe().splitlines()[1:3]] == [True, True]
    with pytest.raises(
        AttributeError, match=r"no command 'search': .*/launch/search\.py is missing\. Install nas_keras"
    ):
        commands.__getattr__("search")


def test_a_command_runs_a_script_as_the_main_program(monkeypatch, tmp_path, capsys):
    script = tmp_path / "launch" / "tell.py"
    script.parent.mkdir()
    script.write_text("import sys\nprint(__name__, *sys.argv)\n")
    monkeypatch.setattr(commands, "_PACKAGE", tmp_path / "nas_keras")
    monkeypatch.setattr("sys.argv", ["nas-tell", "--flag"])
    commands.__getattr__("tell")()
    assert capsys.readouterr().out == f"__main__ {script} --flag\n"


def test_neither_the_package_nor_its_description_imports_a_script_or_tensorflow():
    code = "import nas_keras._launch.commands as c, sys; c.describe(); print({'absl', 'tensorflow'} & set(sys.modules))"
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("set()\n", "")
