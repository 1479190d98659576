"""A run whose best children can be exported: its folder, space and recipe, read and checked."""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable
from typing import Any

from nas_keras._tensorflow import NONE
from nas_keras.children import named_recipes
from nas_keras.children.network import CellNetwork, Network, OwnNetwork
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.data.sources import is_loadable, load_source
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.network_check import network_of
from nas_keras.evaluators.operation_check import check_code, operations_of_cells
from nas_keras.runner.result import top_trials
from nas_keras.spaces.description import describe_space
from nas_keras.spaces.description_difference import space_difference
from nas_keras.spaces.rebuilding import NamedChoice, rebuild_space
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.agreement import check_same
from nas_keras.storage.dataset import Dataset
from nas_keras.storage.recipe import BUILD, OPERATIONS
from nas_keras.storage.run_folder import Workspace
from nas_keras.storage.sources import Source, open_run
from nas_keras.system.paths import check_loadable, local_path
from nas_keras.system.words import counted
from nas_keras.trial import Trial


@dataclasses.dataclass(frozen=True)
class ExportableRun:
    """A run whose rewards come from trained children.

    Attributes:
        source: its folder, opened.
        space: the space that it searched.
        network: the network of its children.
        train: the training of a child during the search.
    """

    source: Source
    space: SearchSpace
    network: Network
    train: TrainConfig

    @property
    def workspace(self) -> Workspace:
        """The paths of its folder."""
        return self.source.run

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe of the rewards."""
        return self.source.recipe

    @property
    def distribute(self) -> str:
        """The distribution of a child over devices, "none" or "mirrored"."""
        return self.recipe.get("distribute", NONE)

    @property
    def environment(self) -> dict[str, Any]:
        """The environment in which the run was started."""
        return self.source.environment

    @functools.cached_property
    def facts(self) -> dict[str, str]:
        """What a model card says about the search."""
        dataset = Dataset(self.source.origin, self.workspace, read_only=True)
        fixed = self.source.config["fixed"]
        strategy = fixed.get("strategy")
        name = strategy.get("name") if isinstance(strategy, dict) else None
        return {
            "Search": f"{counted(len(dataset.finished), 'trial')}, of which {dataset.num_evaluations:,} were evaluated",
            "Strategy": f"{name or 'not known'}, seed {fixed.get('seed')}",
            "Space": repr(self.space),
            "Objective": str(fixed.get("objective") or "validation accuracy"),
            "Digest of D": dataset.digest(len(dataset.batches)) or "no complete batch",
        }

    def best_trials(self, count: int) -> dict[int, Trial]:
        """Returns up to `count` of the best trials by rank, from 1; children of an unfinished batch count too.

        Raises:
            InvalidValueError: if no child has been trained.
            DataError: if the records are corrupt.
        """
        dataset = Dataset(self.source.origin, self.workspace)
        trials = top_trials(dataset.finished, count)
        if not trials:
            raise InvalidValueError(
                f"The run {str(self.workspace.root)!r} has no child that was trained. Search first."
            )
        return dict(enumerate(trials, start=1))

    def training_of(self, trial: Trial, train: TrainConfig) -> TrainConfig:
        """Returns `train`, with a smaller batch size if the child did not fit into memory with the usual one."""
        variant = self.source.variants.get(trial.evaluation.recipe)
        if not variant:
            return train
        searched = named_recipes.train_config_of(variant, "config.json")
        return dataclasses.replace(train, batch_size=min(train.batch_size, searched.batch_size))

    def operations_of(self, trials: Iterable[Trial]) -> list[str]:
        """Returns the operations that the children of trials have, which are registered here with the run's code.

        Raises:
            InvalidValueError: if the space does not decode to cells, or an operation is missing or has other code.
        """
        if isinstance(self.network, CellNetwork):
            cells = [self.space.decode(trial.actions) for trial in trials]
            names = operations_of_cells(cells, self.workspace.root)
        else:
            names = set(self.recipe.get(OPERATIONS, {}))
        check_code(names, self.recipe, self.workspace.root)
        return sorted(names)

    def load_images(self) -> Images:
        """Loads the images again from where the run had them.

        Raises:
            InvalidValueError: if they were not loaded by name.
            DataError: if they cannot be loaded.
        """
        source = self.source.config.get("source") or {}
        if not is_loadable(source):
            of_what = "came from a table" if isinstance(source, dict) and "table" in source else "was made from arrays"
            raise InvalidValueError(f"The run {of_what}: pass the same images to export_best(images=...).")
        return load_source(source)


def open_exportable_run(
    workdir: str | os.PathLike,
    *,
    images: Images | None,
    space: SearchSpace | None,
    build: Callable[..., Any] | None = None,
) -> ExportableRun:
    """Reads the configuration of a run and checks that its children can be trained again.

    Args:
        workdir: the run's folder.
        images: the images that are to be used, or None if they are to be loaded later.
        space: the space of the run; None: rebuilt from the configuration.
        build: the function that built the children of the run; None if they were built around cells.

    Raises:
        InvalidValueError: if the folder is not a run folder, its rewards do not come from trained children, or space
            or function are others.
        DataError: if the configuration is corrupt or the images differ.
    """
    check_loadable("workdir", local_path("workdir", workdir))
    source = open_run("workdir", workdir)
    check_exportable(source.recipe, images)
    network = network_of(source.recipe, build, source.path)
    train = named_recipes.train_config_of(source.recipe, source.run.config)
    fix = "Pass the space of the run: export_best(space=...)."
    space = rebuild_space(source.space, source.run.config) if space is None else space
    check_same(source.path, repr(space), space=(source.space, space), fix=fix)
    if isinstance(network, OwnNetwork):
        _check_decodes(source, space, fix)
    return ExportableRun(source, space, network, train)


def _check_decodes(source: Source, space: SearchSpace, fix: str) -> None:
    """Raises InvalidValueError if the space gives a user's function other architectures than in the search."""
    changed = space_difference(source.space, describe_space(space))
    if changed:
        raise InvalidValueError(f"{source.path} was searched in another space: {changed}. {fix}")
    for decision in space.decisions:
        unknown = [choice for choice in decision.choices if isinstance(choice, NamedChoice)]
        if unknown:
            raise InvalidValueError(
                f"{source.path} has the name of the choice {unknown[0]!r} of decision {decision.name!r}, but not the "
                f"object itself, which the function needs. {fix}"
            )


def check_exportable(recipe: dict[str, Any], images: Images | None = None) -> None:
    """Checks that rewards of this recipe come from trained children and, if `images` are given, from those images.

    Raises:
        InvalidValueError: if no children were trained.
        DataError: if they were trained on other images.
    """
    if not ({"data", "train"} <= set(recipe) and {"child", BUILD} & set(recipe)):
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
