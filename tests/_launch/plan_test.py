"""Tests of nas_keras/_launch/plan.py: what is printed before a search."""

from helpers import grid, tiny_images

import nas_keras as nk
from nas_keras._launch import plan
from nas_keras.results.time_budget import TimeBudget
from nas_keras.runner.settings import check_settings
from nas_keras.storage.run_folder import Workspace


def _settings(space):
    return check_settings(
        space, strategy="random", strategy_config=None, max_evaluations=5_000, max_trials=None, max_seconds=None,
        batch_size=8, lag=None, seed=3, workdir=None, warm_start_from=None,
    )  # fmt: skip


def test_the_search_in_one_sentence():
    start = "Searching with random, seed 3: up to 5,000 "
    assert plan.describe_search(_settings(nk.spaces.small()), None, None) == (
        f"{start}cells of the small space (64 encodings), whose rewards are read from a table."
    )
    assert plan.describe_search(_settings(grid(9)), tiny_images(count=64), 2).startswith(
        f"{start}networks of the grid space (9 encodings), each trained for 2 epochs on "
    )


def test_a_goal_is_told_unless_it_is_the_plain_one():
    assert plan.describe_goal("accuracy", nk.Limits()) == []
    assert plan.describe_goal("accuracy*(params/2)^1", nk.Limits(max_params=20_000, max_flops=1e6)) == [
        "The reward is accuracy*(params/2)^1.",
        "A cell over the limits (max_params=20,000, max_flops=1,000,000) is not trained, and does not count as an "
        "evaluation.",
    ]


def test_the_circumstances_are_told_as_far_as_there_are_any(tmp_path):
    workspace = Workspace(tmp_path / "run")
    assert plan.describe_circumstances(workspace, None, None) == []
    images, budget = tiny_images(count=64), TimeBudget(60, search_epochs=1, final_epochs=0)
    time, pictures = plan.describe_circumstances(workspace, images, budget)
    assert time == "The search ends after 1 min 0 s at the latest."
    assert pictures == plan.describe_images(images)
    assert "; 12 x 12 pixels, 1 channel; 4 classes: 0, 1, 2, 3." in pictures


def test_a_stored_run_is_described(tmp_path):
    workspace = Workspace(tmp_path / "run")
    assert plan.describe_stored(workspace) == ""
    nk.search(grid(9), nk.FunctionEvaluator(lambda c: c[0]), strategy="random",
              max_evaluations=5, batch_size=3, workdir=tmp_path / "run")  # fmt: skip
    assert plan.describe_stored(workspace).startswith("Continuing the run: 5 trials stored, and 0 finished children of")
    assert plan.describe_circumstances(workspace, None, None) == [plan.describe_stored(workspace)]
    (tmp_path / "run" / "dataset" / "trials-000009.tfrecord").mkdir()
    assert plan.describe_stored(workspace) == ""
