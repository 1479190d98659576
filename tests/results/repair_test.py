"""Tests of nas_keras/results/repair.py and launch/repair.py."""

import pytest
from helpers import facts, grid, run_launch, run_launch_many

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.results.precompute import precompute
from nas_keras.results.repair import repair
from nas_keras.storage.records.tfrecord import read_frames
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import read_table

_SPACE = grid(4, 4)


class _Counting(nk.Evaluator):
    recipe = {"name": "sum"}

    def __init__(self):
        self.evaluated = []

    def evaluate(self, jobs):
        for job in jobs:
            self.evaluated.append(job.key)
            yield job, nk.Evaluation(float(sum(job.architecture)), seconds=1.0)


def _search(workdir):
    evaluator = _Counting()
    result = nk.search(_SPACE, evaluator, strategy="random", max_evaluations=12, batch_size=4, workdir=workdir)
    return result.trials, evaluator.evaluated


def _flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def _record(path, number):
    """Where the data of a record begin."""
    return [frame.offset for frame in read_frames(path.read_bytes())][number] + 12


@pytest.fixture(name="run")
def _run(tmp_path):
    _search(tmp_path / "run")
    return tmp_path / "run"


def test_what_is_whole_stays_as_it_is(run):
    before = facts(_search(run)[0], seconds=True)
    assert repair(run) == ([], 12, 0, None)
    trials, evaluated = _search(run)
    assert facts(trials, seconds=True) == before and evaluated == []


@pytest.mark.parametrize(
    ("damage", "lost", "kept", "moved"),
    [
        pytest.param(lambda path: _flip(path, _record(path, 2) + 5), 1, 4, 7, id="data of one record"),
        pytest.param(lambda path: _flip(path, _record(path, 2) - 12), 2, 4, 6, id="length of the third of four"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), 1, 4, 7, id="cut in the last record"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[: _record(path, 3) - 12]), 1, 4, 7, id="cut between"
        ),
        pytest.param(lambda path: path.write_bytes(b""), 4, 4, 4, id="empty"),
        pytest.param(lambda path: path.unlink(), 4, 4, 4, id="missing"),
    ],
)
def test_a_run_trains_only_what_is_lost_and_ends_with_the_same_d(run, damage, lost, kept, moved):
    whole = facts(_search(run)[0])
    path = run / "dataset" / "trials-000001.tfrecord"
    damage(path)
    with pytest.raises(DataError):
        _search(run)
    repaired = repair(run)
    assert (repaired.kept, repaired.moved, repaired.damaged) == (kept, moved, run / "damaged")
    assert (
        len(repaired.problems) == 1 and "trials-000001" in repaired.problems[0] or "Batch 1 is missing" in str(repaired)
    )
    trials, evaluated = _search(run)
    assert facts(trials) == whole and len(evaluated) == lost
    assert repair(run).problems == []


def test_a_damaged_pending_file_is_moved_away(run):
    workspace = Workspace(run)
    workspace.pending.mkdir(exist_ok=True)
    (workspace.pending / "a.tfrecord").write_bytes(b"not a record")
    with pytest.raises(DataError):
        _search(run)
    assert repair(run).problems[0].startswith(f"{workspace.pending / 'a.tfrecord'} is corrupt at record 0")
    assert [path.name for path in (run / "damaged").iterdir()] == ["a.tfrecord"]
    assert _search(run)[1] == []


def test_a_table_loses_the_damaged_records_and_trains_them_again(tmp_path):
    table = tmp_path / "table"
    precompute(_SPACE, _Counting(), table, seeds=1)
    whole = repr(sorted(read_table(table).trials, key=lambda trial: trial.key))
    path = table / "trials-000000.tfrecord"
    for record in (3, 5):
        _flip(path, _record(path, record) + 20)
    repaired = repair(table)
    assert (len(repaired.problems), repaired.kept, repaired.moved) == (2, 14, 0)
    assert len(read_table(table).trials) == 14
    again = _Counting()
    precompute(_SPACE, again, table, seeds=1)
    assert len(again.evaluated) == 2
    assert repr(sorted(read_table(table).trials, key=lambda trial: trial.key)) == whole


def test_files_of_another_run_are_named(run, tmp_path):
    other = nk.search(
        grid(4), nk.FunctionEvaluator(lambda choices: 1.0), strategy="random", max_evaluations=1, workdir=None
    )
    assert other.trials  # a run of another space
    from nas_keras.storage.records.origin import Origin
    from nas_keras.storage.records.shards import write_shard

    write_shard(run / "dataset" / "trials-000003.tfrecord", other.trials, Origin("0" * 16, "1" * 16))
    repaired = repair(run)
    assert "is of space 0000000000000000, but this run has space" in repaired.problems[0]
    assert (repaired.kept, repaired.moved) == (12, 0)


def test_folders_that_cannot_be_repaired(run, tmp_path):
    with pytest.raises(
        InvalidValueError, match="is neither a run nor a table: it holds no config.json and no recipe.json"
    ):
        repair(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with Workspace(run).locked(), pytest.raises(InvalidValueError, match="Another process is running in"):
        repair(run)
    (run / "config.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        repair(run)


def test_the_script_says_what_is_lost_and_what_to_do(run):
    path = run / "dataset" / "trials-000002.tfrecord"
    _flip(path, _record(path, 1))
    answers = run_launch_many("repair.py", [[f"--folder={run}"], [f"--folder={run}"], []])
    (_, first), (_, second), (error, _) = answers
    assert f"{path} is corrupt at record 1: the checksum of the data at byte" in first
    assert (
        "8 records kept, and 3 moved to pending/ for the run to continue." in first and "start the command of" in first
    )
    assert second == "No file is corrupt: 8 records can be read.\n"
    assert error == (
        "InvalidValueError",
        "--folder is missing: name the folder of a run or table, such as --folder=runs/mnist.",
    )
    done = run_launch("repair.py", f"--folder={run}/nowhere")
    assert done.returncode == 2 and "is neither a run nor a table" in done.stderr and "Traceback" not in done.stderr
