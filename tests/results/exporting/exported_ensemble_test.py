"""Tests of nas_keras/results/exporting/exported_ensemble.py: what it says, and its file."""

import dataclasses
import json

import pytest

import nas_keras as nk
from nas_keras.results.export_folder import ExportedChild
from nas_keras.results.exporting.exported_ensemble import (
    ExportedEnsemble,
    ensemble_folder,
    read_ensemble,
    write_ensemble_list,
)
from nas_keras.storage.run_folder import Workspace

FIRST = ExportedChild(1, "a", 0.97, 0.96, 0.95, 10, 7, 100, "best/saved_model")
SECOND = dataclasses.replace(FIRST, rank=2, key="b", test_accuracy=0.93)
ENSEMBLE = ExportedEnsemble((FIRST, SECOND), 0.98, 0.975, 200, "best/ensemble/saved_model", 0.01, 0.02, 0.1)


def test_what_it_says_of_itself():
    assert ENSEMBLE.title == "Ensemble of the 2 best children"
    assert ENSEMBLE.summary == "validation 98.00% ± 1.00%, test 97.50% ± 2.00% (200 parameters)"
    assert ENSEMBLE.comparison == (
        "The test accuracies of its members are 93.00% to 95.00%, and guessing gets 10.00% right."
    )
    children = tuple(dataclasses.replace(child, test_accuracy=None) for child in ENSEMBLE.children)
    untested = dataclasses.replace(ENSEMBLE, children=children, test_accuracy=None, test_error=None)
    assert "no test split (200" in untested.summary and "The validation accuracies of its" in untested.comparison


def test_its_file_is_read_again(tmp_path):
    workspace = Workspace(tmp_path)
    assert read_ensemble(workspace) is None
    folder = ensemble_folder(workspace)
    folder.mkdir(parents=True)
    write_ensemble_list(ENSEMBLE, folder)
    assert read_ensemble(workspace) == ENSEMBLE
    path = folder / "ensemble.json"
    for damaged in ({"children": 3}, {"children": []}, json.loads(path.read_text()) | {"more": 1}):
        path.write_text(json.dumps(damaged))
        with pytest.raises(nk.DataError, match="ensemble.json does not describe an ensemble: .* Remove it, and export"):
            read_ensemble(workspace)
