"""What stands exported in a run: the folder of each child, and the list of them, `best/children.json`."""

import dataclasses
import pathlib

from nas_keras.errors import DataError, shown
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.atomic_files import read_json, write_json

# What JSON may have where a field is a float.
_JSON_TYPES = {float: int | float, float | None: int | float | None}


@dataclasses.dataclass(frozen=True)
class ExportedChild:
    """One exported child.

    Attributes:
        rank: its place in the search, from 1.
        key: canonical key of its cell.
        search_reward: what the search saw.
        valid_accuracy: after the longer training, a fraction.
        test_accuracy: on the test split, a fraction; None where there was none that could be used.
        epochs: of the longer training.
        seed: of the longer training.
        num_params: of the child.
        path: of the SavedModel, relative to the workdir.
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

    @property
    def summary(self) -> str:
        """Accuracies and size, for a person."""
        test = "no test split" if self.test_accuracy is None else f"test {self.test_accuracy:.2%}"
        return f"validation {self.valid_accuracy:.2%}, {test} ({self.num_params:,} parameters)"


def folder_of(workspace: Workspace, rank: int) -> pathlib.Path:
    """Where the child of this rank stands."""
    return workspace.best if rank == 1 else workspace.best / f"rank_{rank}"


def read_exported(workspace: Workspace) -> list[ExportedChild]:
    """What `best/children.json` says stands exported."""
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
        raise DataError(f"{path} lists no exported children: {error}. Remove it, and export again.") from error
    return found


def write_exported(workspace: Workspace, done: dict[int, ExportedChild]) -> None:
    """Writes `best/children.json`: what stands exported, by rank."""
    children = [dataclasses.asdict(done[rank]) for rank in sorted(done)]
    write_json(workspace.best / "children.json", {"children": children})
