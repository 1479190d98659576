"""A run whose best children can be exported: its folder, space and recipe, read and checked."""

import dataclasses
import os
from typing import Any

from nas_keras._tensorflow import NONE
from nas_keras.children import named_recipes
from nas_keras.children.build import ChildConfig
from nas_keras.children.training import TrainConfig
from nas_keras.data.images import Images
from nas_keras.data.tfds import load_source
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.runner.result import top_trials
from nas_keras.spaces.description import describe_space, rebuild_space, space_difference
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage import run_config
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.records.schema import Origin
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.paths import check_loadable
from nas_keras.trial import Trial


@dataclasses.dataclass(frozen=True)
class ExportableRun:
    """A run whose rewards come from trained children.

    Attributes:
        workspace: the run's folder.
        config: the content of its `config.json`.
        origin: what its records have in common.
        space: the space that it searched.
        child: the network around a cell.
        train: the training of a child during the search.
    """

    workspace: Workspace
    config: dict[str, Any]
    origin: Origin
    space: SearchSpace
    child: ChildConfig
    train: TrainConfig

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe of the rewards."""
        return self.config["fixed"]["recipe"]

    @property
    def distribute(self) -> str:
        """How a child was distributed over devices, "none" or "mirrored"."""
        return self.recipe.get("distribute", NONE)

    @property
    def environment(self) -> dict[str, Any]:
        """The environment in which the run was started."""
        return run_config.environment_of(self.config, self.workspace.config)

    def best_trials(self, count: int) -> dict[int, Trial]:
        """Returns up to `count` of the best trials by rank, from 1; children of an unfinished batch count too.

        Raises:
            InvalidValueError: if no child has been trained.
            DataError: if the records are damaged.
        """
        dataset = Dataset(self.origin, self.workspace)
        trials = top_trials([*dataset.trials, *dataset.pending], count)
        if not trials:
            raise InvalidValueError(
                f"The run {str(self.workspace.root)!r} has no child that was trained. Search first."
            )
        return dict(enumerate(trials, start=1))

    def training_of(self, trial: Trial, train: TrainConfig) -> TrainConfig:
        """Returns `train`, with the smaller batch size if the child did not fit into memory with the usual one."""
        variant = self.config.get("variants", {}).get(trial.evaluation.recipe)
        if not variant:
            return train
        _, searched = named_recipes.configs_of(variant, "config.json")
        return dataclasses.replace(train, batch_size=searched.batch_size)

    def load_images(self) -> Images:
        """Loads the images again from where the run had them.

        Raises:
            InvalidValueError: if they were not loaded by name.
            DataError: if they cannot be loaded.
        """
        source = self.config.get("source") or {}
        if not isinstance(source, dict) or "dataset" not in source:
            of_what = "came from a table" if isinstance(source, dict) and "table" in source else "was made from arrays"
            raise InvalidValueError(f"The run {of_what}: pass the same images to export_best(images=...).")
        return load_source(source)


def open_exportable_run(
    workdir: str | os.PathLike, *, images: Images | None, space: SearchSpace | None
) -> ExportableRun:
    """Reads the configuration of a run and checks that its children can be trained again.

    Args:
        workdir: the run's folder.
        images: the images that are to be used, or None if they are to be loaded later.
        space: the space of the run; None: rebuilt from the configuration.

    Raises:
        InvalidValueError: if the folder is not a run folder, its rewards do not come from trained children, or the
            space is another one.
        DataError: if the configuration is damaged or the images are others.
    """
    workspace = Workspace(workdir)
    check_loadable("workdir", workspace.root)
    config = workspace.read_config()
    if config is None:
        raise InvalidValueError(
            f"workdir={str(workdir)!r} is not a run folder: it has no config.json. Name the folder of a search."
        )
    origin = run_config.origin_of(config, workspace.config)
    recipe, described = config["fixed"]["recipe"], config["fixed"]["space"]
    check_exportable(recipe, images)
    child, train = named_recipes.configs_of(recipe, workspace.config)
    space = space or rebuild_space(described, workspace.config)
    if space.fingerprint != origin.space:
        raise InvalidValueError(
            f"The run {str(workdir)!r} searched another space than {space!r}: "
            f"{space_difference(described, describe_space(space))}. Pass the space of the run: export_best(space=...)."
        )
    return ExportableRun(workspace, config, origin, space, child, train)


def check_exportable(recipe: dict[str, Any], images: Images | None = None) -> None:
    """Checks that rewards of this recipe come from trained children and, if `images` are given, from those images.

    Raises:
        InvalidValueError: if no children were trained.
        DataError: if they were trained on other images.
    """
    if not {"data", "child", "train"} <= set(recipe):
        raise InvalidValueError(
            f"The rewards do not come from trained children but from {recipe}: there is no child to train longer and "
            "to export."
        )
    data = recipe["data"]
    if not isinstance(data, dict) or not isinstance(data.get("digest"), str):
        raise DataError("The recipe does not name the images of the rewards. Restore its file from a copy.")
    if images is not None and images.digest != data["digest"]:
        raise DataError(
            f"The images of {images.name} have digest {images.digest[:16]}, but the rewards of this run came from "
            f"{data['digest'][:16]}: another data set, version, split or order. Use the copy that the run was made "
            "with."
        )
