"""Tests of nas_keras/storage/run_config.py, on configurations as dictionaries."""

import pathlib

import pytest
from helpers import described_as_json, grid

from nas_keras.errors import DataError
from nas_keras.storage.recipe import fingerprint
from nas_keras.storage.run_config import check_settings, environment_of, origin_of

_PATH = pathlib.Path("config.json")
_SPACE = described_as_json(grid(3))
_FIXED = {"space": _SPACE, "recipe": {"mine": 1}, "seed": 3, "batch_size": 8, "lag": 0}
_CONFIG = {"fixed": {**_FIXED, "strategy": {"name": "ppo", "config": {}}}, "budget": {"max_evaluations": 9}}


def _changed(**fixed):
    return {**_CONFIG, "fixed": {**_CONFIG["fixed"], **fixed}}


def test_the_origin_of_a_run():
    origin = origin_of({**_CONFIG, "variants": {"half": {}}}, _PATH)
    assert origin == (_SPACE["fingerprint"], fingerprint({"mine": 1}), ("half",), 3)


@pytest.mark.parametrize("fixed", [{"recipe": None}, {"space": None}, {"space": {}}, {"recipe": [1]}])
def test_a_configuration_without_its_origin_is_corrupt(fixed):
    with pytest.raises(DataError, match="^config.json lacks its space, recipe or variants. Restore it from a copy."):
        origin_of(_changed(**fixed), _PATH)


def test_a_space_that_does_not_match_its_fingerprint_is_corrupt():
    with pytest.raises(DataError, match="^The space in config.json does not match its fingerprint"):
        origin_of(_changed(space={**_SPACE, "name": "other"}), _PATH)


def test_a_whole_configuration_passes():
    check_settings(_CONFIG, _PATH)


@pytest.mark.parametrize(
    "config",
    [
        _changed(strategy=None),
        _changed(strategy={"name": 3, "config": {}}),
        _changed(strategy={"name": "ppo"}),
        _changed(seed="3"),
        _changed(batch_size=None),
        _changed(lag=True),
        {**_CONFIG, "budget": {}},
        {"fixed": _CONFIG["fixed"]},
    ],
)
def test_settings_that_are_missing_or_of_another_type_are_corrupt(config):
    with pytest.raises(DataError, match="^config.json lacks its strategy, seed, batch size, lag or budget."):
        check_settings(config, _PATH)


def test_the_environment_is_an_object_and_older_runs_have_none():
    assert (
        environment_of({"environment": {"onednn": "1"}}, _PATH) == {"onednn": "1"} and environment_of({}, _PATH) == {}
    )
    with pytest.raises(DataError, match="^config.json has the environment 3, which is not a JSON object."):
        environment_of({"environment": 3}, _PATH)
