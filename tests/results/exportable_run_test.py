"""Tests of nas_keras/results/exportable_run.py: recipes and sources; export_test.py exports runs."""

import types

import pytest
from helpers import tiny_images

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.training import make_recipe
from nas_keras.results.exportable_run import ExportableRun, check_exportable

_IMAGES = tiny_images(count=64)
_RECIPE = make_recipe(_IMAGES, nk.ChildConfig(), nk.TrainConfig(epochs=2), "none")


def test_rewards_of_trained_children_can_be_exported():
    check_exportable(_RECIPE)
    check_exportable(_RECIPE, _IMAGES)


def test_rewards_of_a_function_cannot():
    with pytest.raises(InvalidValueError, match="^The rewards do not come from trained children but from .'function'"):
        check_exportable({"function": "f"})


def test_other_images_are_refused():
    with pytest.raises(DataError, match=f"but the rewards of this run came from {_IMAGES.digest[:16]}: another data"):
        check_exportable(_RECIPE, tiny_images(count=32))


@pytest.mark.parametrize("data", [None, {}, {"digest": 3}])
def test_a_recipe_that_does_not_name_its_images_is_corrupt(data):
    with pytest.raises(DataError, match="^The recipe does not name the images of the rewards"):
        check_exportable({**_RECIPE, "data": data})


def _run(source=None, variants=None):
    opened = types.SimpleNamespace(config={"source": source}, recipe=_RECIPE, variants=variants or {}, environment={})
    return ExportableRun(opened, nk.spaces.small(), None, nk.TrainConfig(epochs=2))


@pytest.mark.parametrize(("source", "says"), [({"table": "t"}, "came from a table"), (None, "was made from arrays")])
def test_images_that_were_not_loaded_by_name_must_be_given(source, says):
    with pytest.raises(InvalidValueError, match=f"^The run {says}: pass the same images to export_best"):
        _run(source).load_images()


def test_a_child_that_needed_half_the_batch_is_trained_with_half_of_it():
    half = make_recipe(_IMAGES, nk.ChildConfig(), nk.TrainConfig(epochs=2, batch_size=32), "none")
    run, train = _run(variants={"half": half}), nk.TrainConfig(epochs=10, batch_size=64)
    for recipe, batch_size in (("half", 32), ("", 64)):
        trial = nk.Trial(0, 0, 0, 0, (0, 0), (), "0,0", False, nk.Evaluation(0.5, recipe=recipe))
        assert run.training_of(trial, train) == nk.TrainConfig(epochs=10, batch_size=batch_size)
