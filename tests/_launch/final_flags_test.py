"""Tests of nas_keras/_launch/final_flags.py."""

from helpers import ask_flags

from nas_keras.children.named_recipes import FINAL

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
    budget = "final.time_budget(time.monotonic() - 20, evaluator, images)"
    assert ask_flags(
        _DEFINE,
        [budget],
        [f"round({budget}.seconds_left)", "--max_minutes=1"],
        [f"{budget}._least_epochs", "--max_minutes=1"],
        [f"round({budget}._slowdown, 1)", "--max_minutes=1", "--final_filters=32"],
    ) == ["None", "40", "5", "4.0"]


def test_the_settings_of_the_final_training_are_arguments_of_the_export_and_text_for_a_command():
    given = ["--final_recipe=mnist_long_v1", "--final_cells_per_stage=2"]
    assert ask_flags(
        _DEFINE,
        ["final.arguments, final.text, final.epochs(evaluator, images)", *given],
        ["final.arguments, final.text, final.epochs(evaluator, images)", *given, "--final_epochs=4"],
        ["final.arguments, final.text"],
    ) == [
        "({'recipe': 'mnist_long_v1', 'cells_per_stage': 2}, ' --final_recipe=mnist_long_v1 "
        f"--final_cells_per_stage=2', {epochs})"
        for epochs in (FINAL["mnist_long_v1"].epochs, 4)
    ] + ["({}, '')"]


def test_impossible_values_are_refused():
    assert ask_flags(
        _DEFINE,
        ["final.check()", "--max_minutes=0.01", "--final_epochs=0"],
        ["final.check()", "--max_minutes=0"],
        ["final.check()", "--final_epochs=-1"],
        ["final.check()", "--final_filters=0"],
        ["final.check()", "--final_filters=8", "--final_epochs=0"],
        ["final.check()", "--final_epochs=1000000000"],
    )[:5] == [
        "None",
        "InvalidValueError: max_minutes=0.0 is not allowed: it must be a number of at least 0.01.",
        "InvalidValueError: final_epochs=-1 is not allowed: it must be an integer of at least 0.",
        "InvalidValueError: --final_filters=0 is not allowed: it must be an integer of at least 1.",
        "InvalidValueError: --final_filters=8 is for the final training, and --final_epochs=0 leaves it out. "
        "Give epochs.",
    ]
