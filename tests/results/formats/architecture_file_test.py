"""Tests of nas_keras/results/formats/architecture_file.py: written, read again, and damaged."""

import dataclasses
import json

import pytest

import nas_keras as nk
from nas_keras.results.formats.architecture_file import (
    ARCHITECTURE,
    Architecture,
    read_architecture,
    read_members,
    write_architecture,
    write_members,
)

CHILD = Architecture(
    cell=nk.cells.resnet(),
    decisions={"op_1": "conv_3x3", "combine": "add"},
    child=nk.ChildConfig(filters=8, dropout=0.25),
    train=nk.TrainConfig(epochs=7, flip=True),
    seed=2**31 - 1,
    input_shape=(28, 20, 3),
    class_names=("a", "größer"),
)


@pytest.mark.parametrize("child", [CHILD, dataclasses.replace(CHILD, cell=None, child=None)])
def test_what_is_written_is_read_again(child, tmp_path):
    write_architecture(child, tmp_path)
    assert read_architecture(tmp_path / ARCHITECTURE) == child


def test_its_cell_has_its_key(tmp_path):
    write_architecture(CHILD, tmp_path)
    assert json.loads((tmp_path / ARCHITECTURE).read_text())["cell"] == {
        "key": "add(conv_3x3[conv_3x3],identity)",
        "nodes": [[0, "conv_3x3"], [1, "conv_3x3"], [0, "identity"]],
        "combine": "add",
    }


@pytest.mark.parametrize(
    "change",
    [{"cell": 3}, {"cell": {}}, {"cell": {"nodes": [[5, "a"]], "combine": "add"}}, {"child": {"filters": 0}}]
    + [{"seed": "x"}, {"train": {"unknown": 1}}, {"input_shape": None}, {"class_names": 7}, {"decisions": [1]}],
)  # fmt: skip
def test_a_damaged_file_is_refused(change, tmp_path):
    write_architecture(CHILD, tmp_path)
    path = tmp_path / ARCHITECTURE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(nk.DataError, match="architecture.json does not describe an exported child: .*Export it again."):
        read_architecture(path)


def test_an_ensemble_has_those_of_its_members(tmp_path):
    members, path = [CHILD, dataclasses.replace(CHILD, cell=nk.cells.vgg(), seed=2)], tmp_path / ARCHITECTURE
    write_members(members, tmp_path)
    assert read_members(path) == members
    with pytest.raises(nk.DataError, match="describes an ensemble, not a child. Name the file of one of its members."):
        read_architecture(path)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([CHILD], "does not describe an ensemble. Export it again."),
        ([CHILD, dataclasses.replace(CHILD, class_names=("a", "b"))], "members of different images or classes."),
    ],
)
def test_a_damaged_ensemble_is_refused(members, says, tmp_path):
    write_members(members, tmp_path)
    with pytest.raises(nk.DataError, match=says):
        read_members(tmp_path / ARCHITECTURE)
    write_architecture(CHILD, tmp_path)
    with pytest.raises(nk.DataError, match="does not describe an ensemble"):
        read_members(tmp_path / ARCHITECTURE)
