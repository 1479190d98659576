"""Loads a data set of TensorFlow Datasets (TFDS) as `Images`, decoded once, in stored order, offline by default."""

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from absl import logging

from nas_keras.data.checks import find_hidden
from nas_keras.data.decoding import check_image_size
from nas_keras.data.images import Images
from nas_keras.data.pairs import HeldOutSplit, Pair
from nas_keras.data.pixel_file import is_too_large
from nas_keras.data.splits import is_representative, stratify
from nas_keras.data.tfds_builders import find_builder, image_and_label, is_path, prepare
from nas_keras.data.tfds_pixels import SplitReader
from nas_keras.errors import InvalidValueError, check_at_least, check_flag, shown
from nas_keras.system.paths import local_or_remote_path

_SPLIT_SEED = 0
TAIL, STRATIFIED = "tail", f"stratified, seed {_SPLIT_SEED}"  # the rules by which splits are taken from `train`


def load_images(
    name: str = "mnist",
    *,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    image_size: Sequence[int] | None = None,
    memory_limit: float | None = None,
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
        memory_limit: GiB of decoded images that are kept in memory; more are in temporary files, from which batches are
            read. None: a quarter of the memory that this process may use.

    Raises:
        InvalidValueError: if there is no such set, it is not one of image classification, or the size is not allowed.
        DataError: if the set is not prepared there, cannot be downloaded, or cannot be read.
        WriteError: if there is no room for the temporary files.
    """
    return load_by_rule(name, data_dir, download, image_size, memory_limit=memory_limit)


def _check_arguments(name: object, download: object, image_size: object, memory_limit: object) -> None:
    """Raises InvalidValueError for an argument of `load_images` that is not allowed, before anything is read."""
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidValueError(f"name={shown(name)} is not allowed: it must be a name of TFDS, such as 'mnist'.")
    check_flag("download", download)
    check_image_size(image_size)
    if memory_limit is not None:
        check_at_least("memory_limit", memory_limit, 0, integer=False)


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
    memory_limit: float | None = None,
) -> Images:
    """See `load_images`; `rule` says how splits are taken from `train`, `TAIL` or `STRATIFIED`; None: as fits."""
    _check_arguments(name, download, image_size, memory_limit)
    data_dir = _check_folder(data_dir)
    if is_path(name) and data_dir is not None:
        raise InvalidValueError(
            f"name={name!r} is a path, so that data_dir={data_dir!r} would be ignored. Leave it out."
        )
    builder = find_builder(name, data_dir, download)
    keys, class_names = image_and_label(builder, image_size)
    prepare(builder, download)
    splits = _plan_splits(builder.info.full_name, {key: info.num_examples for key, info in builder.info.splits.items()})
    reader = SplitReader(builder, keys, None if image_size is None else tuple(map(int, image_size)))
    num_images = sum(map(reader.count, splits.values()))
    if is_too_large(num_images * math.prod(reader.shape), memory_limit):
        reader = dataclasses.replace(reader, is_mapped=True)
    pairs, labels, rows = _read_by_rule(reader, splits, rule)
    train, valid = pairs["train"](), pairs["validation"]()
    total = sum(map(len, rows.values()))
    splits |= {part: f"{len(found)} of the {total} images of train, by class" for part, found in rows.items()}
    version = str(builder.info.version)
    dataset = builder.info.full_name.removesuffix(f"/{version}")
    is_hidden = find_hidden(dataset, labels["test"])
    if is_hidden:
        del splits["test"]
    logging.info("%s: %d images to train, %d to validate", builder.info.full_name, len(train[1]), len(valid[1]))
    return Images(
        dataset,
        *train,
        *valid,
        num_classes=len(class_names),
        class_names=class_names,
        load_test=None if is_hidden else HeldOutSplit(pairs["test"], labels["test"]),
        source={
            "dataset": dataset,
            "version": version,
            "data_dir": data_dir,
            "splits": splits,
            "split_rule": STRATIFIED if rows else TAIL,
            "image_size": None if image_size is None else list(image_size),
            **({"prepared": str(builder.data_dir)} if is_path(name) else {}),
        },
    )


def _read_by_rule(
    reader: SplitReader, splits: Mapping[str, str], rule: str | None
) -> tuple[dict[str, Callable[[], Pair]], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Chooses the rule by which parts are taken from `train`, if there is none yet, and applies it.

    Args:
        reader: reads the splits.
        splits: part -> split, by `_plan_splits`; the parts are "train", "validation" and "test".
        rule: see `load_by_rule`.

    Returns:
        For each part a function that reads it, its labels, and its rows of `train` if it was drawn from there.
    """
    # The images of a set that fits into memory are decoded together with the labels, in one pass.
    known = {} if reader.is_mapped else {part: reader.read(splits[part]) for part in ("train", "validation")}
    labels = {p: known[p][1] if p in known else reader.labels(splits[p]) for p in ("train", "validation", "test")}
    pairs: dict[str, Callable[[], Pair]] = {
        part: functools.partial(_as_is, known[part])
        if part in known
        else functools.partial(reader.read, splits[part], labels=labels[part])
        for part in labels
    }
    in_train = {part: found for part, found in labels.items() if splits[part].startswith("train")}
    if rule is None:
        rule = TAIL if is_representative(list(in_train.values())) else STRATIFIED
    if rule == TAIL:
        return pairs, labels, {}
    whole = np.concatenate(list(in_train.values()))
    fractions = {part: len(found) / len(whole) for part, found in in_train.items() if part != "train"}
    rows = stratify(whole, fractions, seed=_SPLIT_SEED)
    pairs |= {part: functools.partial(reader.read, "train", found, whole) for part, found in rows.items()}
    labels |= {part: whole[found] for part, found in rows.items()}
    return pairs, labels, rows


def _as_is(pair: Pair) -> Pair:
    return pair


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
