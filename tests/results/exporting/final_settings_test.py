"""Tests of nas_keras/results/exporting/final_settings.py, without a training."""

import logging

import pytest
from helpers import tiny_images

import nas_keras as nk
from nas_keras.children.named_recipes import FINAL
from nas_keras.children.network import CellNetwork, OwnNetwork
from nas_keras.children.train_config import MOST_EPOCHS
from nas_keras.errors import InvalidValueError
from nas_keras.results.exporting.final_settings import FinalSettings, warn_if_shorter

SEARCH = CellNetwork(nk.ChildConfig(filters=4, stages=1))
TRAIN = nk.TrainConfig(epochs=4, batch_size=32, shift=2)


@pytest.mark.parametrize(("search", "final"), [(1, 10), (3, 10), (4, 12), (MOST_EPOCHS, MOST_EPOCHS)])
def test_by_default_it_has_ten_epochs_or_three_times_those_of_the_search(search, final):
    assert FinalSettings().train(nk.TrainConfig(epochs=search)).epochs == final


def test_everything_but_the_epochs_stays():
    final = FinalSettings(epochs=8)
    assert final.train(TRAIN) == nk.TrainConfig(epochs=8, batch_size=32, shift=2)
    assert final.network(SEARCH) == SEARCH and final.changes(SEARCH, TRAIN) == {} and final.recipe_name == ""
    assert final.slowdown(SEARCH, None) == 1  # no image is needed


def test_a_recipe_has_epochs_of_its_own_which_the_argument_replaces():
    recipe = FINAL["mnist_long_v1"]
    assert FinalSettings(recipe="mnist_long_v1").train(TRAIN) == recipe
    assert FinalSettings(recipe=recipe).train(TRAIN) == recipe and FinalSettings(recipe=recipe).recipe_name == ""
    named = FinalSettings(3, "mnist_long_v1")
    assert named.train(TRAIN).epochs == 3 and named.recipe_name == "mnist_long_v1"
    changes = named.changes(SEARCH, TRAIN)
    assert changes["ema"] == recipe.ema and "epochs" not in changes and "filters" not in changes


def test_a_larger_network_changes_what_is_given_and_costs_more():
    final = FinalSettings(filters=8, stem_stride=1)
    assert final.network(SEARCH).child == nk.ChildConfig(filters=8, stages=1, stem_stride=1)
    assert final.changes(SEARCH, TRAIN) == {"filters": 8, "stem_stride": 1}
    assert FinalSettings(filters=4).changes(SEARCH, TRAIN) == {}  # as in the search
    assert 10 < final.slowdown(SEARCH, tiny_images(count=8)) < 16  # four times the pixels and four times the products


def test_fewer_epochs_than_in_the_search_give_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        warn_if_shorter(nk.TrainConfig(epochs=4), nk.TrainConfig(epochs=4))
        assert not caplog.messages
        warn_if_shorter(nk.TrainConfig(epochs=2), nk.TrainConfig(epochs=4))
    assert "The final training has 2 epochs, fewer than the 4 of the search" in caplog.text


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"epochs": 0}, "epochs=0 is not allowed: it must be an integer of at least 1."),
        ({"recipe": "longer"}, "recipe='longer' is unknown. Allowed: mnist_long_v1."),
        ({"recipe": 3}, "recipe=3 is unknown. Allowed: mnist_long_v1."),
        ({"filters": 0}, "filters=0 is not allowed: it must be an integer of at least 1."),
        ({"filters": 16_384}, "filters=16384 is not allowed: it must be an integer of at most 4,096."),
    ],
)
def test_what_cannot_be_is_refused(settings, says):
    with pytest.raises(InvalidValueError) as error:
        FinalSettings(**settings)
    assert str(error.value) == says


def test_a_network_of_the_user_has_no_such_settings():
    own = OwnNetwork("tower", b"", {}, {})
    assert FinalSettings(5, "mnist_long_v1").network(own) is own
    with pytest.raises(InvalidValueError) as error:
        FinalSettings(cells_per_stage=2).network(own)
    assert str(error.value) == (
        "cells_per_stage=2 of the final training is not allowed: it is for children around cells, and a function of "
        "yours (build=) makes the whole network here. Leave it out."
    )


@pytest.mark.parametrize(
    ("final", "says"),
    [
        (FinalSettings(stem_stride=12), "An image of 12x12 is too small for 2 stages with stem stride 12"),
        (
            FinalSettings(recipe=nk.TrainConfig(shift=12)),
            "shift=12 (--shift) is not allowed for images of 12x12 pixels",
        ),
    ],
)
def test_images_that_are_too_small_are_refused(final, says):
    images = tiny_images(count=8)
    assert images.image_shape == (12, 12, 1)
    with pytest.raises(InvalidValueError) as error:
        final.check(CellNetwork(nk.ChildConfig(filters=2)), TRAIN, images)
    assert says in str(error.value)
