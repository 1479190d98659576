"""Tests of nas_keras/data/sources.py on sources alone; folder_test.py and images_test.py load images again."""

import pytest

from nas_keras.data import sources
from nas_keras.errors import DataError

_FOLDER = {"folder": "/a", "valid": 0.1, "test": 0.2, "seed": 3, "name": "pets", "image_size": [8, 9]}
_DATASET = {"dataset": "mnist", "version": "3.0.1", "data_dir": "/a", "split_rule": "tail", "image_size": None}


@pytest.fixture(name="loaded")
def _loaded(monkeypatch):
    """The arguments of what is loaded."""
    calls = []
    monkeypatch.setattr(sources.Images, "from_folder", lambda *args, **settings: calls.append((*args, settings)))
    monkeypatch.setattr(sources, "load_by_rule", lambda *args: calls.append(args))
    return calls


def test_arrays_cannot_be_loaded_again():
    assert [sources.is_loadable(source) for source in (_FOLDER, _DATASET, {"table": "t"}, {}, None)] == [
        True, True, False, False, False
    ]  # fmt: skip


def test_a_folder_has_the_splits_that_it_had(loaded):
    sources.load_source(_FOLDER)
    sources.load_source(_FOLDER, data_dir="/moved", memory_limit=2.0)
    settings = {"valid": 0.1, "test": 0.2, "seed": 3, "name": "pets", "memory_limit": None}
    assert loaded == [("/a", (8, 9), settings), ("/moved", (8, 9), {**settings, "memory_limit": 2.0})]


def test_a_data_set_has_its_version_and_rule(loaded):
    sources.load_source(_DATASET)
    sources.load_source({**_DATASET, "image_size": [8, 9]}, data_dir="/moved")
    older = {name: value for name, value in _DATASET.items() if name != "split_rule"}
    sources.load_source(older)
    assert [call[:5] for call in loaded] == [
        ("mnist:3.0.1", "/a", False, None, "tail"),
        ("mnist:3.0.1", "/moved", False, (8, 9), "tail"),
        ("mnist:3.0.1", "/a", False, None, "tail"),
    ]


def test_a_prepared_folder_is_named_by_its_path_unless_it_was_moved(loaded):
    prepared = {**_DATASET, "prepared": "/sets/mine/1.0.0"}
    sources.load_source(prepared)
    sources.load_source(prepared, data_dir="/moved")
    assert [call[:2] for call in loaded] == [("/sets/mine/1.0.0", None), ("mnist:3.0.1", "/moved")]


@pytest.mark.parametrize("source", [{"folder": "/a"}, {"dataset": "mnist"}, {**_DATASET, "image_size": 3}, 3])
def test_an_incomplete_source_is_corrupt(source):
    with pytest.raises(DataError, match="^config.json does not say where the images are: "):
        sources.load_source(source)
