"""Tests of nas_keras/_launch/progress.py: what a launch script prints while it works."""

import time

from nas_keras._launch import progress as _progress


def test_a_long_step_is_not_silent(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "_QUIET_SECONDS", 0.05)
    with _progress.show_time("training"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 6 and set(lines) == {"  still training, 0 s"}
    time.sleep(0.15)
    assert capsys.readouterr().err == ""
