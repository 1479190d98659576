"""Tests of nas_keras/runner/monitoring/training_progress.py: the bar of final trainings."""

import io
import re

import pytest
from helpers import wait_until

from nas_keras.runner.monitoring import progress as _progress
from nas_keras.runner.monitoring.training_progress import _time_left, show_trainings, write_epochs


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_counts_the_epochs_of_all_trainings(monkeypatch):
    monkeypatch.setattr(_progress, "LIVE_SECONDS", 0.02)
    terminal = _Terminal()
    with show_trainings([3, 5], seconds=60.0, progress=True, stream=terminal) as files:
        assert wait_until(lambda: "0/8 epochs of the final training |" in terminal.getvalue())
        assert wait_until(lambda: re.search(r"about (00:5\d|01:00) left", terminal.getvalue()))
        write_epochs(files[0], 1)
        write_epochs(files[1], 2)
        assert wait_until(lambda: "3/8 epochs" in terminal.getvalue())
        write_epochs(files[0], 3)
        write_epochs(files[1], 5)
    assert re.search(r"8/8 epochs of the final training \|#+\| *\n$", terminal.getvalue())


def test_elsewhere_a_plain_line_comes_now_and_then(monkeypatch):
    monkeypatch.setattr(_progress, "PLAIN_SECONDS", 0.02)
    stream = io.StringIO()
    with show_trainings([4], seconds=0.0, progress=True, stream=stream) as (file,):
        assert wait_until(lambda: stream.getvalue().startswith("0 of 4 epochs of the final training done\n"))
        write_epochs(file, 2)
        assert wait_until(lambda: "2 of 4 epochs of the final training done; about 00:0" in stream.getvalue())


def test_it_says_where_a_training_was_continued(monkeypatch):
    monkeypatch.setattr(_progress, "PLAIN_SECONDS", 0.02)
    stream = io.StringIO()
    with show_trainings([4], seconds=0.0, progress=True, stream=stream) as (file,):
        write_epochs(file, 3, 2)
        assert wait_until(
            lambda: "3 of 4 epochs of the final training done; continued after 2; about" in stream.getvalue()
        )
    assert _time_left(30.0, 7, 10, 0.0, 4) == "about 00:30 left"  # three epochs in 30 s, and three more
    assert _time_left(0.0, 4, 10, 50.0, 4) == "about 00:30 left"


@pytest.mark.parametrize("progress", [None, False])
def test_nothing_is_shown_where_nobody_watches(progress, monkeypatch):
    monkeypatch.setattr(_progress, "is_interactive", lambda: False)
    stream = _Terminal()
    with show_trainings([4, 4], seconds=1.0, progress=progress, stream=stream) as files:
        assert files == ["", ""]
    assert stream.getvalue() == ""


def test_a_file_that_cannot_be_written_or_read_is_no_error(tmp_path):
    write_epochs(str(tmp_path / "nowhere" / "file"), 3)
    with show_trainings([4], seconds=1.0, progress=True, stream=io.StringIO()) as (file,):
        with open(file, "w") as half:
            half.write("x")


@pytest.mark.parametrize(
    ("elapsed", "done", "seconds", "left"),
    [(10.0, 0, 0.0, ""), (10.0, 0, 30.0, "about 00:20 left"), (40.0, 0, 30.0, ""),
     (20.0, 2, 500.0, "about 01:20 left"), (50.0, 10, 40.0, "writing the files")],
)  # fmt: skip
def test_the_time_left(elapsed, done, seconds, left):
    assert _time_left(elapsed, done, 10, seconds) == left
