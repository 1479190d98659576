"""Loads a data set of TensorFlow Datasets (TFDS) as `Images`, decoded once, in stored order, offline by default."""

import functools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from nas_keras._tensorflow import tf
from nas_keras.data.checks import find_hidden
from nas_keras.data.decoding import check_image_size, resize
from nas_keras.data.images import Images
from nas_keras.data.pairs import HeldOutSplit, Pair
from nas_keras.data.splits import is_representative, stratify
from nas_keras.data.tfds_builders import find_builder, image_and_label, is_path, prepare
from nas_keras.errors import DataError, InvalidValueError, check_flag, shown
from nas_keras.system.paths import local_or_remote_path

_SPLIT_SEED = 0
TAIL, STRATIFIED = "tail", f"stratified, seed {_SPLIT_SEED}"  # the rules by which splits are taken from `train`


def load_images(
    name: str = "mnist",
    *,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    image_size: Sequence[int] | None = None,
) -> Images:
    """Reads an image classification data set of TensorFlow Datasets, by name.

    The validation split is the set's own `validation`, or else the last twelfth of `train` (MNIST: 5,000 of 60,000).
    Without a `test` split, the last tenth of `train` takes its place, and without `validation` too, the tenth before
    that is the validation split. If the classes are not evenly distributed over these parts, as in a set that is stored
    class by class, they are drawn with a fixed seed instead, the same fraction of each class. `source["split_rule"]`
    names the rule.

    Only the labels of the test split are read. If some are hidden (-1), the set counts as one without a test split.

    Args:
        name: the name in TFDS, such as "mnist", "cifar10", "cifar10_corrupted/brightness_1" or "mnist:3.0.1"; or the
            path of a prepared folder, which is absolute or starts with a dot or ~.
        data_dir: the folder of prepared data sets; None: TFDS' own default, usually ~/tensorflow_datasets.
        download: whether to download and prepare a set that is not there; otherwise the network is not used.
        image_size: (H, W) in pixels to resize to, required if the images vary in size; None: the size is kept.

    Raises:
        InvalidValueError: if there is no such set, it is not one of image classification, or the size is not allowed.
        DataError: if the set is not prepared there, cannot be downloaded, or cannot be read.
    """
    return load_by_rule(name, data_dir, download, image_size)


def _check_arguments(name: object, download: object, image_size: object) -> None:
    """Raises InvalidValueError for an argument of `load_images` that is not allowed, before anything is read."""
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidValueError(f"name={shown(name)} is not allowed: it must be a name of TFDS, such as 'mnist'.")
    check_flag("download", download)
    check_image_size(image_size)


def _check_folder(data_dir: object) -> str | None:
    """Returns `data_dir` as an absolute path or an address such as gs://..., or None for the default of TFDS."""
    if data_dir is None:
        return None
    if not isinstance(data_dir, str | os.PathLike):
        raise InvalidValueError(
            f"data_dir={shown(data_dir)} is not allowed: it must be a folder, or None for TFDS' own."
        )
    folder = local_or_remote_path("data_dir", data_dir)
    if os.path.isfile(folder):
        raise InvalidValueError(f"data_dir={str(data_dir)!r} is a file. Name the folder of prepared data sets.")
    return folder


def load_by_rule(
    name: str,
    data_dir: str | os.PathLike | None,
    download: bool,
    image_size: Sequence[int] | None,
    rule: str | None = None,
) -> Images:
    """See `load_images`; `rule` says how splits are taken from `train`, `TAIL` or `STRATIFIED`; None: as fits."""
    _check_arguments(name, download, image_size)
    data_dir = _check_folder(data_dir)
    if is_path(name) and data_dir is not None:
        raise InvalidValueError(
            f"name={name!r} is a path, so that data_dir={data_dir!r} would be ignored. Leave it out."
        )
    builder = find_builder(name, data_dir, download)
    keys, class_names = image_and_label(builder, image_size)
    prepare(builder, download)
    splits = _plan_splits(builder.info.full_name, {key: info.num_examples for key, info in builder.info.splits.items()})
    read = functools.partial(_read, builder, keys, image_size)
    train, valid = read(splits["train"]), read(splits["validation"])
    test_labels, load_test = _labels(builder, keys, splits["test"]), functools.partial(read, splits["test"])
    in_order = {"train": train[1], "validation": valid[1], "test": test_labels}
    in_train = {part: labels for part, labels in in_order.items() if splits[part].startswith("train")}
    if rule is None:
        rule = TAIL if is_representative(list(in_train.values())) else STRATIFIED
    if rule != TAIL:
        labels = np.concatenate(list(in_train.values()))
        fractions = {part: len(found) / len(labels) for part, found in in_train.items() if part != "train"}
        rows = stratify(labels, fractions, seed=_SPLIT_SEED)
        splits |= {part: f"{len(found)} of the {len(labels)} images of train, by class" for part, found in rows.items()}
        train = read("train", rows["train"])
        if "validation" in rows:
            valid = read("train", rows["validation"])
        if "test" in rows:
            test_labels, load_test = labels[rows["test"]], functools.partial(read, "train", rows["test"])
    version = str(builder.info.version)
    dataset = builder.info.full_name.removesuffix(f"/{version}")
    if find_hidden(dataset, test_labels):
        del splits["test"]
        load_test = None  # type: ignore[assignment]
    logging.info("%s: %d images to train, %d to validate", builder.info.full_name, len(train[1]), len(valid[1]))
    return Images(
        dataset,
        *train,
        *valid,
        num_classes=len(class_names),
        class_names=class_names,
        load_test=load_test and HeldOutSplit(load_test, test_labels),
        source={
            "dataset": dataset,
            "version": version,
            "data_dir": data_dir,
            "splits": splits,
            "split_rule": rule,
            "image_size": None if image_size is None else list(image_size),
            **({"prepared": str(builder.data_dir)} if is_path(name) else {}),
        },
    )


def _plan_splits(name: str, counts: Mapping[str, int]) -> dict[str, str]:
    """Returns the slices for train, validation and test in TFDS' notation, by the rule in `load_images`."""
    end = total = counts.get("train", 0)
    splits = {part: part for part in ("validation", "test") if counts.get(part)}
    fraction = 12 if "test" in splits else 10
    for part in ("test", "validation"):
        if part not in splits:
            start = end - max(1, total // fraction)
            splits[part] = f"train[{start}:{end}]"
            end = start
    if end < 1:
        raise InvalidValueError(
            f"{name} has the splits {dict(counts)}, which leave nothing to train on. Allowed: sets with a train split; "
            "split other sets yourself and pass the arrays to Images.from_arrays."
        )
    return {"train": "train" if end == total else f"train[:{end}]", **splits}


def _read(
    builder: Any, keys: tuple[str, str], image_size: Sequence[int] | None, split: str, rows: np.ndarray | None = None
) -> Pair:
    """Decodes one split in stored order, or only `rows` in the given order; see `Pair` for the shapes."""

    def to_pair(example: Any) -> Any:
        image, label = example[keys[0]], example[keys[1]]
        if image_size is not None:
            image = resize(image, image_size)
        return image, tf.cast(label, tf.int32)

    batches = _batches(builder, split, to_pair, rows=rows)
    images, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    if rows is None:
        return images, labels
    order = np.searchsorted(np.sort(rows), rows)
    return images[order], labels[order]


def _labels(builder: Any, keys: tuple[str, str], split: str) -> np.ndarray:
    """Reads the labels of one split in stored order, int32 [N], without decoding an image."""
    import tensorflow_datasets as tfds

    decoders = {keys[0]: tfds.decode.SkipDecoding()}
    return np.concatenate(
        _batches(builder, split, lambda example: tf.cast(example[keys[1]], tf.int32), decoders=decoders)
    )


def _batches(
    builder: Any, split: str, convert: Callable, *, rows: np.ndarray | None = None, decoders: Any = None
) -> list:
    """Reads the examples of a split in stored order, or only those in `rows`, converted and batched."""
    import tensorflow_datasets as tfds

    options = tf.data.Options()
    options.autotune.enabled = False  # Destroying an iterator waits for the autotune thread.
    # Reads one file after the other instead of interleaving sixteen; every image is read once, so no cache is needed.
    read_config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    try:
        dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=read_config, decoders=decoders)
        if rows is not None:
            is_wanted = tf.constant(np.isin(np.arange(max(rows) + 1), rows))
            dataset = dataset.take(len(is_wanted)).enumerate().filter(lambda row, _: is_wanted[row])
            dataset = dataset.map(lambda _, example: example)
        dataset = dataset.map(convert, num_parallel_calls=tf.data.AUTOTUNE).batch(256).with_options(options)
        return list(dataset.as_numpy_iterator())
    except (OSError, tf.errors.OpError) as error:
        what = re.sub(r"\{\{.*?\}\} *|\.? \[Op:.*", "", str(error).splitlines()[0])  # without TensorFlow's own nodes
        raise DataError(
            f"{builder.data_dir}: split {split} cannot be read: {what}. Remove the folder and prepare the set again."
        ) from error
