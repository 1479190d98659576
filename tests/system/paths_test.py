"""Tests of nas_keras/system/paths.py, and of the functions that take a user's paths."""

import os
import pathlib

import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.errors import InvalidValueError
from nas_keras.results.precompute import precompute
from nas_keras.results.repair import repair
from nas_keras.results.runs import read_runs
from nas_keras.storage.table import read_table
from nas_keras.storage.table_writer import merge_tables
from nas_keras.storage.taking import take
from nas_keras.system.output_files import check_apart, result_file
from nas_keras.system.paths import check_loadable, local_path

_SPACE = grid(4, 4)


class _Sum(nk.Evaluator):
    recipe = {"name": "sum"}

    def evaluate(self, jobs):
        for job in jobs:
            yield job, nk.Evaluation(float(sum(job.architecture)), seconds=1.0)


def test_paths_are_absolute_and_nothing_is_resolved_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    for given, expected in (
        ("run", tmp_path / "run"),
        (pathlib.Path("a/../run"), tmp_path / "a" / ".." / "run"),  # a may be a link
        ("/x/run", "/x/run"),
        ("~", "/home/somebody"),
        ("~/run", "/home/somebody/run"),
        ("./~", tmp_path / "~"),
        ("run: 1, größe", tmp_path / "run: 1, größe"),
        ("a:/b", tmp_path / "a:" / "b"),
    ):
        assert local_path("workdir", given) == pathlib.Path(expected)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "it must be the path of a folder."),
        (3, "it must be the path of a folder."),
        ("", "it must be the path of a folder."),
        (b"run", "it must be the path of a folder."),
        ("gs://bucket/run", "it must be a local path. Name a local folder, or mount the remote one."),
        ("s3a://bucket/run", "it must be a local path."),
        (pathlib.Path("s3://bucket/run"), "it must be a local path."),
        ("run\udcff", "its name is not UTF-8. Rename it, or name another path."),
        ("run\0", "a path cannot contain a NUL character."),
        ("~nobody_of_this_name/run", "there is no such home folder. For a file or folder of that name in the current"),
        ("a" * 256, "a path has at most 3,800 bytes, and each name in it at most 255. Name a shorter one."),
        ("ü" * 128, "a path has at most 3,800 bytes"),
        ("/a" * 2000, "a path has at most 3,800 bytes"),
    ],
)
def test_a_path_that_cannot_be_is_refused_before_anything_is_written(tmp_path, monkeypatch, value, problem):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValueError) as caught:
        local_path("workdir", value)
    assert str(caught.value).startswith("workdir=") and f" is not allowed: {problem}" in str(caught.value)
    for call in (
        lambda: nk.search(_SPACE, _Sum(), strategy="random", workdir=3 if value is None else value),
        lambda: nk.search(_SPACE, _Sum(), strategy="random", warm_start_from=3 if value is None else value),
        lambda: precompute(_SPACE, _Sum(), value, seeds=1),
        lambda: nk.TableEvaluator(value),
        lambda: nk.export_best(value),
        lambda: repair(value),
        lambda: read_runs([value]),
        lambda: read_table(value),
        lambda: take([value], space=_SPACE, recipe={}, seeds=1),
        lambda: merge_tables([value], tmp_path / "table", space=_SPACE),
    ):
        with pytest.raises(InvalidValueError, match="is not allowed"):
            call()
    assert os.listdir(tmp_path) == []


def test_a_relative_path_in_a_folder_that_was_removed_is_refused(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(InvalidValueError, match="it is relative, and the current folder was removed. Go to another"):
        local_path("workdir", "run")
    assert local_path("workdir", "/x") == pathlib.Path("/x")


def test_what_changes_the_current_folder_does_not_move_a_run_or_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()

    class Wandering(_Sum):
        def evaluate(self, jobs):
            for place, result in enumerate(super().evaluate(jobs)):
                if place == 3:
                    os.chdir(tmp_path / "elsewhere")
                yield result

    result = nk.search(_SPACE, Wandering(), strategy="random", max_evaluations=16, batch_size=4, workdir="run")
    assert result.workdir == str(tmp_path / "run")  # absolute, so that it still means the run
    os.chdir(tmp_path)
    precompute(_SPACE, Wandering(), pathlib.Path("table"), seeds=1)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    os.chdir(tmp_path)
    assert len(read_table("table").trials) == 16
    assert nk.search(_SPACE, _Sum(), strategy="random", max_evaluations=16, batch_size=4, workdir="run").trials


def test_a_home_folder_is_found_wherever_a_path_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    nk.search(_SPACE, _Sum(), strategy="random", max_evaluations=8, workdir="~/run")
    precompute(_SPACE, _Sum(), pathlib.Path("~/table"), seeds=1)
    assert len(nk.TableEvaluator("~/table")) == 16
    assert merge_tables(["~/table"], "~/merged", space=_SPACE) == 16
    assert len(take(["~/run"], space=_SPACE, recipe=_Sum.recipe, seeds=1).trials) == 8
    assert repair("~/run").kept == 8
    assert nk.search(_SPACE, _Sum(), strategy="random", max_evaluations=1, warm_start_from="~/table").trials
    assert sorted(os.listdir(tmp_path / "home")) == ["merged", "run", "table"]
    assert result_file("csv", "~/curves.csv") == tmp_path / "home" / "curves.csv"
    with pytest.raises(InvalidValueError, match="is what --table=~/table reads"):
        check_apart(folders={"output": "home/table"}, read=[("table", "~/table")])
    assert os.listdir(tmp_path) == ["home"]


@pytest.mark.parametrize("character", "[]*?\\")
def test_an_export_is_refused_where_tensorflow_could_not_load_it(tmp_path, character):
    workdir = tmp_path / f"run{character}1"
    nk.search(_SPACE, _Sum(), strategy="random", max_evaluations=4, workdir=workdir)
    with pytest.raises(InvalidValueError) as caught:
        nk.export_best(workdir)
    assert str(caught.value) == (
        f"workdir={str(workdir)!r} is not allowed for an export: TensorFlow takes {character!r} for part of a pattern "
        "and could not load the network from there. Rename the folder (a run may be moved), then start again."
    )
    check_loadable("workdir", tmp_path / "run{1}: größe ()")
