"""Tests of nas_keras/_launch/config_flags.py."""

import dataclasses

import pytest
from helpers import ask_flags, run_launch

import nas_keras as nk
from nas_keras._launch.config_flags import attribute_texts
from nas_keras.children.train_config import flag_name

_DEFINE = """
from nas_keras._launch.config_flags import ConfigFlags

child = ConfigFlags(nk.ChildConfig, unset={"stages": "follows from the images"})
train = ConfigFlags(nk.TrainConfig, defaults={"epochs": 10})
"""


def test_flags_make_the_configuration_that_they_describe():
    all_flags = {"epochs": 3, "train_batch_size": 32, "learning_rate": 0.5, "warmup": 0.0, "shift": 2}
    all_flags |= {"precision": "mixed_float16", "jit_compile": True, "flip": True, "rotate": 10.0}
    all_flags |= {"weight_decay": 0.25, "label_smoothing": 0.5, "class_weights": "balanced", "ema": 0.5}
    fields = {"batch_size" if name == "train_batch_size" else name: value for name, value in all_flags.items()}
    assert set(fields) == {field.name for field in dataclasses.fields(nk.TrainConfig)}
    shape = {"filters": 8, "stages": 1, "cells_per_stage": 2, "stem_stride": 1}
    shape |= {"batch_norm_momentum": 0.5, "dropout": 0.25}
    assert set(shape) == {field.name for field in dataclasses.fields(nk.ChildConfig)}
    assert ask_flags(
        _DEFINE,
        ["train.make()"],
        ["train.make()", *(f"--{name}={value}" for name, value in all_flags.items())],
        ["child.make()"],
        ["child.make()", *(f"--{name}={value}" for name, value in shape.items())],
        ["child.given(), train.given()", "--stages=3", "--noflip", "--train_batch_size=7"],
        ["child.values()"],
        ["train.replace(nk.TrainConfig(shift=3), train.given())", "--epochs=2"],
        ["train.names[:2], train.name('batch_size'), train.name('stages')"],
    ) == [
        repr(nk.TrainConfig(epochs=10)),
        repr(nk.TrainConfig(**fields)),
        repr(nk.ChildConfig()),
        repr(nk.ChildConfig(**shape)),
        "({'stages': 3}, {'batch_size': 7, 'flip': False})",
        repr({f.name: f.default for f in dataclasses.fields(nk.ChildConfig) if f.name != "stages"}),
        repr(nk.TrainConfig(epochs=2, shift=3)),
        "(['epochs', 'train_batch_size'], '--train_batch_size', None)",
    ]


def test_a_wrong_value_is_refused_with_the_name_of_the_flag():
    assert ask_flags(
        _DEFINE,
        ["train.make()", "--train_batch_size=0"],
        ["train.make()", "--weight_decay=200"],
        ["train.make()", "--class_weights=even"],
        ["child.make()", "--filters=4096", "--stages=9"],
        ["train.make()", "--epochs=many"],
    ) == [
        "InvalidValueError: --train_batch_size=0 is not allowed: it must be an integer of at least 1.",
        "InvalidValueError: --weight_decay=200.0 with --learning_rate=0.01 is not allowed: their product, by which a "
        "step shrinks a kernel, must be below 1. 0.0001 to 0.1 are usual.",
        "InvalidValueError: --class_weights='even' is unknown. Allowed: none, balanced.",
        "InvalidValueError: --filters=4096 with --stages=9 is not allowed: the last stage would have 1,048,576 "
        "filters, and at most 16,384 fit into memory. Use fewer filters or stages.",
        "IllegalFlagValueError: flag --epochs=many: invalid literal for int() with base 10: 'many'",
    ]


@pytest.mark.parametrize("config", [nk.ChildConfig, nk.TrainConfig])
def test_the_docstring_describes_every_field(config):
    texts = attribute_texts(config)
    assert list(texts) == [field.name for field in dataclasses.fields(config)]
    assert all(len(text) > 20 and text.endswith(".") and "  " not in text for text in texts.values())


def test_a_field_that_the_docstring_leaves_out_is_found():
    @dataclasses.dataclass
    class Config:
        """Settings.

        Attributes:
            one: the first.

        other: no field.
        """

        one: int = 1
        other: int = 2

    with pytest.raises(KeyError, match="other"):
        attribute_texts(Config)


@pytest.mark.parametrize("script", ["search.py", "train_child.py"])
def test_help_has_every_setting_with_its_text(script):
    text = " ".join(run_launch(script, "--help").stdout.split())
    for config in (nk.ChildConfig, nk.TrainConfig):
        for field in dataclasses.fields(config):
            described = attribute_texts(config)[field.name]
            prefix = "[no]" if field.default in (True, False) and type(field.default) is bool else ""
            assert f" --{prefix}{flag_name(field)}: {described[0].upper()}{described[1:40]}" in text, field.name
