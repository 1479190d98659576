"""Trains the best children of a search longer, tests each once, and saves each as a SavedModel.

python launch/export_best.py --workdir=runs/mnist --top=3
"""

import os

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.flags import WorkerFlags, check_given
from nas_keras._launch.progress import show_time

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run, whose search must not be running. Required.")
_TOP = flags.DEFINE_integer("top", 1, "Number of children, the best first.")
_EPOCHS = flags.DEFINE_integer(
    "epochs", None, "Epochs of the longer training. Default: 10, or three times those of the search if that is more."
)
_WORKERS = WorkerFlags(timeout=False)


def main() -> None:
    """Exports the children and prints a line for each."""
    check_given("workdir", "the folder of a search", "runs/mnist")
    _WORKERS.check()
    with show_time("training"):
        exported = nk.export_best(_WORKDIR.value, top=_TOP.value, epochs=_EPOCHS.value, workers=_WORKERS.workers)
    for child in exported:
        print(f"{child.rank}. {child.key}: {child.summary}  {os.path.join(_WORKDIR.value, child.path)}")


if __name__ == "__main__":
    script.run(main)
