"""Tests of nas_keras/results/exporting/final_training.py: its outcome, without a training."""

import concurrent.futures

import pytest

from nas_keras.results.exporting.final_training import result_of
from nas_keras.system.atomic_files import WriteError


def test_a_child_that_could_not_be_saved_is_no_result():
    future = concurrent.futures.Future()
    future.set_result("the disk is full")
    with pytest.raises(WriteError, match="the disk is full"):
        result_of(future)
    future = concurrent.futures.Future()
    future.set_result({"valid_accuracy": 0.5})
    assert result_of(future) == {"valid_accuracy": 0.5}
