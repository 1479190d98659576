"""Writes MNIST in the format of TensorFlow Datasets, from the four original IDX files, in their order.

    python testdata/make_mnist.py --idx_dir=FOLDER

FOLDER holds the four files gzipped, as they are published. MNIST is by Yann LeCun, Corinna Cortes and Christopher
J. C. Burges, licensed CC BY-SA 3.0. The MD5 sums of the unpacked files must be the published ones, in the table below;
nothing is written otherwise. Afterwards `tfds.load("mnist", data_dir="testdata", download=False)` works anywhere.
"""

import gzip
import hashlib
import os
import struct
import sys
import zlib
from collections.abc import Iterator

import numpy as np
from absl import app, flags

_IDX_DIR = flags.DEFINE_string("idx_dir", None, "Folder with the four gzipped IDX files.", required=True)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", os.path.dirname(os.path.abspath(__file__)), "Folder under which mnist/3.0.1/ is written."
)

# Split -> file name without .gz, MD5 of its unpacked bytes; images first, labels second.
MNIST_FILES = {
    "train": (
        ("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"),
        ("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"),
    ),
    "test": (
        ("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"),
        ("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"),
    ),
}

_VERSION = "3.0.1"  # of the data set "mnist" in TFDS 4.9: what tfds.load("mnist") asks for
_DESCRIPTION = (
    "The MNIST database of handwritten digits by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, licensed "
    "CC BY-SA 3.0, in the order of the original IDX files."
)
_CITATION = """@article{lecun2010mnist,
  title={MNIST handwritten digit database},
  author={LeCun, Yann and Cortes, Corinna and Burges, CJ},
  journal={ATT Labs [Online]. Available: http://yann.lecun.com/exdb/mnist},
  volume={2},
  year={2010}
}"""


def read_idx(path: str, md5: str) -> np.ndarray:
    """Reads a gzipped IDX file of unsigned bytes whose unpacked content has this MD5 sum.

    IDX: two zero bytes, the element type (8: unsigned byte), the rank, each dimension as a big-endian uint32, the data.

    Returns:
        uint8, of the shape that the header says: images [N, 28, 28], labels [N].

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not gzip, or the sum differs.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} is missing: --idx_dir must hold the four gzipped files of MNIST")
    try:
        with gzip.open(path, "rb") as file:
            content = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}): fetch it again") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(f"{path} unpacks to MD5 {found}, the published sum is {md5}: fetch the original file again")
    rank = content[3]
    shape = struct.unpack_from(f">{rank}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_mnist(idx_dir: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads and checks the four files: split -> (images uint8 [N, 28, 28, 1], labels uint8 [N])."""
    splits = {}
    for split, files in MNIST_FILES.items():
        images, labels = (read_idx(os.path.join(idx_dir, f"{name}.gz"), md5) for name, md5 in files)
        splits[split] = images[..., np.newaxis], labels
    return splits


def write_mnist(splits: dict[str, tuple[np.ndarray, np.ndarray]], data_dir: str) -> None:
    """Writes `<data_dir>/mnist/3.0.1/`, which must not exist."""
    import tensorflow_datasets as tfds  # here, so that a missing file is reported without waiting for TensorFlow

    def examples(split: str) -> Iterator[tuple[int, dict]]:
        for index, (image, label) in enumerate(zip(*splits[split], strict=True)):
            yield index, {"image": image, "label": int(label)}

    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist",
        version=_VERSION,
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(28, 28, 1), dtype=np.uint8),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets={split: examples(split) for split in splits},
        data_dir=data_dir,
        description=_DESCRIPTION,
        homepage="http://yann.lecun.com/exdb/mnist/",
        citation=_CITATION,
        disable_shuffling=True,
    )


def main(argv: list[str]) -> None:
    """Checks the four files, then writes the data set."""
    del argv  # Unused.
    target = os.path.join(_DATA_DIR.value, "mnist", _VERSION)
    if os.path.exists(target):
        sys.exit(f"make_mnist: {target} exists: remove it to make it again, or choose another --data_dir")
    try:
        splits = read_mnist(_IDX_DIR.value)
    except (OSError, ValueError) as error:
        sys.exit(f"make_mnist: {error}")
    write_mnist(splits, _DATA_DIR.value)


if __name__ == "__main__":
    app.run(main)
