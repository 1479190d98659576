"""Tests of nas_keras/runner/checkpointing.py: when a state is saved; storage/checkpoints_test.py continues searches."""

import os

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.runner.checkpointing import Checkpointing
from nas_keras.runner.proposing import Asked
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.strategies import RandomSearch

_ASKED = [Asked(1, nk.Proposals(np.array([[3]], np.int32)))]


@pytest.fixture(name="search")
def _search():
    """A strategy that was told one batch, and D with this batch."""
    strategy, dataset = RandomSearch(grid(9), seed=1), Dataset(Origin("space", "recipe"))
    (actions,) = strategy.ask(1).actions.tolist()
    dataset.append([nk.Trial(0, 0, 0, 0, tuple(actions), (), str(actions[0]), False, nk.Evaluation(0.5))])
    strategy.tell(dataset.batches[0])
    return strategy, dataset


def test_a_state_is_saved_once_a_batch_was_told(search, tmp_path):
    checkpointing = Checkpointing(tmp_path / "checkpoints", *search, 0)
    checkpointing.save_if_new([])
    (name,) = os.listdir(tmp_path / "checkpoints")
    assert name == "batch-000001"
    checkpointing.save_if_due([])  # within some seconds
    (tmp_path / "checkpoints" / name / "checkpoint.json").unlink()
    checkpointing.save_if_new([])  # nothing was told since
    assert os.listdir(tmp_path / "checkpoints" / name) == []


def test_the_saved_state_is_restored(search, tmp_path):
    Checkpointing(tmp_path / "checkpoints", *search, 0).save_if_new([])
    strategy, dataset = search
    other = RandomSearch(grid(9), seed=1)
    assert Checkpointing(tmp_path / "checkpoints", other, dataset, 0).restore() == []
    assert other.state() == strategy.state() and other.num_told == 1


@pytest.mark.parametrize("ends", [False, True])
def test_with_a_lag_an_ending_search_saves_nothing(search, tmp_path, ends):
    checkpointing = Checkpointing(tmp_path / "checkpoints", *search, 1)
    if ends:
        checkpointing.end()
        checkpointing.save_if_new(_ASKED)
    else:
        checkpointing.save_if_new([])  # fewer open batches than the lag allows
    assert not (tmp_path / "checkpoints").exists()


def test_a_run_in_memory_saves_nothing(search):
    checkpointing = Checkpointing(None, *search, 0)
    checkpointing.save_if_new([])
    assert checkpointing.restore() == []
