"""Tests of nas_keras/_launch/progress.py: what a launch script prints while it works."""

import time

from helpers import grid

import nas_keras as nk
from nas_keras._launch import progress as _progress


def _trial(number, reward):
    evaluation = nk.Evaluation.failure("no") if reward is None else nk.Evaluation(reward, seconds=12.4)
    return nk.Trial(number, 0, 0, 0, (number, 0), (), f"{number},0", False, evaluation)


class _Dataset:
    num_evaluations, best = 2, _trial(1, 0.5)


def test_children_are_shown_once_nothing_was_printed_for_a_while(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = _progress.SearchProgress(grid(4, 4))
    for now, number, reward in ((9.0, 0, 0.1), (10.0, 1, 0.5), (12.0, 2, 0.2), (21.0, 3, None)):  # noqa: B007
        progress.on_trial(None, _trial(number, reward))
    progress.on_batch(_Dataset, [_trial(1, 0.5)])
    assert capsys.readouterr().out.splitlines() == [
        "  finished: d0=1, d1=0: 50.00% (12 s)",
        "  finished: d0=3, d1=0: failed: no (0 s)",
        "batch 0: 2 cells evaluated, best 50.00% d0=1, d1=0",
    ]


def test_a_long_step_is_not_silent(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "_QUIET_SECONDS", 0.05)
    with _progress.show_time("training"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 6 and set(lines) == {"  still training, 0 s"}
    time.sleep(0.15)
    assert capsys.readouterr().err == ""
