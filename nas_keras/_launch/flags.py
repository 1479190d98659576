"""Flags that several launch scripts share, each defined once, together with the object that they describe.

A script creates the groups that it needs when it is imported (`SPACE = SpaceFlags()`) and asks them for their object in
`main()` (`SPACE.space()`). Absl lists the flags as the script's own in --help. The checks of two flags that exclude
each other stay in the scripts, which give the reason; `refuse_given` finds the flag.
"""

import os
import pathlib
from collections.abc import Iterable
from typing import Any

from absl import flags

from nas_keras import spaces
from nas_keras._launch.user_code import find_value, imported_spaces
from nas_keras.data.images import Images
from nas_keras.data.sources import load_source
from nas_keras.data.splits import check_fractions
from nas_keras.data.tfds import load_images
from nas_keras.data.tfds_builders import find_prepared
from nas_keras.errors import (
    InvalidValueError,
    check_at_least,
    check_child_timeout,
    check_choice,
    check_seed,
    check_workers,
)
from nas_keras.spaces.cell_names import LARGEST
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.table import check_place
from nas_keras.system.output_files import check_apart
from nas_keras.system.paths import local_path

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script

SPACES = ("small", "large")


class SpaceFlags:
    """--space and --num_nodes: a search space, also one that a file of --import defines.

    Args:
        default: the default of --space.
        text: the description of --space in --help.
        for_table: whether every cell of the space is to be trained, which excludes the largest spaces.
    """

    def __init__(
        self, default: str = "small", text: str = "The search space: small or large.", *, for_table: bool = False
    ):
        self._for_table = for_table
        most = 4 if for_table else spaces.MAX_NODES
        self._space = flags.DEFINE_string("space", default, text)
        self._num_nodes = flags.DEFINE_integer("num_nodes", 3, f"Nodes of a cell of the large space, 1 to {most}.")

    def space(self) -> SearchSpace:
        """The space that the flags name.

        Raises:
            InvalidValueError: if there is none, or if it is too large for a table.
        """
        name = self._space.value
        if name != "large" and flags.FLAGS["num_nodes"].present:
            why = "the small space has two" if name == "small" else f"{name} has its own decisions"
            raise InvalidValueError(f"--num_nodes={self._num_nodes.value} is for --space=large; {why}.")
        if name == "small":
            return spaces.small()
        if name != "large" and "." not in name:
            check_choice("space", name, [*SPACES, *imported_spaces()])
        space = spaces.large(self._num_nodes.value) if name == "large" else find_value("space", name, SearchSpace)
        if self._for_table and space.size > LARGEST:
            given = f"--num_nodes={self._num_nodes.value}" if name == "large" else f"--space={name}"
            raise InvalidValueError(f"{given}: {space.size:,} encodings are too many for a table; use 1 to 4 nodes.")
        return space

    def shipped_table(self, testdata: str) -> str:
        """The folder of the table of rewards that comes with the package for the space.

        Raises:
            InvalidValueError: if there is none, or if the tables are missing.
        """
        name = "mnist_small" if self._space.value == "small" else f"mnist_large{self._num_nodes.value}"
        shipped = os.path.join(testdata, "rewards", name)
        if not os.path.isdir(os.path.dirname(shipped)):
            raise InvalidValueError(
                f"The tables that come with nas_keras are missing: {os.path.dirname(shipped)} is not there. Install "
                "nas_keras again, or name the folder of another table by --table."
            )
        if self._space.value not in SPACES or not os.path.isdir(shipped):
            raise InvalidValueError(
                f"--reward=table needs --table: no table is shipped for {' '.join(self.arguments())}. Name the folder "
                "of one, or use --reward=train."
            )
        return shipped

    def arguments(self) -> list[str]:
        """The flags as a command line repeats them; --num_nodes only for the large space."""
        nodes = [f"--num_nodes={self._num_nodes.value}"] if self._space.value == "large" else []
        return [f"--space={self._space.value}", *nodes]


class ImageFlags:
    """--data_dir, and on request more: the images that children are trained on.

    Args:
        script: the script's `__file__`: testdata/ is beside its folder, in the repository and in an installed package.
        where: the default of --data_dir as --help describes it.
        dataset: the description of --dataset in --help; None for a script whose data set is fixed.
        folder: whether --images and --memory_limit are defined, for a folder of images.
        prepare: whether the flags that only a new data set needs are defined too: --download, --image_size, and
            --valid, --test and --split_seed for the splits of a folder of images.
    """

    def __init__(self, script: str, where: str = "the copy of MNIST that comes along", *, dataset: str | None = None,
                 folder: bool = False, prepare: bool = False):  # fmt: skip
        self.testdata = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(script))), "testdata")
        self.data_dir = flags.DEFINE_string("data_dir", None, f"Folder of prepared data sets. Default: {where}.")
        self.folder_of_images: Any = None
        self._memory_limit: Any = None
        if folder:
            self._define_folder(prepare)
        self.dataset = flags.DEFINE_string("dataset", "mnist", dataset) if dataset else None
        self._prepare = prepare
        if prepare:
            self._download = flags.DEFINE_boolean(
                "download", False, "Fetch and prepare the data set if it is not there."
            )
            self._image_size = flags.DEFINE_list(
                "image_size", [], "Resize images to height,width in pixels. Default: their own size."
            )

    def _define_folder(self, prepare: bool) -> None:
        text = "Folder of your own images: a folder for each class, or train/, validation/ and test/ with such folders."
        moved = "Folder of the run's own images, if they were moved. Default: where the search had them."
        self.folder_of_images = flags.DEFINE_string("images", None, text if prepare else moved)
        self._memory_limit = flags.DEFINE_float(
            "memory_limit",
            None,
            "GiB of decoded images of --images that stay in memory; more are in a temporary file, from which workers "
            "read them. Default: a quarter of the memory.",
        )
        if prepare:
            self._valid = flags.DEFINE_float(
                "valid", 0.1, "Fraction of each class of --images for validation, if there is no such folder."
            )
            self._test = flags.DEFINE_float("test", 0.1, "The same for the test; 0: no test.")
            self._split_seed = flags.DEFINE_integer("split_seed", 0, "Seed with which these fractions are drawn.")

    def folder(self, dataset: str) -> str | None:
        """The folder of a prepared data set: --data_dir, or testdata/ for MNIST, or None, which means TFDS' own."""
        if not self.data_dir.value and dataset.partition(":")[0].lower() == "mnist":
            return self.testdata
        return self.data_dir.value

    def check(self) -> None:
        """Raises InvalidValueError for flags that are not possible, or that exclude each other; reads no image."""
        self.image_size()
        if self._memory_limit is not None and self._memory_limit.value is not None:
            check_at_least("memory_limit", self._memory_limit.value, 0, integer=False)
        if not self._prepare or self.folder_of_images is None:
            return
        check_fractions({"test": self._test.value, "valid": self._valid.value})
        check_seed(self._split_seed.value)
        if self.folder_of_images.value is None:
            refuse_given(("valid", "test", "split_seed", "memory_limit"), "is for --images. Leave it out, or name it.")
        else:
            refuse_given(
                ("dataset", "data_dir", "download"), "cannot be combined with --images. Leave one of them out."
            )

    def image_size(self) -> tuple[int, int] | None:
        """The height and width of --image_size in pixels; None if images keep their size.

        Raises:
            InvalidValueError: if it is not two whole numbers.
        """
        size = self._image_size.value if self._prepare else []
        if not size:
            return None
        if len(size) != 2 or not all(side.isascii() and side.isdigit() for side in size):
            raise InvalidValueError(
                f"--image_size={','.join(size)} is not allowed: write height,width in pixels, such as 32,32."
            )
        height, width = (int(side[:20]) for side in size)
        return height, width

    def images(self, dataset: str | None = None) -> Images:
        """Loads the folder that --images names, or `dataset`, by default the data set that --dataset names."""
        folder = None if self.folder_of_images is None or not self._prepare else self.folder_of_images.value
        if folder is not None and find_prepared(local_path("images", folder)) is None:
            return Images.from_folder(
                folder,
                self.image_size(),
                valid=self._valid.value,
                test=self._test.value,
                seed=self._split_seed.value,
                memory_limit=self._memory_limit.value,
            )
        if folder is not None:  # a set that TFDS has prepared
            return load_images(str(local_path("images", folder)), image_size=self.image_size())
        name = dataset or ("mnist" if self.dataset is None else self.dataset.value)
        download = self._prepare and self._download.value
        return load_images(name, data_dir=self.folder(name), download=download, image_size=self.image_size())

    def images_of_run(self, config: dict[str, Any]) -> Images:
        """Loads the data set of a run, wherever it is stored now.

        A run whose rewards were read from a table names no data set. Its recipe does, and who trains checks its digest.

        Args:
            config: the run's configuration.
        """
        source = {"dataset": config["fixed"]["recipe"]["data"].get("name"), **(config.get("source") or {})}
        if self.folder_of_images is not None and self._memory_limit is not None:
            if "folder" in source:
                return load_source(source, data_dir=self.folder_of_images.value, memory_limit=self._memory_limit.value)
            refuse_given(("images",), "is for a run of a folder of images; this one has a data set: use --data_dir.")
        folder = self.data_dir.value or source.get("data_dir")
        if not self.data_dir.value and not (folder and os.path.isdir(folder)):
            folder = self.folder(str(source["dataset"])) or folder
        if "version" in source:
            return load_source(source, data_dir=self.data_dir.value if "prepared" in source else folder)
        return load_images(source["dataset"], data_dir=folder)


class WorkerFlags:
    """--workers, and on request --child_timeout: the processes that train children.

    Args:
        text: the description of --workers in --help, without its default.
        timeout: whether --child_timeout is defined too.
    """

    def __init__(self, text: str = "Worker processes.", *, timeout: bool = True):
        self._workers = flags.DEFINE_integer("workers", None, f"{text} Default: one per GPU, else one per core.")
        self._child_timeout = None
        if timeout:
            self._child_timeout = flags.DEFINE_float(
                "child_timeout", None, "Seconds after which a child fails. Default: no limit."
            )

    @property
    def workers(self) -> int | None:
        """The number of processes; None for as many as fit."""
        return self._workers.value

    @property
    def child_timeout(self) -> float | None:
        """The limit of one child's training in seconds; None for no limit."""
        return None if self._child_timeout is None else self._child_timeout.value

    def check(self) -> None:
        """Raises InvalidValueError for a number of processes or of seconds that is not possible."""
        check_workers(self.workers)
        check_child_timeout(self.child_timeout)


def check_given(name: str, what: str, example: str) -> None:
    """Raises InvalidValueError if a required flag is missing or empty.

    Args:
        name: the flag, without dashes.
        what: what it names, such as "the folder of the run".
        example: a value that the message proposes.
    """
    if not flags.FLAGS[name].value:
        raise InvalidValueError(f"--{name} is missing: name {what}, such as --{name}={example}.")


def refuse_given(names: Iterable[str], why: str) -> None:
    """Raises InvalidValueError if one of these flags is given, since it would be ignored.

    Args:
        names: flags, without dashes.
        why: the rest of the sentence after "--name=value".
    """
    for name in names:
        flag = flags.FLAGS[name]
        if flag.present:
            value = ",".join(flag.value) if isinstance(flag.value, list) else flag.value
            raise InvalidValueError(f"--{name}={value} {why}")


def output_table(read: Iterable[tuple[str, str]], *, fill: bool = True) -> pathlib.Path:
    """The folder of --table, where a script writes a table of rewards.

    Args:
        read: (flag, folder) pairs that the script reads, none of which may be the table.
        fill: whether children are trained into it; merging has checks of its own.

    Raises:
        InvalidValueError: if the flag is missing, or if the folder cannot become a table.
    """
    table = local_path("table", flags.FLAGS["table"].value)
    check_apart(folders={"table": table}, read=read)
    if fill:
        check_place(table)
    return table
