"""The file in which a final training keeps its state, so that it continues where it was killed.

A file of another training, or a damaged one, is not used. No value in it is unpickled.
"""

import os
import pathlib
import time

import numpy as np

from nas_keras.children.training_state import TrainingState
from nas_keras.storage.npz import read_arrays
from nas_keras.system.atomic_files import temporary_name, writing

_SECONDS = 10.0  # between two writes during a training, each of which takes some hundredths of a second
_MOST_BYTES = 2**34


class Checkpoint:
    """The file of one training.

    Args:
        path: the file, in an existing folder.
        identity: text that says what is trained and how; a file with another one is not used.
    """

    def __init__(self, path: pathlib.Path, identity: str):
        self._path, self._identity = path, identity
        self._written = time.monotonic()

    def read(self) -> TrainingState | None:
        """Returns the state in the file; None if there is none of this training."""
        try:
            arrays = read_arrays(self._path, at_most=_MOST_BYTES)
            if str(arrays.pop("identity")) != self._identity:
                return None
            epochs = int(arrays.pop("epochs"))
            return TrainingState(epochs, [arrays[str(number)] for number in range(len(arrays))])
        except Exception:  # missing, damaged or of another kind: NumPy and zipfile raise types of their own
            return None

    def is_due(self) -> bool:
        """Returns whether the last write is long enough ago for another."""
        return time.monotonic() - self._written >= _SECONDS

    def write(self, state: TrainingState) -> None:
        """Writes a state atomically.

        Raises:
            WriteError: if the disk is full, the folder is gone, or the like.
        """
        temporary = temporary_name(self._path)
        with writing(self._path):
            temporary.unlink(missing_ok=True)  # in a folder from elsewhere it may point anywhere
            arrays = {str(number): array for number, array in enumerate(state.arrays)}
            with open(temporary, "wb") as file:
                np.savez(file, identity=self._identity, epochs=state.epochs, **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)
        self._written = time.monotonic()
