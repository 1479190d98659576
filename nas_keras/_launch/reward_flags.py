"""The flags of the source of rewards, children that are trained or a table; and the evaluator that they describe."""

import dataclasses
from collections.abc import Callable
from typing import Any

from absl import flags

from nas_keras._launch.config_flags import ConfigFlags
from nas_keras._launch.flag_checks import refuse_given
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.space_flags import SpaceFlags
from nas_keras._launch.user_code import BuildFlags
from nas_keras._launch.worker_flags import WorkerFlags
from nas_keras._tensorflow import DISTRIBUTE
from nas_keras.children.build import ChildConfig
from nas_keras.children.defaults import FOLLOWING, SuggestedConfigs, suggest_configs
from nas_keras.children.named_recipes import configs_of, train_config_of
from nas_keras.children.network import CellNetwork
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import check_choice
from nas_keras.evaluators.base import Evaluator
from nas_keras.evaluators.limits import Limits
from nas_keras.evaluators.network_check import network_of
from nas_keras.evaluators.table import TableEvaluator
from nas_keras.evaluators.training import TrainingEvaluator
from nas_keras.results.exportable_run import check_exportable
from nas_keras.storage.recipe import BUILD
from nas_keras.storage.run_folder import Workspace

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script

_MISSING_WAYS = ("error", "train")
_FOLLOWS = "follows from the images, and is printed with the reason; a run that is continued keeps its own"


class RewardFlags:
    """--reward, and what each source needs: the flags of a table, or those of children, their training and workers.

    Args:
        space: the flags of the space, for which a table may be shipped.
        images: the flags of the images.
    """

    def __init__(self, space: SpaceFlags, images: ImageFlags):
        self._space, self._images = space, images
        self._reward = flags.DEFINE_string("reward", "train", "Where a reward comes from: train (a child) or table.")
        self._table = flags.DEFINE_string(
            "table", None, "Folder of a table of rewards. Default: the one shipped for the space."
        )
        self._missing = flags.DEFINE_string(
            "missing",
            "error",
            f"If the table lacks a cell: {' or '.join(_MISSING_WAYS)} (by the table's recipe).",
        )
        self._child = ConfigFlags(ChildConfig, unset={name: _FOLLOWS for name in ("stages", "stem_stride")})
        self._train = ConfigFlags(TrainConfig, unset={name: _FOLLOWS for name in ("epochs", "batch_size")})
        self._build = BuildFlags(
            "Function build(architecture, input_shape, num_classes) of a file of --import that makes a child's whole "
            "network. Default: none; a child is built around a cell. Of a table: the function with its code."
        )
        self._workers = WorkerFlags("Worker processes; several can share a GPU.")
        self._distribute = flags.DEFINE_string(
            "distribute", "none", f"{' or '.join(DISTRIBUTE)}: a child on one device, or spread over all GPUs."
        )

    @property
    def may_train(self) -> bool:
        """Whether the search may train children: always, or those that the table lacks."""
        return "train" in (self._reward.value, self._missing.value)

    @property
    def workers(self) -> int | None:
        """The number of worker processes; None for as many as fit."""
        return self._workers.workers

    def build(self, recipe: dict[str, Any] | None = None) -> Callable[..., Any] | None:
        """The user's function that makes a child's whole network; None for children around cells.

        Args:
            recipe: the recipe of a table, whose function is found by its code; None: the function that the flag names.
        """
        return self._build.function() if recipe is None else self._build.function_of(recipe)

    def read(self) -> list[tuple[str, str | None]]:
        """(flag, folder) pairs of the sources, which nothing may be written into."""
        folder = self._images.folder_of_images.value
        return [("table", self._table.value), ("data_dir", self._images.data_dir.value), ("images", folder)]

    def check(self, *, exports: bool) -> None:
        """Raises InvalidValueError for flags that are not possible, or that would be ignored; reads no image.

        Args:
            exports: whether the best child is trained after the search, which needs images and workers too.
        """
        self._child.make()
        self._train.make()
        check_choice("distribute", self._distribute.value, DISTRIBUTE)
        check_choice("missing", self._missing.value, _MISSING_WAYS)
        check_choice("reward", self._reward.value, ("train", "table"))
        self._workers.check()
        self._images.check()
        if self._reward.value == "train":
            refuse_given(("table", "missing"), "is for --reward=table; leave it out, or ask for the table.")
            if self.build():
                names = self._child.names
                refuse_given(names, "is for children around cells; --build makes the whole network. Leave it out.")
            return
        refuse_given(
            (*self._train.names, *self._child.names, "child_timeout", "distribute"),
            "is for --reward=train; a table's children were trained already. Leave it out, or train.",
        )
        self._table_folder()
        if not self.may_train and not exports:
            refuse_given(
                ("dataset", "data_dir", "images", "download", "image_size", "valid", "test", "split_seed")
                + ("memory_limit", "workers", "build"),
                "is for children that are trained, and --reward=table --final_epochs=0 trains none. Leave it out.",
            )

    def configs(self, images: Images | None, workspace: Workspace) -> SuggestedConfigs | None:
        """The settings of child and training: the flags, and what follows from the images for those that are not given.

        Args:
            images: the images that children are trained on; None if none is trained.
            workspace: the run's folder; a run that is there keeps the settings that followed from its images.

        Returns:
            The settings; None if rewards come from a table.
        """
        if images is None or self._reward.value != "train":
            return None
        given, stored = {**self._child.given(), **self._train.given()}, {}
        recipe = ((workspace.read_config() or {}).get("fixed") or {}).get("recipe")
        if isinstance(recipe, dict) and "train" in recipe:  # else the search refuses to continue the run
            stored = dataclasses.asdict(train_config_of(recipe, workspace.config))
            if "child" in recipe:
                stored |= dataclasses.asdict(configs_of(recipe, workspace.config)[0])
        kept = {name: value for name, value in stored.items() if name in FOLLOWING and name not in given}
        suggested = suggest_configs(images, **{**self._child.values(), **self._train.values(), **kept})
        reasons = {**suggested.reasons, **{name: "the run was begun with it" for name in kept}}
        if self.build():  # makes the whole network
            reasons = {name: reason for name, reason in reasons.items() if hasattr(suggested.train, name)}
        return suggested._replace(reasons=reasons)

    def describe(self, configs: SuggestedConfigs) -> list[str]:
        """Returns lines about the settings that no flag gives, each with its flag, value and reason."""
        values = {**dataclasses.asdict(configs.child), **dataclasses.asdict(configs.train)}
        lines = [
            f"  {self._child.name(name) or self._train.name(name)}={values[name]}: {reason}"
            for name, reason in configs.reasons.items()
        ]
        return ["Settings that no flag gives:", *lines] if lines else []

    def evaluator(
        self, images: Images | None, configs: SuggestedConfigs | None, limits: Limits, *, measure_latency: bool
    ) -> Evaluator:
        """Makes the evaluator.

        Args:
            images: the images that children are trained on; None if none is trained.
            configs: the settings of child and training; None if rewards come from a table.
            limits: what a child may cost.
            measure_latency: whether the latency of trained children is measured.
        """
        if images is not None and configs is not None:
            build = self.build()
            return TrainingEvaluator(
                images,
                child=None if build else configs.child,
                build=build,
                train=configs.train,
                workers=self.workers,
                distribute=self._distribute.value,
                child_timeout=self._workers.child_timeout,
                limits=limits,
                measure_latency=measure_latency,
            )
        table = self._table_folder()
        recipe, fails = TableEvaluator(table).recipe, self._missing.value == "error"
        if images is None or (fails and BUILD not in recipe):
            return TableEvaluator(table, limits=limits)
        build = self.build(recipe)
        network = network_of(recipe, build, table)  # a user's function is there, for the export at least
        if fails:
            return TableEvaluator(table, limits=limits)
        check_exportable(recipe, images)
        otherwise = TrainingEvaluator(
            images,
            child=network.child if isinstance(network, CellNetwork) else None,
            build=build,
            train=train_config_of(recipe, table),
            workers=self.workers,
            distribute=recipe.get("distribute", "none"),
            limits=limits,
            measure_latency=measure_latency,
        )
        return TableEvaluator(table, otherwise=otherwise, limits=limits)

    def _table_folder(self) -> str:
        return self._table.value or self._space.shipped_table(self._images.testdata)
