"""Tests of nas_keras/children/named_recipes.py."""

import pytest

import nas_keras as nk
from nas_keras.children.caveats import few_steps
from nas_keras.children.named_recipes import FINAL, NAMED, configs_of, settings_of
from nas_keras.errors import DataError
from nas_keras.storage.recipe import fingerprint


def test_a_setting_that_came_later_is_in_a_recipe_only_if_it_is_set():
    old = {"epochs": 1, "batch_size": 128, "learning_rate": 0.01, "warmup": 0.25, "shift": 0}
    assert settings_of(nk.TrainConfig()) == old
    assert settings_of(nk.TrainConfig(precision="mixed_bfloat16", jit_compile=True)) == {
        **old,
        "precision": "mixed_bfloat16",
        "jit_compile": True,
    }


def test_the_configurations_of_a_recipe_are_those_it_was_made_of():
    child, train = nk.ChildConfig(filters=3, stages=1), nk.TrainConfig(epochs=7, precision="mixed_float16")
    assert configs_of({"child": settings_of(child), "train": settings_of(train)}, "here") == (child, train)


def test_the_recipes_of_final_trainings_are_long_and_average_the_weights():
    for train in FINAL.values():
        assert train.epochs >= 20 and 0.99 <= train.ema < 1
        assert few_steps(train, 55_000) is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"child": None}, "must be a mapping, not NoneType"),
        ({"child": {"depth": 3}}, "depth"),
        ({"train": {"epochs": 0}}, "epochs=0 is not allowed"),
    ],
)
def test_a_recipe_of_another_version_is_refused(changed, says):
    recipe = {"child": settings_of(nk.ChildConfig()), "train": settings_of(nk.TrainConfig()), **changed}
    with pytest.raises(DataError, match=f"The recipe in recipe.json cannot be .*{says}.* Use the version of nas_keras"):
        configs_of(recipe, "recipe.json")


def test_a_recipe_without_a_part_is_refused():
    with pytest.raises(DataError, match="The recipe in here cannot be used for training: 'train'"):
        configs_of({"child": {}}, "here")


def test_the_named_recipes_never_change():
    digests = {
        name: fingerprint({"child": settings_of(named.child), "train": settings_of(named.train)})
        for name, named in NAMED.items()
    }
    assert digests == {"mnist_v1": "f878240955e74c11", "mnist_1epoch_v1": "7308d8b49ebfef3b"}
    assert {named.dataset for named in NAMED.values()} == {"mnist"}
