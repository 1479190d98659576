"""The images of one data set: train and validation split in memory, test split on demand. It does not know TFDS.

Scaling, shuffling and batching are left to the training; here the pixels are those of the data set, uint8, in a fixed
order. `N` images of height `H`, width `W` and `C` channels; labels are 0 to num_classes - 1.
"""

import dataclasses
import functools
import hashlib
import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras.data.arrays import to_pair
from nas_keras.data.checks import check_splits, find_hidden
from nas_keras.data.decoding import check_image_size
from nas_keras.data.folder import read_folder
from nas_keras.data.labels import check_class_names, number_classes
from nas_keras.data.pairs import HeldOutSplit, Pair, check_length, check_pair
from nas_keras.data.splits import check_fractions, stratify
from nas_keras.errors import DataError, InvalidValueError, check_at_least, check_name, check_seed
from nas_keras.system.mapped_files import chunks
from nas_keras.system.paths import local_path


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """The images of one data set in memory, in a fixed order; the test images are not read before `test()`.

    `Images.from_arrays` and `load_images` make it; the former converts arrays of other types. Splits on which a reward
    would say little are reported in warnings, however the object is made.

    Attributes:
        name: name of the data set, for messages and recipes.
        train_images: uint8 [N, H, W, C].
        train_labels: int32 [N].
        valid_images: uint8 [M, H, W, C], on which rewards are measured.
        valid_labels: int32 [M].
        num_classes: number of classes; labels are 0 to num_classes - 1.
        load_test: reads the test split, (images uint8 [K, H, W, C], labels int32 [K]); None if there is none.
        source: a JSON value from which `load_source` can load the same images again; empty for arrays.
        class_names: the name of each class; by default the labels as text, "0", "1" and so on.

    Raises:
        InvalidValueError: if an array has another type or shape, or both splits hold the same images.
    """

    name: str
    train_images: np.ndarray = dataclasses.field(repr=False)
    train_labels: np.ndarray = dataclasses.field(repr=False)
    valid_images: np.ndarray = dataclasses.field(repr=False)
    valid_labels: np.ndarray = dataclasses.field(repr=False)
    num_classes: int
    load_test: Callable[[], Pair] | None = dataclasses.field(default=None, repr=False)
    source: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    class_names: Sequence[str] = dataclasses.field(default=(), repr=False)

    def __post_init__(self) -> None:
        check_name("An image set's name", self.name)
        check_at_least("num_classes", self.num_classes, 2, at_most=1_000_000)
        is_unnamed = isinstance(self.class_names, tuple) and not self.class_names
        names = map(str, range(self.num_classes)) if is_unnamed else self.class_names
        object.__setattr__(self, "class_names", check_class_names(names, self.num_classes))
        check_pair("train", self.train_images, self.train_labels, self.num_classes, None)
        check_pair("valid", self.valid_images, self.valid_labels, self.num_classes, self.image_shape)
        labels = {"train": self.train_labels, "valid": self.valid_labels}
        images = {"train": self.train_images, "valid": self.valid_images}
        if isinstance(self.load_test, HeldOutSplit):
            labels["test"] = self.load_test.labels
            if self.load_test.images is not None:
                images["test"] = self.load_test.images
                self.test()  # costs nothing here, and reports a wrong array before the search instead of after it
        check_splits(self.name, labels, images, class_names=self.class_names)

    @classmethod
    def from_arrays(
        cls,
        train: Pair,
        valid: Pair | float = 0.2,
        *,
        test: Pair | float | None = None,
        seed: int = 0,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        name: str = "arrays",
    ) -> "Images":
        """Makes `Images` from arrays in memory.

        Images of another type than uint8 are converted if their values are whole numbers from 0 to 255 (floats of at
        most 1 are assumed to be scaled and are rejected). Others are rejected with the line that converts them. Labels
        are converted by the table in `data/labels.py`. A test split with hidden labels (-1) is dropped with a warning.

        Args:
            train: (images [N, H, W, C] or [N, H, W], labels [N]) for training.
            valid: the same for validation, or the fraction of each class of `train` that is drawn for it.
            test: the same for the final test, or None for no test split.
            seed: seed with which these fractions are drawn.
            num_classes: number of classes; None: as many as the labels have.
            class_names: the names of the classes, in the order of their numbers; None: the labels themselves.
            name: name of the data set.

        Raises:
            InvalidValueError: if an array cannot be used, or `valid` has the same images as `train`.
        """
        check_name("An image set's name", name)
        check_seed(seed)
        given = {"train": train, "test": test, "valid": valid}
        fractions: dict[str, Any] = {p: given[p] for p in ("test", "valid") if isinstance(given[p], numbers.Real)}
        check_fractions(fractions)
        left_out = fractions if test is not None else {*fractions, "test"}
        pairs = {part: to_pair(part, pair) for part, pair in given.items() if part not in left_out}
        if "test" in pairs and pairs["test"][1].dtype.kind == "i" and find_hidden(name, pairs["test"][1]):
            del pairs["test"]
        labels, num_classes, names = number_classes(
            {part: found for part, (_, found) in pairs.items()}, num_classes=num_classes, class_names=class_names
        )
        pairs = {part: (images, labels[part]) for part, (images, _) in pairs.items()}
        if fractions:
            images, found = pairs["train"]
            check_length("train", images, found)
            rows = stratify(found, {part: fraction for part, fraction in fractions.items() if fraction}, seed=seed)
            pairs |= {part: (images[drawn], found[drawn]) for part, drawn in rows.items()}
            if not len(rows.get("valid", [0] if "valid" not in fractions else [])):
                raise InvalidValueError(
                    f"valid={valid} of {len(found):,} images leaves none to validate on. Allowed: a fraction of more "
                    "than 0 of a class with at least two images."
                )
        return cls(
            name,
            *pairs["train"],
            *pairs["valid"],
            num_classes=int(num_classes) if isinstance(num_classes, np.integer) else num_classes,
            load_test=HeldOutSplit.of(pairs["test"]) if "test" in pairs else None,
            class_names=names,
        )

    @classmethod
    def from_folder(
        cls,
        path: str | os.PathLike,
        image_size: Sequence[int] | None = None,
        *,
        valid: float = 0.1,
        test: float = 0.1,
        seed: int = 0,
        name: str | None = None,
        memory_limit: float | None = None,
    ) -> "Images":
        """Reads a folder of image files: PNG, JPEG, BMP, GIF (first frame) and WebP; docs/own_images.md has the rules.

        The folder holds one folder for each class, or `train/`, `validation/` (or `valid/`, `val/`) and `test/`, which
        hold such folders. What cannot be used is listed in warnings.

        Args:
            path: the folder.
            image_size: (H, W) in pixels to which images are resized; None: the size that all of them have.
            valid: the fraction of each class that is drawn for validation if there is no folder for it.
            test: the same for the test split; 0 for none.
            seed: seed with which these fractions are drawn.
            name: name of the data set; None: that of the folder.
            memory_limit: GiB of decoded images that are kept in memory; more are in a temporary file, from which
                batches are read. None: a quarter of the memory that this process may use.

        Raises:
            InvalidValueError: if the folder has another layout, the images have several sizes, or a class has lost all
                its images.
            DataError: if the folder cannot be read.
            WriteError: if there is no room for the temporary file.
        """
        root = local_path("images", path)
        check_image_size(image_size)
        check_seed(seed)
        check_fractions({"test": test, "valid": valid})
        if memory_limit is not None:
            check_at_least("memory_limit", memory_limit, 0, integer=False)
        name = root.name if name is None else name
        check_name("An image set's name", name)
        found = read_folder(
            root,
            image_size=None if image_size is None else tuple(map(int, image_size)),  # NumPy's numbers are not JSON
            valid=float(valid),
            test=float(test),
            seed=seed,
            memory_limit=None if memory_limit is None else float(memory_limit),
        )
        return cls(
            name,
            *found.train,
            *found.valid,
            num_classes=len(found.class_names),
            load_test=HeldOutSplit.of(found.test) if found.test else None,
            source=found.source | {"name": name},
            class_names=found.class_names,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image, (H, W, C)."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the shapes, types and contents of train and validation, which depends on their order."""
        digest = hashlib.sha256()
        for part in ("train_images", "train_labels", "valid_images", "valid_labels"):
            array = getattr(self, part)
            digest.update(f"{part} {array.dtype.str} {array.shape}\n".encode())
            for chunk in chunks(array):
                digest.update(np.ascontiguousarray(chunk).data)
        return digest.hexdigest()

    def test(self) -> Pair:
        """Returns the test split, (images uint8 [K, H, W, C], labels int32 [K]), which the first call reads."""
        return self._test

    @functools.cached_property
    def _test(self) -> Pair:
        if self.load_test is None:
            raise DataError(f"{self.name} has no test split: pass test=(images, labels) to Images.from_arrays.")
        images, labels = self.load_test()
        check_pair("test", images, labels, self.num_classes, self.image_shape)
        return images, labels
