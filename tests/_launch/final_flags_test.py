"""Tests of nas_keras/_launch/final_flags.py."""

from helpers import ask_flags

_DEFINE = """
import dataclasses, time, types
from helpers import tiny_images
from nas_keras._launch.final_flags import FinalFlags
from nas_keras.evaluators.training import make_recipe

final = FinalFlags()
images = tiny_images(count=64)
recipe = make_recipe(images, nk.ChildConfig(), nk.TrainConfig(epochs=5), "none")
evaluator = types.SimpleNamespace(recipe=recipe)
"""


def test_the_final_training_has_three_times_the_epochs_or_those_of_the_flag():
    epochs = "final.exports, final.epochs(evaluator, images)"
    assert ask_flags(
        _DEFINE,
        [epochs],
        [epochs, "--final_epochs=2"],
        [epochs, "--final_epochs=0"],
    ) == ["(True, 15)", "(True, 2)", "(False, 0)"]


def test_children_of_other_images_are_not_trained():
    (answer,) = ask_flags(_DEFINE, ["final.epochs(evaluator, tiny_images(count=32))"])
    assert answer.startswith("DataError: The images of arrays have digest ")


def test_the_time_limit_counts_from_the_start_of_the_command():
    budget = "final.time_budget(time.monotonic() - 20, evaluator, 15)"
    assert ask_flags(
        _DEFINE,
        [budget],
        [f"round({budget}.seconds_left)", "--max_minutes=1"],
        [f"{budget}._least_epochs", "--max_minutes=1"],
    ) == ["None", "40", "5"]


def test_impossible_values_are_refused():
    assert ask_flags(
        _DEFINE,
        ["final.check()", "--max_minutes=0.01", "--final_epochs=0"],
        ["final.check()", "--max_minutes=0"],
        ["final.check()", "--final_epochs=-1"],
        ["final.check()", "--final_epochs=1000000000"],
    )[:3] == [
        "None",
        "InvalidValueError: max_minutes=0.0 is not allowed: it must be a number of at least 0.01.",
        "InvalidValueError: final_epochs=-1 is not allowed: it must be an integer of at least 0.",
    ]
