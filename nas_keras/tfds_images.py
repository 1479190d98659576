"""load_images: a TensorFlow Datasets set by name -> `Images`, decoded once, in stored order; offline unless asked."""

import difflib
import functools
import itertools
import json
import os
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from nas_keras import _keras
from nas_keras.errors import DataError, InvalidValueError, check_at_least, check_flag, shown
from nas_keras.images import Images, Pair

_CLASS_NAMES = ("pythonClassName", "python_class_name", "type")  # of a feature, in features.json
_MOST_PIXELS = 10_000  # along a side


def load_images(
    name: str = "mnist",
    *,
    data_dir: str | os.PathLike | None = None,
    download: bool = False,
    image_size: Sequence[int] | None = None,
) -> Images:
    """Reads an image classification data set of TensorFlow Datasets, by name.

    Validation is the set's own `validation` split, otherwise the last twelfth of `train` (MNIST: 5,000 of 60,000). A
    set without `test` gives the last tenth of `train` for it, and without `validation` too the tenth before that.

    Args:
        name: as TFDS has it: "mnist", "cifar10", "cifar10_corrupted/brightness_1", "mnist:3.0.1".
        data_dir: the folder of prepared data sets; None: TFDS' own default, usually ~/tensorflow_datasets.
        download: whether to fetch and prepare a set that is not there; otherwise no network is touched.
        image_size: (H, W) in pixels to resize to, needed where images vary in size; None: as they are.

    Raises:
        InvalidValueError: if there is no such set, it is not one of image classification, or the size is impossible.
        DataError: if the set is not prepared there, cannot be downloaded, or cannot be read.
    """
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidValueError(f"name={shown(name)} is not allowed: it must be a name of TFDS, such as 'mnist'.")
    check_flag("download", download)
    if data_dir is not None and not isinstance(data_dir, (str, os.PathLike)):
        raise InvalidValueError(
            f"data_dir={shown(data_dir)} is not allowed: it must be a folder, or None for TFDS' own."
        )
    if data_dir is not None and "://" not in os.fspath(data_dir) and os.path.isfile(data_dir):
        raise InvalidValueError(f"data_dir={str(data_dir)!r} is a file. Name the folder of prepared data sets.")
    if image_size is not None:
        if not isinstance(image_size, (tuple, list)) or len(image_size) != 2:
            raise InvalidValueError(
                f"image_size={shown(image_size)} is not allowed: it must be (height, width) in pixels."
            )
        for side in image_size:
            check_at_least("image_size", side, 1, at_most=_MOST_PIXELS)
    builder = _find_builder(name, data_dir, download)
    keys, num_classes = _image_and_label(builder, image_size)
    _prepare(builder, download)
    splits = _plan_splits(builder.info.full_name, {key: info.num_examples for key, info in builder.info.splits.items()})
    read = functools.partial(_read, builder, keys, image_size)
    train, valid = read(splits["train"]), read(splits["validation"])
    version = str(builder.info.version)
    logging.info("%s: %d images to train, %d to validate", builder.info.full_name, len(train[1]), len(valid[1]))
    dataset = builder.info.full_name.removesuffix(f"/{version}")
    return Images(
        dataset,
        *train,
        *valid,
        num_classes=num_classes,
        load_test=functools.partial(read, splits["test"]),
        source={
            "dataset": dataset,
            "version": version,
            "data_dir": _absolute(data_dir),
            "splits": splits,
            "image_size": None if image_size is None else list(image_size),
        },
    )


def _find_builder(name: str, data_dir: str | os.PathLike | None, download: bool):
    """The TFDS builder of a name; without `download`, TFDS asks no server of Google's about it."""
    _keras.load_tensorflow()
    import tensorflow_datasets as tfds

    if re.match(r"\w+:[A-Za-z_]", name):  # "huggingface:..." and the like, which are looked up on the network
        raise InvalidValueError(f"name={name!r} is not allowed: community namespaces are not supported.")
    data_dir = _absolute(data_dir)
    _check_features(tfds, name, data_dir)
    try:
        if download:
            return tfds.builder(name, data_dir=data_dir)
        with tfds.testing.disable_gcs_access():
            return tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        if data_dir and os.path.isdir(data_dir):
            known += os.listdir(data_dir)
        close = ", ".join(dict.fromkeys(difflib.get_close_matches(name, known))) or "none"
        raise InvalidValueError(
            f"name={name!r} is unknown. Close: {close}. Allowed: the names of tfds.list_builders(), and sets of your "
            f"own, prepared in TFDS' format under data_dir (--data_dir), here {data_dir}."
        ) from error
    except (AssertionError, ValueError) as error:  # a version, config or spelling that TFDS does not have
        raise InvalidValueError(f"name={name!r} is not allowed: {' '.join(str(error).split())}") from error
    except Exception as error:  # TFDS and protobuf have several for a damaged dataset_info.json.
        raise DataError(
            f"{name} cannot be opened in {data_dir or 'the default folder of TFDS'}: {type(error).__name__}: {error}. "
            "Remove its folder there and prepare the set again."
        ) from error


def _check_features(tfds, name: str, data_dir: str | None) -> None:
    """Raises DataError if a prepared set names classes that are not TFDS' own: TFDS would import their modules."""
    folder = re.split("[/:]", name)[0]
    spellings = {folder, tfds.core.naming.camelcase_to_snakecase(folder)} - {"", ".", ".."}
    places = [place for place in tfds.core.utils.file_utils.list_data_dirs(data_dir) if "://" not in os.fspath(place)]
    for place, spelling in itertools.product(places, sorted(spellings)):
        try:
            paths = sorted(pathlib.Path(place, spelling).glob("**/features.json"))
        except OSError as error:
            raise DataError(f"{place} cannot be read: {error.strerror}. Name another folder by data_dir.") from error
        for path in paths:
            try:
                parts = [json.loads(path.read_text())]
            except (OSError, ValueError, RecursionError) as error:
                raise DataError(
                    f"{path} cannot be read: {type(error).__name__}: {error}. Remove its folder and prepare the set "
                    "again."
                ) from error
            while parts:
                part = parts.pop()
                parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
                found = [part[key] for key in _CLASS_NAMES if key in part] if isinstance(part, dict) else []
                foreign = [
                    text for text in found if isinstance(text, str) and not text.startswith("tensorflow_datasets.")
                ]
                if any("." in text for text in foreign):
                    raise DataError(
                        f"{path} names {shown(foreign[0])}, which is no feature of TFDS, and would have it imported. "
                        "Prepare the set again, from where it can be trusted."
                    )


def _image_and_label(builder, image_size: Sequence[int] | None) -> tuple[tuple[str, str], int]:
    """The keys of the image and of the label, and the number of classes."""
    import tensorflow_datasets as tfds

    features = dict(builder.info.features.items()) if hasattr(builder.info.features, "items") else {}
    # A set prepared without a builder class has no supervised keys: then there must be one feature of each kind.
    candidates = builder.info.supervised_keys or features
    kinds = (tfds.features.Image, tfds.features.ClassLabel)
    found = [[k for k in candidates if isinstance(k, str) and type(features.get(k)) is kind] for kind in kinds]
    if [len(keys) for keys in found] != [1, 1]:
        kept = ", ".join(f"{key}: {type(feature).__name__}" for key, feature in features.items()) or "none by name"
        raise InvalidValueError(
            f"{builder.info.full_name} is not a data set of image classification. Its features: {kept}. "
            "Allowed: sets with one Image and one ClassLabel as supervised keys, such as mnist or cifar10."
        )
    image_key, label_key = found[0][0], found[1][0]
    image = features[image_key]
    if image.np_dtype != np.uint8:
        raise InvalidValueError(
            f"{builder.info.full_name} has images of type {np.dtype(image.np_dtype)}. Allowed: uint8; convert them and "
            "pass the arrays to Images.from_arrays."
        )
    if image.shape[-1] is None or (None in image.shape and image_size is None):
        raise InvalidValueError(
            f"{builder.info.full_name} has images of varying size {image.shape}. Allowed: one size with a fixed number "
            "of channels; pass image_size=(height, width) to resize them."
        )
    return (image_key, label_key), features[label_key].num_classes


def _prepare(builder, download: bool) -> None:
    """Makes sure that the set lies prepared on disk."""
    # In this order, as is_prepared() of a missing folder logs a warning of its own.
    if builder.info.splits and builder.is_prepared():
        return
    if not download:
        shipped = " The repository's testdata folder holds it." if builder.info.full_name == "mnist/3.0.1" else ""
        raise DataError(
            f"{builder.info.full_name} is not prepared in {builder.data_dir}. Pass download=True (--download) to fetch "
            f"and prepare it there, or in data_dir (--data_dir) a folder where it lies prepared.{shipped}"
        )
    logging.info("Fetching and preparing %s in %s", builder.info.full_name, builder.data_dir)
    try:
        builder.download_and_prepare()
    except Exception as error:  # Network, disk and each set's own preparation fail in their own ways.
        raise DataError(
            f"{builder.info.full_name} could not be fetched and prepared in {builder.data_dir}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not builder.info.splits:  # TFDS takes any folder of that name for a prepared set.
        raise DataError(f"{builder.data_dir} holds no prepared set: remove that folder and try again.")


def _plan_splits(name: str, counts: Mapping[str, int]) -> dict[str, str]:
    """The slices to read as train, validation and test, in TFDS' notation; `load_images` says the rule."""
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
            "cut other ones yourself and pass the arrays to Images.from_arrays."
        )
    return {"train": "train" if end == total else f"train[:{end}]", **splits}


def _read(builder, keys: tuple[str, str], image_size: Sequence[int] | None, split: str) -> Pair:
    """Decodes one split in stored order: images uint8 [N, H, W, C], labels int32 [N]."""
    tf = _keras.load_tensorflow()
    import tensorflow_datasets as tfds

    def to_pair(example):
        image, label = example[keys[0]], example[keys[1]]
        if image_size is not None:
            resized = tf.image.resize(image, image_size, antialias=True)  # float32 [H, W, C], may overshoot
            image = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
        return image, tf.cast(label, tf.int32)

    options = tf.data.Options()
    options.autotune.enabled = False  # Taking down an iterator waits for the autotune thread, up to twice the time.
    # One file after the other, not sixteen side by side; every image is read once, so there is nothing to cache.
    read_config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    try:
        dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=read_config)
        dataset = dataset.map(to_pair, num_parallel_calls=tf.data.AUTOTUNE).batch(256).with_options(options)
        batches = list(dataset.as_numpy_iterator())
    except (OSError, tf.errors.OpError) as error:
        what = re.sub(r"\{\{.*?\}\} *|\.? \[Op:.*", "", str(error).splitlines()[0])  # without TensorFlow's own nodes
        raise DataError(
            f"{builder.data_dir}: split {split} cannot be read: {what}. Remove the folder and prepare the set again."
        ) from error
    return np.concatenate([images for images, _ in batches]), np.concatenate([labels for _, labels in batches])


def _absolute(folder: str | os.PathLike | None) -> str | None:
    """The folder from the root, so that a run finds it from anywhere; addresses such as gs://... stay as they are."""
    if folder is None or "://" in os.fspath(folder):
        return folder
    return os.path.abspath(os.path.expanduser(folder))
