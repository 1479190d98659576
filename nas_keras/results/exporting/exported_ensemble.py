"""The exported ensemble of a run's best children: its list of members and accuracies, `best/ensemble/ensemble.json`."""

import dataclasses
import pathlib

from nas_keras.errors import DataError
from nas_keras.results.export_folder import ExportedChild
from nas_keras.results.formats.architecture_file import ENSEMBLE
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import read_json, write_json

_FILE = "ensemble.json"


@dataclasses.dataclass(frozen=True)
class ExportedEnsemble:
    """The mean of the probabilities of exported children, as one model.

    Attributes:
        children: its members, best first.
        valid_accuracy: accuracy on the validation split, a fraction.
        test_accuracy: accuracy on the test split, a fraction; None if there was no usable test split.
        num_params: number of parameters of all members together.
        path: path of the SavedModel, relative to the workdir.
        valid_error: standard error of `valid_accuracy`, from the number of images.
        test_error: standard error of `test_accuracy`; None without one.
        guessing: accuracy of guessing on the test split, or else on the validation split, a fraction.
    """

    children: tuple[ExportedChild, ...]
    valid_accuracy: float
    test_accuracy: float | None
    num_params: int
    path: str
    valid_error: float
    test_error: float | None
    guessing: float

    @property
    def title(self) -> str:
        """What it is."""
        return ensemble_title(len(self.children))

    @property
    def summary(self) -> str:
        """Accuracies and size in one line."""
        test = "no test split"
        if self.test_accuracy is not None:
            test = f"test {self.test_accuracy:.2%} ± {self.test_error:.2%}"
        return f"validation {self.valid_accuracy:.2%} ± {self.valid_error:.2%}, {test} ({self.num_params:,} parameters)"

    @property
    def comparison(self) -> str:
        """What the accuracies are to be compared with, in one line."""
        test = [child.test_accuracy for child in self.children if child.test_accuracy is not None]
        split, accuracies = ("test", test) if test else ("validation", [c.valid_accuracy for c in self.children])
        return (
            f"The {split} accuracies of its members are {min(accuracies):.2%} to {max(accuracies):.2%}, and guessing "
            f"gets {self.guessing:.2%} right."
        )


def ensemble_title(count: int) -> str:
    """The title of an ensemble with this number of members."""
    return f"Ensemble of the {count} best children"


def ensemble_folder(workspace: Workspace) -> pathlib.Path:
    """The folder of the files of a run's ensemble."""
    return workspace.best / ENSEMBLE


def write_ensemble_list(ensemble: ExportedEnsemble, folder: pathlib.Path) -> None:
    """Writes ensemble.json into a folder."""
    write_json(folder / _FILE, dataclasses.asdict(ensemble))


def read_ensemble(workspace: Workspace) -> ExportedEnsemble | None:
    """Reads ensemble.json of a run; None if there is none.

    Raises:
        DataError: if the file is something else.
    """
    path = ensemble_folder(workspace) / _FILE
    if not path.exists():
        return None
    try:
        described = read_json(path)
        children = tuple(ExportedChild(**child) for child in described.pop("children"))
        return ExportedEnsemble(children, **described)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} does not describe an ensemble: {error}. Remove it, and export again.") from error
