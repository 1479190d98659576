"""The file architecture.json of an exported child: from it the same network can be built and trained again."""

import dataclasses
import pathlib
from typing import Any

from nas_keras.children.build import ChildConfig
from nas_keras.children.train_config import TrainConfig
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.cell import Cell
from nas_keras.system.atomic_files import read_json, write_json

ARCHITECTURE = "architecture.json"


@dataclasses.dataclass(frozen=True)
class Architecture:
    """An exported child, without its weights.

    Attributes:
        cell: its cell; None if a user's function has built it.
        decisions: the choices by the names of the decisions, as text; empty for a cell that was trained by itself.
        child: the network around the cell; None without a cell.
        train: the settings of its training.
        seed: the seed of its training.
        input_shape: (H, W, C) of the images that it takes.
        class_names: the names of its classes.
    """

    cell: Cell | None
    decisions: dict[str, str]
    child: ChildConfig | None
    train: TrainConfig
    seed: int
    input_shape: tuple[int, int, int]
    class_names: tuple[str, ...]


def write_architecture(architecture: Architecture, folder: pathlib.Path) -> None:
    """Writes architecture.json into a folder."""
    described: dict[str, Any] = dataclasses.asdict(architecture)
    cell = architecture.cell
    if cell is not None:
        described["cell"] = {"key": cell.key, "nodes": [list(node) for node in cell.nodes], "combine": cell.combine}
    write_json(folder / ARCHITECTURE, described)


def read_architecture(path: pathlib.Path) -> Architecture:
    """Reads architecture.json.

    Raises:
        DataError: if it is no such file.
    """
    described = read_json(path)
    try:
        cell, child = described["cell"], described["child"]
        return Architecture(
            cell=None if cell is None else Cell(tuple(map(tuple, cell["nodes"])), cell["combine"]),
            decisions=dict(described["decisions"]),
            child=None if child is None else ChildConfig(**child),
            train=TrainConfig(**described["train"]),
            seed=int(described["seed"]),
            input_shape=tuple(map(int, described["input_shape"])),  # type: ignore[arg-type]
            class_names=tuple(map(str, described["class_names"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, InvalidValueError) as error:
        raise DataError(
            f"{path} does not describe an exported child: {type(error).__name__}: {error}. Export it again."
        ) from error
