"""Tests of nas_keras/children/train_config.py."""

import dataclasses
import math

import numpy as np
import pytest

from nas_keras.children.named_recipes import settings_of
from nas_keras.children.train_config import TrainConfig
from nas_keras.errors import InvalidValueError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs=0 is not allowed: it must be an integer of at least 1."),
        ({"epochs": 1.5}, "epochs=1.5 is not allowed: it must be an integer of at least 1."),
        ({"batch_size": 0}, "batch_size=0 is not allowed: it must be an integer of at least 1."),
        ({"learning_rate": -0.1}, "learning_rate=-0.1 is not allowed: it must be a number of at least 0."),
        ({"learning_rate": math.nan}, "learning_rate=nan is not allowed: it must be a number of at least 0."),
        ({"warmup": -0.1}, "warmup=-0.1 is not allowed: it must be a number of at least 0."),
        ({"warmup": 1.0}, "warmup=1.0 is a fraction of the steps: give 0 or more and less than 1."),
        ({"shift": -1}, "shift=-1 is not allowed: it must be an integer of at least 0."),
        (
            {"precision": "float8"},
            "precision='float8' is unknown. Allowed: float32, mixed_float16, mixed_bfloat16.",
        ),
        ({"jit_compile": 1}, "jit_compile=1 is not allowed: it must be True or False."),
        ({"flip": "horizontal"}, "flip='horizontal' is not allowed: it must be True or False."),
        ({"rotate": -1}, "rotate=-1 is not allowed: it must be a number of at least 0."),
        ({"rotate": 181.0}, "rotate=181.0 is not allowed: it must be a number of at most 180."),
        ({"rotate": math.nan}, "rotate=nan is not allowed: it must be a number of at least 0."),
        ({"weight_decay": -1e-4}, "weight_decay=-0.0001 is not allowed: it must be a number of at least 0."),
        (
            {"weight_decay": 200},
            "weight_decay=200 with learning_rate=0.01 is not allowed: their product, by which a step shrinks a kernel, "
            "must be below 1. 0.0001 to 0.1 are usual.",
        ),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1 is not allowed: it must be a number of at least 0."),
        (
            {"label_smoothing": 1},
            "label_smoothing=1 is a fraction of a label: give 0 or more and less than 1.",
        ),
        ({"class_weights": "even"}, "class_weights='even' is unknown. Allowed: none, balanced."),
        ({"ema": -0.1}, "ema=-0.1 is not allowed: it must be a number of at least 0."),
        ({"ema": 1}, "ema=1 must be below 1; 0.99 to 0.9999 are usual."),
        ({"class_weights": None}, "class_weights=None is unknown. Allowed: none, balanced."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(settings, message):
    with pytest.raises(InvalidValueError) as caught:
        TrainConfig(**settings)
    assert str(caught.value) == message


def test_numpy_numbers_become_python_numbers():
    config = TrainConfig(epochs=np.int8(3), rotate=np.float32(0.5))
    assert type(config.epochs) is int and type(config.rotate) is float


def test_the_recipe_of_the_default_settings_is_that_of_the_first_version():
    first = {"epochs": 1, "batch_size": 128, "learning_rate": 0.01, "warmup": 0.25, "shift": 0}
    assert settings_of(TrainConfig()) == first
    assert settings_of(TrainConfig(flip=True, rotate=5)) == {**first, "flip": True, "rotate": 5}
    later = {field.name for field in dataclasses.fields(TrainConfig) if field.metadata.get("later")}
    assert later == {field.name for field in dataclasses.fields(TrainConfig)} - set(first)
