"""Tests of reading runs and tables while another process writes them, and of merges that are killed."""

import contextlib
import os
import subprocess
import sys
import time

import pytest
from helpers import ROOT, grid, python_path, wait_until

import nas_keras as nk
from nas_keras import _tensorflow
from nas_keras.results.precompute import precompute
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records import shard_folder
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_config import origin_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import TableWriter, merge_tables
from nas_keras.storage.taking import take
from nas_keras.trial import Evaluation, Trial

# Searches 32,768 cells as fast as it can, each by a file in pending/.
_WRITER = """
import sys
from promises.reading_test import SPACE, Noted
import nas_keras as nk
nk.search(SPACE, Noted(), strategy="random", max_evaluations=10**6, workdir=sys.argv[1])
"""
SPACE = grid(32, 32, 32)


class Noted(nk.Evaluator):
    recipe = {"name": "sum"}

    def evaluate(self, jobs):
        for job in jobs:
            yield job, Evaluation(float(sum(job.architecture)), seconds=1.0)


@contextlib.contextmanager
def _writer(workdir):
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(workdir)],
        env={**os.environ, "PYTHONPATH": python_path(ROOT, ROOT / "tests")},
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_run_in_progress_can_be_read_at_any_moment(tmp_path):
    _tensorflow.load_tensorflow()  # now, while the run is small
    run, seen = tmp_path / "run", []
    with _writer(run) as process:
        assert wait_until((run / "dataset" / "trials-000000.tfrecord").exists, seconds=60)
        end = time.monotonic() + 3
        while time.monotonic() < end or len(seen) < 3:
            config = Workspace(run).read_config()
            data = Dataset(origin_of(config, run), Workspace(run), read_only=True)
            finished = {trial.key for trial in (*data.trials, *data.pending)}
            assert len(finished) >= (seen[-1] if seen else 0)  # what was there is never missed
            seen.append(len(finished))
            # As --take_from and --warm_start_from do.
            assert len(take([run], space=SPACE, recipe=Noted.recipe, seeds=1).trials) >= data.num_evaluations
        assert process.poll() is None, process.stderr.read().decode()
    assert seen[-1] > seen[0]


@pytest.mark.parametrize(
    ("step", "first"),
    [("list_pending", False), ("read_record", True), ("list_shards", True)],
)
def test_what_moves_from_pending_to_a_shard_while_it_is_read_is_not_missed(tmp_path, monkeypatch, step, first):
    """The writer completes its batch before or after a step of the reader."""
    origin, run = Origin("5" * 16, "7" * 16), Workspace(tmp_path)
    trials = [Trial(i, 0, 0, i, (i,), (), str(i), False, Evaluation(float(i))) for i in range(6)]
    writer, original = Dataset(origin, run), getattr(shard_folder, step)
    for trial in trials:
        writer.add_pending(trial)

    def meddle(*arguments):
        found = None if first else original(*arguments)
        if not writer.batches:
            writer.append(trials)
        return original(*arguments) if first else found

    monkeypatch.setattr(shard_folder, step, meddle)
    reader = Dataset(origin, run, read_only=True)
    assert repr(reader.trials) == repr(trials)


class _KilledError(BaseException):
    pass


def test_a_merge_that_is_killed_leaves_no_table_and_is_done_by_the_same_command(tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "target"
    precompute(grid(20, 20), Noted(), source, seeds=1)
    write_shard, count = shard_folder.write_shard, []

    def killed(*arguments):
        count.append(arguments)
        if len(count) == 4:
            raise _KilledError
        write_shard(*arguments)

    with monkeypatch.context() as patch, pytest.raises(_KilledError):
        patch.setattr(shard_folder, "write_shard", killed)
        merge_tables([source], target, space=grid(20, 20))
    assert not target.exists()
    assert merge_tables([source], target, space=grid(20, 20)) == 400
    assert sorted(os.listdir(tmp_path)) == ["source", "target"]
    assert repr(read_table(target)) == repr(read_table(source))
    with pytest.raises(nk.InvalidValueError, match="target holds a table already. Name a new folder."):
        merge_tables([source], target, space=grid(20, 20))


def test_a_merge_fills_an_empty_folder_also_behind_a_link_and_keeps_out_a_second(tmp_path):
    source, target = tmp_path / "source", tmp_path / "link"
    precompute(grid(4), Noted(), source, seeds=1)
    (tmp_path / "empty").mkdir()
    target.symlink_to("empty")
    beside = TableWriter(tmp_path / ".empty.tmp", space=grid(4), recipe=Noted.recipe)
    with beside.locked(), pytest.raises(nk.InvalidValueError, match="Another process is filling the table"):
        merge_tables([source], target, space=grid(4))
    assert merge_tables([source], target, space=grid(4)) == 4
    assert target.is_symlink() and len(read_table(tmp_path / "empty").trials) == 4
