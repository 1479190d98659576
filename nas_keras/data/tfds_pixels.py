"""Reads the splits of a prepared TFDS data set, into memory or, above a memory limit, into files that are mapped.

Both ways give the same values in the same order. A file (`pixel_file.py`) is used again as long as no file of the data
set has changed.

`N` images of height `H`, width `W` and `C` channels.
"""

import dataclasses
import hashlib
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.data import decoding
from nas_keras.data.pairs import Pair
from nas_keras.data.pixel_file import key_of, open_pixels
from nas_keras.errors import DataError
from nas_keras.system.mapped_files import map_array, release_pages

_MOST_IN_BATCH = 256  # images that are decoded at once,
_BATCH_BYTES = 2**24  # and the bytes that they may take, unless one image is larger
_LABEL_BATCH = 1_024
_RULES = 1  # version of the rules by which pixels follow from the files


@dataclasses.dataclass(frozen=True)
class SplitReader:
    """Reads splits of a data set; it can be pickled.

    Attributes:
        builder: the TFDS builder of the prepared set.
        keys: the names of the features that are the image and its label.
        image_size: (H, W) in pixels to which images are resized; None: the set's own size.
        is_mapped: whether images are decoded into a file and mapped, instead of into memory.
    """

    builder: Any
    keys: tuple[str, str]
    image_size: tuple[int, ...] | None
    is_mapped: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image, (H, W, C)."""
        height, width, channels = self.builder.info.features[self.keys[0]].shape
        return (*(self.image_size or (height, width)), channels)

    def count(self, split: str) -> int:
        """Returns the number of images of a split, in TFDS' notation."""
        return self.builder.info.splits[split].num_examples

    def labels(self, split: str) -> np.ndarray:
        """Reads the labels of a split in stored order, int32 [N], without decoding an image."""
        import tensorflow_datasets as tfds

        def convert(example: Any) -> Any:
            return tf.cast(example[self.keys[1]], tf.int32)

        decoders = {self.keys[0]: tfds.decode.SkipDecoding()}
        return np.concatenate(list(self._batches(split, convert, _LABEL_BATCH, decoders=decoders)))

    def read(self, split: str, rows: np.ndarray | None = None, labels: np.ndarray | None = None) -> Pair:
        """Reads a split in stored order, or only `rows` of it in the given order.

        Args:
            split: the split, in TFDS' notation.
            rows: the rows, int64 [N]; None: all.
            labels: the labels of the whole split, if they are known.
        """
        if self.is_mapped:
            labels = self.labels(split) if labels is None else labels
            return self._map(split, rows), labels if rows is None else labels[rows]
        num_images = self.count(split) if rows is None else len(rows)
        images, found = np.empty((num_images, *self.shape), np.uint8), np.empty(num_images, np.int32)
        for places, pixels, classes in self._decode(split, rows):
            images[places], found[places] = pixels, classes
        return images, found

    def _map(self, split: str, rows: np.ndarray | None) -> np.ndarray:
        """Returns the images of a split in a mapped file, which is written if it is not there."""
        num_images = self.count(split) if rows is None else len(rows)
        num_bytes = math.prod(self.shape)

        def write(file: BinaryIO) -> dict[str, Any]:
            for places, pixels, _ in self._decode(split, rows):
                if rows is None:
                    file.write(np.ascontiguousarray(pixels).data)
                    continue
                for place, image in zip(places, pixels, strict=True):
                    file.seek(int(place) * num_bytes)
                    file.write(np.ascontiguousarray(image).data)
            return {}

        path, _ = open_pixels(self._key(split, rows), num_images * num_bytes, write)
        images = map_array(path, (num_images, *self.shape), 0)
        release_pages(images)
        return images

    def _key(self, split: str, rows: np.ndarray | None) -> str:
        """Returns a digest of the files of the set and of what is read of them."""
        drawn = None if rows is None else hashlib.sha256(np.asarray(rows, np.int64).tobytes()).hexdigest()
        folder = os.fspath(self.builder.data_dir)
        files = [[name, *_describe(os.path.join(folder, name))] for name in sorted(tf.io.gfile.listdir(folder))]
        rules = [_RULES, decoding.RESIZE, tf.__version__]
        return key_of([rules, folder, files, split, drawn, self.keys, self.shape])

    def _decode(self, split: str, rows: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yields batches (places, images, labels); `places` are those of the images in the result.

        Raises:
            DataError: if the split cannot be read; TFDS itself checks that it has as many images as the set says.
        """

        def convert(example: Any) -> Any:
            image, label = example[self.keys[0]], example[self.keys[1]]
            if self.image_size is not None:
                image = decoding.resize(image, self.image_size)
            return image, tf.cast(label, tf.int32)

        batch_size = max(1, min(_MOST_IN_BATCH, _BATCH_BYTES // math.prod(self.shape)))
        places = np.arange(self.count(split)) if rows is None else np.argsort(rows)
        start = 0
        for images, labels in self._batches(split, convert, batch_size, rows=rows):
            yield places[start : start + len(labels)], images, labels
            start += len(labels)

    def _batches(
        self, split: str, convert: Callable, batch_size: int, *, rows: np.ndarray | None = None, decoders: Any = None
    ) -> Iterator[Any]:
        """Yields the examples of a split in stored order, or only those in `rows`, converted and batched."""
        import tensorflow_datasets as tfds

        options = tf.data.Options()
        options.autotune.enabled = False  # Destroying an iterator waits for the autotune thread.
        # Reads one file after the other instead of interleaving sixteen, without a cache: each image is read once.
        read_config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        try:
            dataset = self.builder.as_dataset(
                split=split, shuffle_files=False, read_config=read_config, decoders=decoders
            )
            if rows is not None:
                is_wanted = tf.constant(np.isin(np.arange(max(rows) + 1), rows))
                dataset = dataset.take(len(is_wanted)).enumerate().filter(lambda row, _: is_wanted[row])
                dataset = dataset.map(lambda _, example: example)
            dataset = dataset.map(convert, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
            yield from dataset.with_options(options).as_numpy_iterator()
        except (OSError, tf.errors.OpError) as error:
            what = re.sub(r"\{\{.*?\}\} *|\.? \[Op:.*", "", str(error).splitlines()[0])  # without TensorFlow's nodes
            raise DataError(
                f"{self.builder.data_dir}: split {split} cannot be read: {what}. Remove the folder and prepare the set "
                "again."
            ) from error


def _describe(path: str) -> Sequence[int]:
    """Describes the state of a file, which a file that was written again does not have."""
    if os.path.exists(path):
        found = os.stat(path)
        return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
    remote = tf.io.gfile.stat(path)
    return remote.length, remote.mtime_nsec
