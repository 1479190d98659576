"""Tests of nas_keras/results/exporting/final_training.py: its outcome, without a training."""

import concurrent.futures

import pytest

import nas_keras as nk
from nas_keras.children.training_state import TrainingState
from nas_keras.results.exporting import final_training
from nas_keras.results.exporting.final_training import FinalTraining, result_of
from nas_keras.results.exporting.training_checkpoint import Checkpoint
from nas_keras.system.atomic_files import WriteError


def test_a_child_that_could_not_be_saved_is_no_result():
    future = concurrent.futures.Future()
    future.set_result("the disk is full")
    with pytest.raises(WriteError, match="the disk is full"):
        result_of(future)
    future = concurrent.futures.Future()
    future.set_result({"valid_accuracy": 0.5})
    assert result_of(future) == {"valid_accuracy": 0.5}


@pytest.mark.parametrize("kept", [None, 1])
def test_a_child_whose_training_was_lost_is_not_written(tmp_path, kept):
    """The file between the two tasks is gone, or holds fewer epochs."""
    file = tmp_path / "kept.npz"
    if kept:
        Checkpoint(file, "this one").write(TrainingState(kept, []))
    training = FinalTraining(
        make_model=None,
        train=nk.TrainConfig(epochs=2),
        seed=0,
        class_names=("a", "b"),
        distribute="none",
        has_own_build=False,
        has_own_code=False,
        quantize=False,
        identity="this one",
    )
    reason = final_training._write({}, training=training, checkpoint_file=file, folder=tmp_path / "child")
    assert reason == f"{file}, where the trained child was kept, was lost. Start the same command again."
    assert not (tmp_path / "child").exists()
