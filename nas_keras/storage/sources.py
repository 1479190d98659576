"""A run's or a table's folder, opened for reading: what its rewards depend on, and its trials.

`open_source` takes both kinds, `open_run` only runs. Neither reads a trial, so that a folder that does not fit can be
refused at once.
"""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from nas_keras.errors import InvalidValueError
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.origin import Origin
from nas_keras.storage.run_config import environment_of, origin_of
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.table import is_table, lock_table, read_description, read_table
from nas_keras.system.paths import local_path
from nas_keras.trial import Trial


@dataclasses.dataclass(frozen=True)
class Source:
    """A run or a table whose description was read.

    Attributes:
        path: its folder, absolute.
        origin: what all its records have in common.
        space: description of its search space; of a table, and of a run that an old version began, not all is known.
        recipe: everything that the rewards depend on besides key and seed.
        variants: recipes that single records have instead, by fingerprint.
        environment: machine and software that the rewards depend on in their last digits.
        workspace: the run's paths; None for a table.
        config: the run's configuration; empty for a table.
    """

    path: pathlib.Path
    origin: Origin
    space: dict[str, Any]
    recipe: dict[str, Any]
    variants: dict[str, Any]
    environment: dict[str, Any]
    workspace: Workspace | None = None
    config: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_table(self) -> bool:
        """Whether this is a table."""
        return self.workspace is None

    @property
    def run(self) -> Workspace:
        """The paths of a run."""
        assert self.workspace is not None, f"{self.path} is a table"
        return self.workspace

    def read_dataset(self) -> Dataset:
        """Reads the D of a run, which another process may be writing; no file is changed.

        Raises:
            DataError: if a file is corrupt.
        """
        return Dataset(self.origin, self.workspace, read_only=True)

    def read_rewards(self) -> list[Trial]:
        """Reads the trials that succeeded by the recipe itself, one for each key and training seed.

        Finished children of an unfinished batch count too. Failures are left out, since another try may succeed, and so
        are cache hits and records of a variant. A run of another objective than the accuracy gives its accuracies.

        Raises:
            DataError: if a file is corrupt.
        """
        trials = read_table(self.path).trials if self.is_table else self.read_dataset().finished
        good = [t for t in trials if not (t.cached or t.evaluation.failed or t.evaluation.recipe)]
        return [with_accuracy(t) for t in good] if self.objective else good

    @property
    def objective(self) -> Any:
        """What a run maximizes; None for the accuracy, or whatever else its evaluator gives, and for a table."""
        return self.config.get("fixed", {}).get("objective")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from writing to the folder.

        Raises:
            InvalidValueError: if another process is writing to it.
        """
        with lock_table(self.path) if self.is_table else self.run.locked():
            yield


def with_accuracy(trial: Trial) -> Trial:
    """Returns a trial with its accuracy as its reward."""
    return dataclasses.replace(
        trial, evaluation=dataclasses.replace(trial.evaluation, reward=trial.evaluation.valid_accuracy)
    )


def open_source(name: str, path: str | os.PathLike) -> Source:
    """Opens the folder of a run, finished or running, or of a table.

    Args:
        name: name of the argument that gives the folder, for messages.
        path: the folder.

    Raises:
        InvalidValueError: if it is neither.
        DataError: if its description is corrupt.
    """
    path = local_path(name, path)
    if is_table(path):
        described = read_description(path)
        return Source(
            path=path,
            origin=described.origin,
            space={"fingerprint": described.space},
            recipe=described.recipe,
            variants=described.variants,
            environment=described.environment,
        )
    source = _read_run(path)
    if source is None:
        raise InvalidValueError(
            f"{path} is neither a run nor a table: it holds no config.json and no recipe.json. Name the folder of one."
        )
    return source


def open_run(name: str, path: str | os.PathLike) -> Source:
    """Opens the folder of a run, finished or running; otherwise as `open_source`."""
    path = local_path(name, path)
    source = _read_run(path)
    if source is None:
        raise InvalidValueError(f"{path} is not a run folder: it has no config.json. Name the folder of a search.")
    return source


def _read_run(path: pathlib.Path) -> Source | None:
    workspace = Workspace(path)
    config = workspace.read_config()
    if config is None:
        return None
    return Source(
        path=path,
        origin=origin_of(config, workspace.config),
        space=config["fixed"]["space"],
        recipe=config["fixed"]["recipe"],
        variants=config.get("variants", {}),
        environment=environment_of(config, workspace.config),
        workspace=workspace,
        config=config,
    )
