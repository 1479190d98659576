"""Tests of nas_keras/runner/monitoring/texts.py."""

import json
import pathlib
import sys

from nas_keras import __version__
from nas_keras.runner.monitoring.texts import describe_run


def test_settings_commands_and_versions(monkeypatch):
    config = {"fixed": {"seed": 3, "name": "<script>"}, "environment": {"tensorflow": "2.21", "processor": "fast"}}
    monkeypatch.setattr(sys, "argv", ["launch/search.py", "--workdir=my run"])
    texts = describe_run(pathlib.Path("/runs/my run"), config)
    assert json.loads(texts["run/settings"]) == {"fixed": {"seed": 3, "name": "<script>"}}
    assert all(line.startswith("    ") for text in texts.values() for line in text.splitlines())  # as it is
    assert "begun by:     python launch/search.py '--workdir=my run'" in texts["run/commands"]
    assert "python launch/show.py --workdir='/runs/my run' --top=5" in texts["run/commands"]
    assert f"nas_keras: {__version__}" in texts["run/versions"] and "processor: fast" in texts["run/versions"]
    assert texts["run/versions"].count("tensorflow: ") == 1
    monkeypatch.setattr(sys, "argv", ["/usr/lib/ipykernel_launcher"])
    assert "begun by:     a program of the user's" in describe_run(pathlib.Path("/runs"), {})["run/commands"]
