"""Tests of nas_keras/results/export_folder.py, without a model."""

import dataclasses

import pytest

from nas_keras.errors import DataError
from nas_keras.results import export_folder
from nas_keras.results.export_folder import ExportedChild
from nas_keras.storage.run_folder import Workspace

_CHILD = ExportedChild(
    1, "conv_3x3", 0.5, 0.75, 0.5, 10, 3, 1_234, "best/saved_model", valid_error=0.01, test_error=0.02, guessing=0.25
)


@pytest.fixture(name="run")
def _run(tmp_path):
    return Workspace(tmp_path)


def test_the_list_comes_back_in_the_order_of_the_ranks(run):
    assert export_folder.read_exported(run) == []
    run.best.mkdir()
    second = dataclasses.replace(_CHILD, rank=2, test_accuracy=None)
    export_folder.write_exported(run, {2: second, 1: _CHILD}, ["a", "b"])
    assert export_folder.read_exported(run) == [_CHILD, second]


@pytest.mark.parametrize("text", ['{"children": [{"rank": 1}]}', '{"children": 3}', "{}"])
def test_another_file_is_refused(run, text):
    run.best.mkdir()
    (run.best / "children.json").write_text(text)
    with pytest.raises(DataError, match="children.json is not a list of exported children: .* Remove it, and export"):
        export_folder.read_exported(run)


def test_a_field_of_another_type_is_named(run):
    run.best.mkdir()
    export_folder.write_exported(run, {1: dataclasses.replace(_CHILD, epochs="ten")}, [])
    with pytest.raises(DataError, match="epochs 'ten'"):
        export_folder.read_exported(run)


def test_the_best_child_has_no_folder_of_its_own(run):
    assert export_folder.saved_model_path(run, 1) == run.best / "saved_model"
    assert export_folder.saved_model_path(run, 3) == run.best / "rank_3" / "saved_model"


def test_a_model_replaces_the_one_before(run):
    for text in ("old", "new"):
        temporary = export_folder.make_temporary_path(run, 2)
        temporary.mkdir()
        (temporary / "weights").write_text(text)
        path = export_folder.install_model(run, 2, temporary)
        assert (path / "weights").read_text() == text
    assert [entry.name for entry in path.parent.iterdir()] == ["saved_model"]


def test_the_summary_shows_errors_where_they_are_known():
    assert _CHILD.summary == "validation 75.00% ± 1.00%, test 50.00% ± 2.00% (1,234 parameters)"
    older = dataclasses.replace(_CHILD, test_accuracy=None, valid_error=None, guessing=None)
    assert older.summary == "validation 75.00%, no test split (1,234 parameters)"
    assert older.comparison == "Its validation accuracy in the search was 50.00%."
    assert _CHILD.comparison.endswith("50.00%, and guessing gets 25.00% right.")


def test_a_child_without_a_name_has_its_key_as_title():
    assert _CHILD.title == "conv_3x3" and dataclasses.replace(_CHILD, name="my cell").title == "my cell"
