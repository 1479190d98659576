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


def test_files_replace_those_before_and_none_of_them_stays(run):
    folder = export_folder.child_folder(run, 2)
    for text, names in (("old", ("saved_model", "model.onnx", "MODEL_CARD.md")), ("new", ("saved_model",))):
        temporary = export_folder.make_temporary_path(run.best, folder)
        for name in names:
            (temporary / name).mkdir(parents=True)
            (temporary / name / "weights").write_text(text)
        (folder / "mine.txt").touch()
        export_folder.install(folder)
        assert (folder / "saved_model" / "weights").read_text() == text
    assert sorted(entry.name for entry in folder.iterdir()) == ["mine.txt", "saved_model"]


def test_a_folder_is_complete_with_its_card_and_what_was_asked_for(run):
    assert not export_folder.is_complete(run.best, quantize=False)
    for name in ("saved_model", "architecture.json", "MODEL_CARD.md"):
        (run.best / name).mkdir(parents=True)
    assert export_folder.is_complete(run.best, quantize=False)
    assert not export_folder.is_complete(run.best, quantize=True)


def test_what_an_export_left_behind_is_removed(run):
    temporary = export_folder.make_temporary_path(run.best)
    temporary.mkdir()
    export_folder.discard(run.best)
    export_folder.discard(run.best)
    assert list(run.best.iterdir()) == []


def test_the_summary_shows_errors_where_they_are_known():
    assert _CHILD.summary == "validation 75.00% ± 1.00%, test 50.00% ± 2.00% (1,234 parameters)"
    older = dataclasses.replace(_CHILD, test_accuracy=None, valid_error=None, guessing=None)
    assert older.summary == "validation 75.00%, no test split (1,234 parameters)"
    assert older.comparison == "Its validation accuracy in the search was 50.00%."
    assert _CHILD.comparison.endswith("50.00%, and guessing gets 25.00% right.")


def test_a_child_without_a_name_has_its_key_as_title():
    assert _CHILD.title == "conv_3x3" and dataclasses.replace(_CHILD, name="my cell").title == "my cell"
