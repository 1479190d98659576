"""Tests of nas_keras/results/exporting/final_training.py: its settings and its outcome, without a training."""

import concurrent.futures
import logging

import pytest

from nas_keras.children.train_config import MOST_EPOCHS, TrainConfig
from nas_keras.errors import InvalidValueError
from nas_keras.results.exporting.final_training import final_settings, result_of, warn_if_shorter
from nas_keras.system.atomic_files import WriteError


@pytest.mark.parametrize(("search", "final"), [(1, 10), (3, 10), (4, 12), (MOST_EPOCHS, MOST_EPOCHS)])
def test_by_default_it_has_ten_epochs_or_three_times_those_of_the_search(search, final):
    assert final_settings(TrainConfig(epochs=search), None).epochs == final


def test_everything_but_the_epochs_stays(caplog):
    train = TrainConfig(epochs=4, batch_size=32, shift=2)
    with caplog.at_level(logging.WARNING):
        assert final_settings(train, 8) == TrainConfig(epochs=8, batch_size=32, shift=2)
    assert not caplog.messages


def test_fewer_epochs_than_in_the_search_give_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        warn_if_shorter(TrainConfig(epochs=4), TrainConfig(epochs=4))
        assert not caplog.messages
        warn_if_shorter(TrainConfig(epochs=2), TrainConfig(epochs=4))
    assert "The final training has 2 epochs, fewer than the 4 of the search" in caplog.text


def test_no_epochs_are_refused():
    with pytest.raises(InvalidValueError, match="^epochs=0 is not allowed"):
        final_settings(TrainConfig(), 0)


def test_a_child_that_could_not_be_saved_is_no_result():
    future = concurrent.futures.Future()
    future.set_result("the disk is full")
    with pytest.raises(WriteError, match="the disk is full"):
        result_of(future)
    future = concurrent.futures.Future()
    future.set_result({"valid_accuracy": 0.5})
    assert result_of(future) == {"valid_accuracy": 0.5}
