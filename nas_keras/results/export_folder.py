"""The folder of a run's exported children, `best/`: the files of each, and their list, `children.json`."""

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

from nas_keras.errors import DataError, shown
from nas_keras.results.formats.architecture_file import ARCHITECTURE
from nas_keras.results.formats.writing import FILES, LITE_INT8, SAVED_MODEL
from nas_keras.results.model_card.card import CARD
from nas_keras.results.model_card.pictures import CELL, MISTAKES
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import read_json, sync_folder, sync_tree, temporary_name, write_json, writing

_TEMPORARY = ".export.tmp"
_CHECKPOINT = ".training.npz"  # of a training whose child is not exported yet
_CONTENTS = (*FILES, ARCHITECTURE, CARD, CELL, MISTAKES)
# The types that a JSON file may have where a field is a float.
_JSON_TYPES: dict[Any, Any] = {float: int | float, float | None: int | float | None, dict[str, Any]: dict}


@dataclasses.dataclass(frozen=True)
class ExportedChild:
    """One exported child.

    Attributes:
        rank: its rank in the search, from 1.
        key: canonical key of its architecture; where that is an encoding, its choices by name (see `name_key`).
        search_reward: its reward in the search.
        valid_accuracy: accuracy on the validation split after the final training, a fraction.
        test_accuracy: accuracy on the test split, a fraction; None if there was no usable test split.
        epochs: number of epochs of the final training.
        seed: seed of the final training.
        num_params: number of parameters.
        path: path of the SavedModel, relative to the workdir.
        valid_error: standard error of `valid_accuracy`, from the number of images; None in lists of older versions.
        test_error: standard error of `test_accuracy`; None without one.
        guessing: accuracy of guessing on the test split, or else on the validation split, a fraction.
        name: its cell, or its decisions by name; "" in lists of earlier versions.
        recipe: name of the recipe of the final training; "" if it has none, or is that of the search.
        changes: settings of the final network and training that the search had otherwise; without the epochs.
    """

    rank: int
    key: str
    search_reward: float
    valid_accuracy: float
    test_accuracy: float | None
    epochs: int
    seed: int
    num_params: int
    path: str
    valid_error: float | None = None
    test_error: float | None = None
    guessing: float | None = None
    name: str = ""
    recipe: str = ""
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name, or its key where an earlier version has written none."""
        return self.name or self.key

    @property
    def summary(self) -> str:
        """Accuracies and size in one line."""
        test = "no test split"
        if self.test_accuracy is not None:
            test = f"test {_with_error(self.test_accuracy, self.test_error)}"
        valid = _with_error(self.valid_accuracy, self.valid_error)
        return f"validation {valid}, {test} ({self.num_params:,} parameters)"

    @property
    def comparison(self) -> str:
        """What the accuracies are to be compared with, in one line."""
        guess = "" if self.guessing is None else f", and guessing gets {self.guessing:.2%} right"
        return f"Its validation accuracy in the search was {self.search_reward:.2%}{guess}."


def child_folder(workspace: Workspace, rank: int) -> pathlib.Path:
    """The folder of the child of this rank."""
    return workspace.best if rank == 1 else workspace.best / f"rank_{rank}"


def saved_model_path(workspace: Workspace, rank: int) -> pathlib.Path:
    """The folder of the SavedModel of the child of this rank."""
    return child_folder(workspace, rank) / SAVED_MODEL


def is_complete(folder: pathlib.Path, *, quantize: bool) -> bool:
    """Returns whether a child's folder has what an export of this version writes."""
    needed = [SAVED_MODEL, LITE_INT8] if quantize else [SAVED_MODEL]
    return all((folder / name).exists() for name in (*needed, ARCHITECTURE, CARD))


def make_temporary_path(*folders: pathlib.Path) -> pathlib.Path:
    """Creates a child's folder and returns the path in it under which its files are written before `install`.

    Args:
        *folders: the folder of the child, after those that hold it and may be missing.

    Raises:
        WriteError: if a folder cannot be created.
    """
    for folder in folders:
        with writing(folder):
            folder.mkdir(exist_ok=True)
    return folders[-1] / _TEMPORARY


def checkpoint_path(folder: pathlib.Path) -> pathlib.Path:
    """Returns the file in a child's folder where its final training is kept until `install`."""
    return folder / _CHECKPOINT


def is_leftover(path: pathlib.Path) -> bool:
    """Returns whether a file or folder was left behind by an export that was interrupted."""
    return path.name in (_TEMPORARY, _CHECKPOINT, temporary_name(path.with_name(_CHECKPOINT)).name)


def install(folder: pathlib.Path) -> None:
    """Replaces the files of an exported child in its folder by those at the temporary path.

    Raises:
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    temporary = folder / _TEMPORARY
    with writing(folder):
        sync_tree(temporary)
        for name in _CONTENTS:  # an earlier export may have had more
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for path in sorted(temporary.iterdir()):
            os.replace(path, folder / path.name)
        temporary.rmdir()
        checkpoint = checkpoint_path(folder)
        for path in (checkpoint, temporary_name(checkpoint)):
            path.unlink(missing_ok=True)
        sync_folder(folder)


def discard(folder: pathlib.Path) -> None:
    """Removes the files at the temporary path, of an export that failed; a training that was done is kept."""
    shutil.rmtree(folder / _TEMPORARY, ignore_errors=True)


def read_exported(workspace: Workspace) -> list[ExportedChild]:
    """Reads the list of exported children; it is empty if there is no file.

    Raises:
        DataError: if the file is not such a list.
    """
    path = workspace.best / "children.json"
    if not path.exists():
        return []
    try:
        found = [ExportedChild(**entry) for entry in read_json(path)["children"]]
        wrong = [
            f"{field.name} {shown(getattr(exported, field.name))}"
            for exported in found
            for field in dataclasses.fields(exported)
            if not isinstance(getattr(exported, field.name), _JSON_TYPES.get(field.type, field.type))
        ]
        if wrong:
            raise TypeError(", ".join(wrong))
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is not a list of exported children: {error}. Remove it, and export again.") from error
    return found


def write_exported(workspace: Workspace, exported: dict[int, ExportedChild], class_names: Sequence[str]) -> None:
    """Writes the list of exported children, in the order of their ranks, with the names of their classes."""
    children = [dataclasses.asdict(exported[rank]) for rank in sorted(exported)]
    write_json(workspace.best / "children.json", {"children": children, "class_names": list(class_names)})


def _with_error(accuracy: float, error: float | None) -> str:
    return f"{accuracy:.2%}" if error is None else f"{accuracy:.2%} ± {error:.2%}"
