"""Tests of nas_keras/_launch/cell_flags.py: a cell by its key, or by a file."""

import json

from helpers import run_python

import nas_keras as nk
from nas_keras.results.formats.architecture_file import Architecture, write_architecture
from nas_keras.trial import training_seed

_CODE = """
import json, sys
from absl import flags
from nas_keras._launch.cell_flags import CellFlags
one = CellFlags()
answers = []
for arguments in json.loads(sys.argv[1]):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS.flag_values_dict():
        flags.FLAGS[name].unparse()
    flags.FLAGS(["script", *arguments])
    one.check(())
    if one.is_given:
        cell, architecture = one.read()
        epochs = architecture and architecture.train.epochs
        answers.append([cell.key, epochs, one.training_seed(cell), str(one.folder())])
    else:
        answers.append(None)
print(json.dumps(answers))
"""


def test_a_cell_is_named_by_its_key_an_architecture_or_the_folder_of_one(tmp_path):
    described = Architecture(nk.cells.vgg(), {}, nk.ChildConfig(), nk.TrainConfig(epochs=7), 5, (8, 8, 1), ("a", "b"))
    write_architecture(described, tmp_path)
    vgg = "conv_3x3[conv_3x3]"
    cases = [
        [],
        ["--cell=1,7", "--seed=2"],
        [f"--cell={tmp_path}"],
        [f"--cell={tmp_path / 'architecture.json'}", f"--export={tmp_path / 'new'}"],
    ]
    done = run_python(_CODE, json.dumps(cases))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        None,
        ["conv_3x3", None, training_seed(2, "conv_3x3"), "None"],
        [vgg, 7, training_seed(0, vgg), "None"],
        [vgg, 7, training_seed(0, vgg), str(tmp_path / "new")],
    ]
