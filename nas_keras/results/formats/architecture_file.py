"""The file architecture.json of an exported child or ensemble: from it the same networks can be built and trained."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from nas_keras.children.build import ChildConfig
from nas_keras.children.train_config import TrainConfig
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.cell import Cell
from nas_keras.system.atomic_files import read_json, write_json

ARCHITECTURE = "architecture.json"
ENSEMBLE = "ensemble"  # the folder of an ensemble beside those of children


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
    """Writes architecture.json of a child into a folder."""
    write_json(folder / ARCHITECTURE, _describe(architecture))


def write_members(members: Sequence[Architecture], folder: pathlib.Path) -> None:
    """Writes architecture.json of an ensemble, which has the architectures of its members, into a folder."""
    write_json(folder / ARCHITECTURE, {"members": [_describe(member) for member in members]})


def read_architecture(path: pathlib.Path) -> Architecture:
    """Reads architecture.json of a child.

    Raises:
        DataError: if it is no such file.
    """
    described = read_json(path)
    if "members" in described:
        raise DataError(f"{path} describes an ensemble, not a child. Name the file of one of its members.")
    return _parse(described, path)


def read_members(path: pathlib.Path) -> list[Architecture]:
    """Reads architecture.json of an ensemble, which has at least two members.

    Raises:
        DataError: if it is no such file.
    """
    described = read_json(path)
    members = described.get("members")
    if not isinstance(members, list) or len(members) < 2:
        raise DataError(f"{path} does not describe an ensemble. Export it again.")
    parsed = [_parse(member, path) for member in members]
    if len({(member.input_shape, member.class_names) for member in parsed}) > 1:
        raise DataError(f"{path} has members of different images or classes. Export the ensemble again.")
    return parsed


def _describe(architecture: Architecture) -> dict[str, Any]:
    described: dict[str, Any] = dataclasses.asdict(architecture)
    cell = architecture.cell
    if cell is not None:
        described["cell"] = {"key": cell.key, "nodes": [list(node) for node in cell.nodes], "combine": cell.combine}
    return described


def _parse(described: Any, path: pathlib.Path) -> Architecture:
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
