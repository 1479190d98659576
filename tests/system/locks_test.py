"""Tests of locks.py: folders that are moved, removed or replaced while a run, a table or an export writes."""

import errno
import fcntl
import os
import shutil

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.errors import DataError, FolderMovedError, InvalidValueError
from nas_keras.results.precompute import precompute
from nas_keras.results.repair import repair
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import TableWriter
from nas_keras.system import atomic_files, locks

_SPACE = grid(8, 8)
_MOVED = "is no longer the folder that this process works in: it was moved, removed or replaced. Nothing was written"


class _Meddling(nk.Evaluator):
    """Calls `meddle()` before its 20th answer."""

    recipe = {"name": "sum"}

    def __init__(self, meddle=lambda: None):
        self._meddle, self._count = meddle, 0

    def evaluate(self, jobs):
        for job in jobs:
            self._count += 1
            if self._count == 20:
                self._meddle()
            yield job, nk.Evaluation(float(sum(job.architecture)), seconds=1.0)  # so long that it goes by pending/


def _search(workdir, meddle=lambda: None, seed=0):
    return nk.search(_SPACE, _Meddling(meddle), strategy="random", max_evaluations=40, workdir=workdir, seed=seed)


def _files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _replace(run):
    run.rename(run.with_name("moved"))
    _search(run, seed=1)


def _move(run):
    run.rename(run.with_name("moved"))


def _relink(run):
    run.unlink()
    run.with_name("other").mkdir()
    run.symlink_to("other")


@pytest.mark.parametrize(
    ("meddle", "left"),
    [
        pytest.param(_move, ["moved"], id="moved"),
        pytest.param(shutil.rmtree, [], id="removed"),
        pytest.param(lambda run: (shutil.rmtree(run), run.mkdir()), ["run"], id="made anew"),
        pytest.param(_replace, ["moved", "run"], id="replaced by another run"),
        pytest.param(lambda run: (_move(run), run.write_text("a file")), ["moved", "run"], id="replaced by a file"),
    ],
)
def test_a_run_whose_folder_is_not_there_any_more_ends_and_makes_no_folder_anew(tmp_path, meddle, left):
    run, before = tmp_path / "run", {}

    def act():
        meddle(run)
        before.update(_files(tmp_path))

    with pytest.raises(FolderMovedError) as caught:
        _search(run, act)
    assert str(caught.value).startswith(f"{run} {_MOVED}")
    assert sorted(os.listdir(tmp_path)) == left
    assert _files(tmp_path) == before
    if "moved" in left:
        assert _search(tmp_path / "moved").num_evaluations == 40  # it goes on where it is now
    assert nk.NasKerasError in FolderMovedError.__mro__  # so that the scripts end with its sentence and exit code 2


def test_a_link_that_leads_elsewhere_is_noticed_and_one_to_the_new_place_is_not_minded(tmp_path):
    (tmp_path / "there").mkdir()
    run = tmp_path / "run"
    run.symlink_to("there")
    with pytest.raises(FolderMovedError, match="is no longer the folder"):
        _search(run, lambda: _relink(run))
    assert os.listdir(tmp_path / "other") == []
    with pytest.raises(FolderMovedError):
        _search(tmp_path / "there", lambda: (tmp_path / "there").rename(tmp_path / "new"))

    def move_and_link():
        (tmp_path / "new").rename(tmp_path / "newer")
        (tmp_path / "new").symlink_to("newer")

    assert _search(tmp_path / "new", move_and_link).num_evaluations == 40


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_removed_lock_lets_no_second_run_in_and_ends_the_first(tmp_path, how):
    run = tmp_path / "run"

    def meddle():
        (run / "lock").unlink()
        if how == "replaced":
            (run / "lock").touch()
        with pytest.raises(InvalidValueError, match="Another process is running in"):
            _search(run)

    with pytest.raises(FolderMovedError, match="lock was removed or replaced, so another process may work in the"):
        _search(run, meddle)
    assert _search(run).num_evaluations == 40


def test_a_table_whose_folder_is_moved_ends_and_goes_on_there(tmp_path):
    table, moved = tmp_path / "table", tmp_path / "moved"
    with pytest.raises(FolderMovedError, match=f"{table} {_MOVED}"):
        precompute(_SPACE, _Meddling(lambda: table.rename(moved)), table, seeds=1)
    assert os.listdir(tmp_path) == ["moved"] and len(read_table(moved).trials) == 19
    precompute(_SPACE, _Meddling(), moved, seeds=1)
    assert len(read_table(moved).trials) == 64


_CHANGED = "it was moved, removed, replaced or edited. What is finished is kept in the rest of the folder. Put back"


def _link_elsewhere(path):
    path.rename(path.with_name("elsewhere"))
    (path.parent / "another").mkdir()
    path.symlink_to("another")


def _put_back(path):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.with_name("elsewhere").rename(path)


@pytest.mark.parametrize("name", ["dataset", "config.json"])
@pytest.mark.parametrize(
    "meddle",
    [
        pytest.param(lambda path: path.rename(path.with_name("elsewhere")), id="moved"),
        pytest.param(lambda path: (path.rename(path.with_name("elsewhere")), path.mkdir()), id="made anew"),
        pytest.param(lambda path: (path.rename(path.with_name("elsewhere")), path.touch()), id="a file instead"),
        pytest.param(_link_elsewhere, id="linked elsewhere"),
    ],
)
def test_a_part_of_a_run_that_is_not_there_any_more_ends_it_at_once_and_no_child_is_lost(tmp_path, name, meddle):
    run, before = tmp_path / "run", {}

    def act():
        meddle(run / name)
        before.update(_files(run))

    evaluator = _Meddling(act)
    with pytest.raises(DataError, match=f"{name} is no longer the .* when this process began: {_CHANGED}"):
        nk.search(_SPACE, evaluator, strategy="random", max_evaluations=40, workdir=run)
    after = _files(run)
    new = [path for path in after if path not in before]
    assert len(new) == 1 and new[0].startswith("pending/") and {**after, **before} == after  # the 20th child
    assert evaluator._count == 20
    _put_back(run / name)
    again = _Meddling()
    result = nk.search(_SPACE, again, strategy="random", max_evaluations=40, workdir=run)
    assert (result.num_evaluations, again._count) == (40, 20)


@pytest.mark.parametrize(("meddle", "kept"), [(shutil.rmtree, 20), (_put_back, 0)], ids=["removed", "no folder"])
def test_a_pending_folder_that_is_removed_is_made_anew_with_all_children(tmp_path, meddle, kept):
    run = tmp_path / "run"

    def act():
        pending = run / "pending"
        if kept:
            shutil.rmtree(pending)
        else:
            pending.rename(run / "elsewhere")
            pending.touch()

    says = "is no longer the folder that was there" if not kept else "A new one holds 4 finished children of the"
    with pytest.raises(DataError, match=says):
        _search(run, act)
    if not kept:
        with pytest.raises(DataError, match="pending must be a folder, but a file or a broken link is in its place"):
            _search(run)
        meddle(run / "pending")
    again = _Meddling()
    assert nk.search(_SPACE, again, strategy="random", max_evaluations=40, workdir=run).num_evaluations == 40
    assert again._count == (20 if kept else 21)  # of the other, the child that could not be written is evaluated again


def test_a_start_without_the_dataset_says_so_instead_of_searching_anew(tmp_path):
    _search(tmp_path)
    (tmp_path / "dataset").rename(tmp_path / "elsewhere")
    before = _files(tmp_path)
    with pytest.raises(
        DataError, match="dataset is missing, but .*checkpoints shows that trials were stored there. Pu"
    ):
        _search(tmp_path)
    assert _files(tmp_path) == before and not (tmp_path / "dataset").exists()
    shutil.rmtree(tmp_path / "checkpoints")
    assert _search(tmp_path).num_resumed == 0


def test_a_configuration_that_is_replaced_by_an_equal_one_is_not_minded_and_an_edited_one_is(tmp_path):
    config = tmp_path / "config.json"

    def copy():
        text = config.read_text()
        config.unlink()
        config.write_text(text)

    assert _search(tmp_path, copy).num_evaluations == 40
    with pytest.raises(FolderMovedError, match=f"config.json is no longer the file .*{_CHANGED}"):
        _search(tmp_path / "other", lambda: (tmp_path / "other" / "config.json").write_text("{}"))


@pytest.mark.parametrize("name", ["pending", "recipe.json"])
def test_a_part_of_a_table_that_is_removed_ends_it_too(tmp_path, name):
    def act():
        path = tmp_path / name
        path.rename(tmp_path.with_name(f"{tmp_path.name}.{name}"))

    says = "A new one holds 20 finished" if name == "pending" else f"recipe.json is no longer the file .*{_CHANGED}"
    with pytest.raises(DataError, match=says):
        precompute(_SPACE, _Meddling(act), tmp_path, seeds=1)
    if name == "recipe.json":
        tmp_path.with_name(f"{tmp_path.name}.{name}").rename(tmp_path / name)
    again = _Meddling()
    precompute(_SPACE, again, tmp_path, seeds=1)
    assert len(read_table(tmp_path).trials) == 64 and again._count == 44
    assert sorted(os.listdir(tmp_path)) == ["recipe.json", "trials-000000.tfrecord"]


def test_a_folder_that_goes_while_a_file_is_written_is_not_made_anew(tmp_path):
    run = Workspace(tmp_path / "run")
    with run.locked(), pytest.raises(atomic_files.WriteError, match="cannot be written: No such file or directory"):
        atomic_files.write_whole(run.config, lambda temporary: (temporary.touch(), _move(run.root)))
    assert os.listdir(tmp_path) == ["moved"]


def test_what_is_not_locked_is_written_wherever_it_is(tmp_path):
    with Workspace(tmp_path / "run").locked():
        atomic_files.write_whole(tmp_path / "new" / "deep" / "page", lambda temporary: temporary.write_text("x"))
    assert (tmp_path / "new" / "deep" / "page").read_text() == "x"
    assert not locks.is_held(tmp_path / "run")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF])
def test_a_file_system_without_locks_is_one_sentence_before_any_file(tmp_path, monkeypatch, number):
    def refuse(descriptor, operation):
        raise OSError(number, "?")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InvalidValueError) as caught:
        _search(tmp_path / "run")
    assert str(caught.value) == (
        f"{tmp_path / 'run' / 'lock'} cannot be locked: {os.strerror(number)}. Its file system has no locks, which "
        "keep two processes apart. Name a folder on a local disk."
    )
    assert os.listdir(tmp_path / "run") == ["lock"]
    with pytest.raises(InvalidValueError, match=f"table cannot be locked: {os.strerror(number)}. Its file system has"):
        precompute(_SPACE, _Meddling(), tmp_path / "table", seeds=1)
    assert os.listdir(tmp_path / "table") == []


def test_a_network_folder_that_locks_files_only_takes_runs(tmp_path, monkeypatch):
    flock = fcntl.flock

    def refuse_folders(descriptor, operation):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EBADF, "?")
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", refuse_folders)
    with Workspace(tmp_path).locked(), pytest.raises(InvalidValueError, match="Another process is running in"):
        _search(tmp_path)
    assert _search(tmp_path).num_evaluations == 40


def test_a_repair_waits_for_no_writer_of_the_table_and_no_writer_for_it(tmp_path):
    precompute(_SPACE, _Meddling(), tmp_path, seeds=1)
    writer = TableWriter(tmp_path, space=_SPACE, recipe=_Meddling.recipe)
    with writer.locked(), pytest.raises(InvalidValueError, match="Another process is filling the table"):
        repair(tmp_path)
    assert repair(tmp_path).kept == 64
