"""The flags of images: where they are, their size and their splits; and the images themselves."""

import os
from typing import Any

from absl import flags

from nas_keras._launch.flag_checks import refuse_given
from nas_keras.data.images import Images
from nas_keras.data.sources import load_source
from nas_keras.data.splits import check_fractions
from nas_keras.data.tfds import load_images
from nas_keras.data.tfds_builders import find_prepared
from nas_keras.errors import InvalidValueError, check_at_least, check_seed
from nas_keras.system.paths import local_path

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script


class ImageFlags:
    """--data_dir, and on request more: the images that children are trained on.

    Args:
        script: the script's `__file__`: testdata/ is beside its folder, in the repository and in an installed package.
        where: the default of --data_dir as --help describes it.
        dataset: the description of --dataset in --help; None for a script whose data set is fixed.
        folder: whether --images, for a folder of images, and --memory_limit are defined.
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
            "GiB of decoded images that stay in memory; more are in temporary files, from which workers read them. "
            "Default: a quarter of the memory.",
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
        if self.memory_limit is not None:
            check_at_least("memory_limit", self.memory_limit, 0, integer=False)
        if not self._prepare or self.folder_of_images is None:
            return
        check_fractions({"test": self._test.value, "valid": self._valid.value})
        check_seed(self._split_seed.value)
        if self.folder_of_images.value is None:
            refuse_given(("valid", "test", "split_seed"), "is for --images. Leave it out, or name it.")
        else:
            refuse_given(
                ("dataset", "data_dir", "download"), "cannot be combined with --images. Leave one of them out."
            )

    @property
    def memory_limit(self) -> float | None:
        """The GiB of decoded images that stay in memory; None for the default."""
        return None if self._memory_limit is None else self._memory_limit.value

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
                memory_limit=self.memory_limit,
            )
        if folder is not None:  # a set that TFDS has prepared
            refuse_given(
                ("valid", "test", "split_seed"),
                "is for a folder of image files, and --images names a prepared data set. Leave it out.",
            )
            return load_images(
                str(local_path("images", folder)), image_size=self.image_size(), memory_limit=self.memory_limit
            )
        name = dataset or ("mnist" if self.dataset is None else self.dataset.value)
        download = self._prepare and self._download.value
        return load_images(
            name,
            data_dir=self.folder(name),
            download=download,
            image_size=self.image_size(),
            memory_limit=self.memory_limit,
        )

    def images_of_run(self, config: dict[str, Any]) -> Images:
        """Loads the data set of a run, wherever it is stored now.

        A run whose rewards were read from a table names no data set. Its recipe does, and who trains checks its digest.

        Args:
            config: the run's configuration.
        """
        source = {"dataset": config["fixed"]["recipe"]["data"].get("name"), **(config.get("source") or {})}
        if self.folder_of_images is not None:
            if "folder" in source:
                return load_source(source, data_dir=self.folder_of_images.value, memory_limit=self.memory_limit)
            refuse_given(("images",), "is for a run of a folder of images; this one has a data set: use --data_dir.")
        folder = self.data_dir.value or source.get("data_dir")
        if not self.data_dir.value and not (folder and os.path.isdir(folder)):
            folder = self.folder(str(source["dataset"])) or folder
        if "version" in source:
            place = self.data_dir.value if "prepared" in source else folder
            return load_source(source, data_dir=place, memory_limit=self.memory_limit)
        return load_images(source["dataset"], data_dir=folder, memory_limit=self.memory_limit)
