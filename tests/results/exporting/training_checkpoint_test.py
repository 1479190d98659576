"""Tests of nas_keras/results/exporting/training_checkpoint.py, and of a training that is killed and continues."""

import dataclasses
import signal

import cloudpickle
import numpy as np
import pytest
from helpers import TINY_CHILD, run_python, tiny_images

import nas_keras as nk
from nas_keras._tensorflow import NONE
from nas_keras.children.network import CellNetwork
from nas_keras.children.training import Split
from nas_keras.children.training_state import TrainingState
from nas_keras.results.exporting import training_checkpoint
from nas_keras.results.exporting.final_training import FinalTraining, _train, identity_of
from nas_keras.results.exporting.training_checkpoint import Checkpoint
from nas_keras.results.formats.architecture_file import Architecture
from nas_keras.system.atomic_files import WriteError

STATE = TrainingState(3, [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)])
TRAIN = nk.TrainConfig(epochs=4, batch_size=32, shift=1, rotate=10, label_smoothing=0.1, weight_decay=0.01, ema=0.9)

_KILLED = """
import os, pathlib, signal, sys
import cloudpickle
from nas_keras.results.exporting import final_training, training_checkpoint

class Dies(training_checkpoint.Checkpoint):
    def write(self, state):
        super().write(state)
        if state.epochs == 2:
            os.kill(os.getpid(), signal.SIGKILL)

training_checkpoint._SECONDS = 0
final_training.Checkpoint = Dies
splits, training = cloudpickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
final_training._train(splits, training=training, checkpoint_file=pathlib.Path(sys.argv[2]), progress_file="")
"""


def test_a_state_is_read_again_only_for_its_own_training(tmp_path):
    path = tmp_path / "state.npz"
    assert Checkpoint(path, "one").read() is None  # there is none
    Checkpoint(path, "one").write(STATE)
    found = Checkpoint(path, "one").read()
    assert found.epochs == 3
    for array, expected in zip(found.arrays, STATE.arrays, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype
    assert Checkpoint(path, "two").read() is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.npz"]


def test_a_damaged_file_is_not_used(tmp_path):
    path = tmp_path / "state.npz"
    Checkpoint(path, "one").write(STATE)
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:200] + b"\x00\x01\x02" + whole[203:], b"x" * 99):
        path.write_bytes(damaged)
        assert Checkpoint(path, "one").read() is None
    np.savez(path, identity="one", epochs=np.array([{}], object))  # it would be unpickled
    assert Checkpoint(path, "one").read() is None


def test_a_link_in_a_folder_from_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious")
    for name in ("state.npz", ".state.npz.tmp"):
        (tmp_path / name).symlink_to(tmp_path / "precious")
    Checkpoint(tmp_path / "state.npz", "one").write(STATE)
    assert (tmp_path / "precious").read_text() == "precious"
    assert Checkpoint(tmp_path / "state.npz", "one").read().epochs == 3


def test_a_folder_that_is_gone_is_not_made_again(tmp_path):
    with pytest.raises(WriteError, match="state.npz cannot be written: No such file or directory. Put the folder back"):
        Checkpoint(tmp_path / "gone" / "state.npz", "one").write(STATE)
    assert not (tmp_path / "gone").exists()


def test_writes_during_a_training_are_seconds_apart(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(training_checkpoint.time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path / "state.npz", "one")
    assert not checkpoint.is_due()
    now[0] += 10
    assert checkpoint.is_due()
    checkpoint.write(STATE)
    assert not checkpoint.is_due()


@pytest.fixture(scope="module", name="task")
def _task():
    """The splits and the training of a worker."""
    images, cell = tiny_images(count=128), nk.Cell.parse("identity")
    described = Architecture(cell, {}, TINY_CHILD, TRAIN, 5, images.image_shape, tuple(images.class_names))
    training = FinalTraining(
        make_model=CellNetwork(TINY_CHILD).make_model(cell),
        train=TRAIN,
        seed=5,
        class_names=images.class_names,
        distribute=NONE,
        has_own_build=False,
        has_own_code=False,
        quantize=False,
        identity=identity_of(described, images, NONE, None),
    )
    other = dataclasses.replace(described, train=dataclasses.replace(TRAIN, epochs=5))
    assert (
        identity_of(other, images, NONE, None) != training.identity != identity_of(described, images, NONE, {"a": "b"})
    )
    assert identity_of(described, tiny_images(count=64), NONE, None) != training.identity
    return {"train": Split(images.train_images, images.train_labels)}, training


def test_a_killed_training_continues_to_the_weights_of_an_undisturbed_one(task, tmp_path):
    splits, training = task
    (tmp_path / "task").write_bytes(cloudpickle.dumps(task))
    killed, progress = tmp_path / "killed.npz", tmp_path / "progress"
    done = run_python(_KILLED, tmp_path / "task", killed)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert Checkpoint(killed, training.identity).read().epochs == 2
    ends = []
    for path in (killed, tmp_path / "undisturbed.npz"):
        assert _train(splits, training=training, checkpoint_file=path, progress_file=str(progress)) is None
        ends.append((Checkpoint(path, training.identity).read(), progress.read_text()))
    assert [(state.epochs, shown) for state, shown in ends] == [(4, "4 2"), (4, "4 0")]
    for continued, undisturbed in zip(ends[0][0].arrays, ends[1][0].arrays, strict=True):
        np.testing.assert_allclose(continued, undisturbed, rtol=1e-5, atol=1e-6)


def test_a_finished_training_is_not_done_again(task, tmp_path, monkeypatch):
    splits, training = task
    monkeypatch.setattr("nas_keras.results.exporting.final_training.train_child", None)  # calling it would fail
    path = tmp_path / "done.npz"
    Checkpoint(path, training.identity).write(TrainingState(4, []))
    assert _train(splits, training=training, checkpoint_file=path, progress_file="") is None
