"""Tests of nas_keras/storage/recipe.py."""

import hashlib

import pytest

from nas_keras.errors import DataError
from nas_keras.storage import recipe, run_config


def test_a_fingerprint_is_the_head_of_a_sha256_of_compact_sorted_json():
    text = '{"child":{"filters":16},"train":{"epochs":1}}'
    expected = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert recipe.fingerprint({"train": {"epochs": 1}, "child": {"filters": 16}}) == expected


def test_the_fingerprint_of_the_empty_recipe_stays_as_it_is_in_the_runs_that_exist():
    assert recipe.fingerprint({}) == "44136fa355b3678a"  # sha256sum of "{}"


def test_the_order_of_names_does_not_matter():
    assert recipe.fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == recipe.fingerprint({"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"epochs": 2, "sizes": [1, 2]}, id="a value"),
        pytest.param({"epoch": 1, "sizes": [1, 2]}, id="a name"),
        pytest.param({"epochs": 1, "sizes": [2, 1]}, id="the order of a list"),
        pytest.param({"epochs": 1}, id="a name less"),
        pytest.param({"epochs": "1", "sizes": [1, 2]}, id="a type"),
    ],
)
def test_another_recipe_has_another_fingerprint(other):
    assert recipe.fingerprint(other) != recipe.fingerprint({"epochs": 1, "sizes": [1, 2]})


_CONFIG = {
    "fixed": {"strategy": {"name": "ppo", "config": {}}, "seed": 0, "batch_size": 8, "lag": 1},
    "budget": {"max_evaluations": 4},
}


def test_settings_that_a_run_needs():
    run_config.check_settings(_CONFIG, "config.json")


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("fixed", "strategy", None),
        ("fixed", "strategy", {"name": 3, "config": {}}),
        ("fixed", "strategy", {"name": "ppo", "config": "x"}),
        ("fixed", "seed", "0"),
        ("fixed", "seed", True),
        ("fixed", "batch_size", None),
        ("fixed", "lag", None),
        ("budget", "max_evaluations", 0.5),
    ],
)
def test_a_configuration_that_does_not_say_them_is_refused(part, name, value):
    config = {**_CONFIG, part: {**_CONFIG[part], name: value}}
    message = "config.json lacks its strategy, seed, batch size, lag or budget. Restore"
    with pytest.raises(DataError, match=message):
        run_config.check_settings(config, "config.json")


def test_a_configuration_without_a_budget_is_refused():
    with pytest.raises(DataError, match="lacks its strategy, seed, batch size, lag or budget"):
        run_config.check_settings({**_CONFIG, "budget": None}, "config.json")
