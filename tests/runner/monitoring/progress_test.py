"""Tests of nas_keras/runner/monitoring/progress.py: the live line, in a terminal and elsewhere."""

import io
import logging
import os
import pty
import re
import sys
import time
import types

import pytest
from helpers import ROOT, grid, python_path, run_python, wait_until

import nas_keras as nk
from nas_keras.runner.monitoring import progress as _progress
from nas_keras.runner.monitoring.progress import Progress, show_value
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin

SPACE = grid(4, 5)


def _trial(number, reward=0.5, *, cached=False, seconds=0.0):
    evaluation = nk.Evaluation.failure("no") if reward is None else nk.Evaluation(reward, seconds=seconds)
    return nk.Trial(number, 0, 0, 0, (number // 5, number % 5), (), str(number), cached, evaluation)


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: clock.now)
    return clock


def test_the_line_says_what_is_done_and_what_is_left(clock):
    line = Progress(SPACE, max_evaluations=12, num_parallel=2, stream=io.StringIO())
    line.start(Dataset(Origin("s", "r")))
    assert line.describe() == "none succeeded yet; 0 running, 0 failed, 0 repeats"
    line.sent(5)
    assert line.describe().startswith("none succeeded yet; 2 running, 0 failed")
    clock.now += 60
    for number, reward in enumerate((0.25, None, 0.75, 0.5)):
        line.finished(_trial(number, reward))
    line.told([_trial(0, 0.25), _trial(0, 0.25, cached=True)])
    assert line.describe() == "best 0.75; 240 per hour; 02:00 left; 1 running, 1 failed, 1 repeat; best: d0=0, d1=2"
    line.close()


def test_what_the_run_holds_already_is_counted_but_not_in_the_pace(clock):
    dataset = Dataset(Origin("s", "r"))
    dataset.append([_trial(0, 0.9), _trial(1, None), _trial(0, 0.9, cached=True)])
    waiting = [_trial(2), _trial(3)]
    dataset = types.SimpleNamespace(finished=[*dataset.trials, *waiting], pending=waiting)
    line = Progress(SPACE, max_evaluations=99, max_seconds=90, stream=io.StringIO())
    line.start(dataset)
    assert line.describe() == "best 0.9; 01:30 left; 0 running, 1 failed, 1 repeat, 4 from before; best: d0=0, d1=0"
    line.sent(1)
    line.finished(_trial(2))  # its batch is open again
    assert "; 1 running, 1 failed, 1 repeat, 4 from before; " in line.describe()
    clock.now += 36
    line.finished(_trial(4))
    # 20 keys in all, 15 of which would take 9 minutes: the time limit ends the search earlier.
    assert line.describe().startswith("best 0.9; 100 per hour; 00:54 left; ")
    line.close()


def test_refused_architectures_are_not_counted():
    line = Progress(SPACE, max_evaluations=12, stream=io.StringIO())
    line.sent(1)
    line.finished(nk.Trial(0, 0, 0, 0, (0, 0), (), "k", False, nk.Evaluation.refusal("too large")))
    assert (line._done, line.describe()) == (0, "none succeeded yet; 0 running, 0 failed, 0 repeats")


@pytest.mark.parametrize(
    ("evaluation", "text"),
    [(nk.Evaluation(42.5), "42.5"), (nk.Evaluation(0.875, valid_accuracy=0.875), "87.50%"),
     (nk.Evaluation(0.7, valid_accuracy=0.875), "87.50% (objective 0.7)")],
)  # fmt: skip
def test_an_accuracy_is_in_percent(evaluation, text):
    assert show_value(evaluation) == text


def test_in_a_terminal_one_line_is_drawn_over_and_over(monkeypatch):
    monkeypatch.setattr(_progress, "LIVE_SECONDS", 0.02)
    terminal = _Terminal()
    line = Progress(SPACE, max_evaluations=3, stream=terminal)
    line.start(Dataset(Origin("s", "r")))
    line.sent(1)
    line.finished(_trial(7))
    assert wait_until(lambda: "1/3 networks |" in terminal.getvalue())
    line.close()
    drawn = terminal.getvalue()
    assert drawn.count("\r") > 2 and drawn.count("\n") == 1 and drawn.endswith("\n")
    assert re.search(
        r"1/3 networks \|#+\d? +\| best 0.5; [\d,]+ per hour; .*; 0 running, 0 failed, 0 repeats; best: d0=1, d1=2",
        drawn,
    )


def test_a_message_does_not_break_the_line():
    terminal = _Terminal()
    handlers = list(logging.root.handlers)
    with _progress.live_line("cells", 3, terminal) as line:
        line.set_description_str("text")
        before = len(terminal.getvalue())
        logging.getLogger("any").warning("a message")
        assert set(terminal.getvalue()[before:]) <= {"\r", " "} and len(terminal.getvalue()) > before
    assert logging.root.handlers == handlers


def test_elsewhere_a_plain_line_comes_now_and_then(monkeypatch):
    monkeypatch.setattr(_progress, "PLAIN_SECONDS", 0.05)
    stream = io.StringIO()
    line = Progress(SPACE, max_evaluations=3, stream=stream)
    line.start(Dataset(Origin("s", "r")))
    line.finished(_trial(7))
    assert wait_until(lambda: stream.getvalue().count("\n") >= 2)
    line.close()
    lines = stream.getvalue().splitlines()
    assert all(
        re.fullmatch(r"1 of 3 networks done: best 0.5; .*; 0 running, 0 failed, 0 repeats; best: .*", text)
        for text in lines
    )


def test_a_short_search_that_nobody_watches_shows_nothing():
    stream = io.StringIO()
    line = Progress(SPACE, max_evaluations=3, stream=stream)
    line.start(Dataset(Origin("s", "r")))
    line.finished(_trial(7))
    line.close()
    assert stream.getvalue() == ""


def test_an_output_that_was_closed_changes_nothing(monkeypatch):
    monkeypatch.setattr(_progress, "LIVE_SECONDS", 0.01)
    terminal = _Terminal()
    line = Progress(SPACE, max_evaluations=3, stream=terminal)
    line.start(Dataset(Origin("s", "r")))
    terminal.close()
    time.sleep(0.1)
    line.close()


_SEARCH = """
import nas_keras as nk
decisions = [nk.Decision("x", tuple(range(30)))]
evaluator = nk.FunctionEvaluator(lambda architecture: architecture[0])
nk.search(nk.SearchSpace("net", decisions), evaluator, strategy="random", max_evaluations=20{})
"""


def _run_in_terminal(*arguments):
    """Runs Python with a terminal as stderr; returns what it shows there."""
    main, terminal = pty.openpty()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, *arguments],
        {**os.environ, "PYTHONPATH": python_path(ROOT)},
        file_actions=[(os.POSIX_SPAWN_DUP2, terminal, 2), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    os.close(terminal)
    output = b""
    while True:
        try:
            output += os.read(main, 1000)
        except OSError:  # the other end was closed
            break
    assert os.waitpid(pid, 0)[1] == 0, output
    os.close(main)
    return output.decode()


def test_in_python_the_line_is_shown_in_a_terminal_and_nowhere_else():
    assert run_python(_SEARCH.format("")).stderr == ""
    assert re.search(r"20/20 networks \|\S+\| best 29; .*best: x=29", _run_in_terminal("-c", _SEARCH.format("")))
    assert _run_in_terminal("-c", _SEARCH.format(", progress=False")) == ""


def test_a_search_from_the_command_line_shows_it_unless_it_is_quiet(tmp_path):
    search = [ROOT / "launch" / "search.py", "--reward=table", "--strategy=random", "--final_epochs=0"]
    search += ["--max_evaluations=10", f"--workdir={tmp_path}"]
    assert re.search(r"10/10 cells \|\S+\| best 99\.\d\d%; ", _run_in_terminal(*map(str, search)))
    assert "cells |" not in _run_in_terminal(*map(str, search), "--quiet")


def test_progress_is_true_or_false():
    with pytest.raises(nk.InvalidValueError, match="progress='yes' is not allowed: it must be True or False."):
        nk.search(SPACE, nk.FunctionEvaluator(sum), strategy="random", progress="yes")
