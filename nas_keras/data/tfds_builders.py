"""Finds the TFDS builder of a data set for image classification by name, without importing code that its files name."""

import contextlib
import difflib
import itertools
import json
import os
import pathlib
import re
from collections.abc import Sequence

import numpy as np
from absl import logging

from nas_keras._tensorflow import load_tensorflow
from nas_keras.errors import DataError, InvalidValueError, shown
from nas_keras.system.paths import local_path

_CLASS_NAMES = ("pythonClassName", "python_class_name", "type")  # keys for the class of a feature in features.json
_CHANNELS = (1, 3, 4)  # numbers of channels that TFDS can decode


def find_builder(name: str, data_dir: str | None, download: bool):
    """Returns the TFDS builder of a name or of a prepared folder; without `download`, it does not use the network."""
    load_tensorflow()
    import tensorflow_datasets as tfds

    if is_path(name):
        return _open_prepared(tfds, name)
    if re.match(r"\w+:[A-Za-z_]", name):  # such as "huggingface:...", which TFDS looks up on the network
        raise InvalidValueError(f"name={name!r} is not allowed: community namespaces are not supported.")
    _check_features(tfds, name, data_dir)
    try:
        with contextlib.nullcontext() if download else tfds.testing.disable_gcs_access():
            return tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError as error:
        folder = re.split("[/:]", name)[0]
        if folder != folder.lower():  # TFDS' own names have no capitals
            return find_builder(folder.lower() + name[len(folder) :], data_dir, download)
        known = tfds.list_builders(with_community_datasets=False)
        if data_dir and os.path.isdir(data_dir):
            known += os.listdir(data_dir)
        close = ", ".join(dict.fromkeys(difflib.get_close_matches(name, known))) or "none"
        place = data_dir or f"the default of TFDS, {tfds.core.constants.DATA_DIR}"
        raise InvalidValueError(
            f"name={name!r} is unknown. Close: {close}. Allowed: the names of tfds.list_builders(), and sets of your "
            f"own, prepared in TFDS' format under data_dir (--data_dir), here {place}."
        ) from error
    except (AssertionError, ValueError) as error:  # a version, config or spelling that TFDS does not have
        raise InvalidValueError(f"name={name!r} is not allowed: {' '.join(str(error).split())}") from error
    except Exception as error:  # TFDS and protobuf have several for a damaged dataset_info.json.
        raise _cannot_be_opened(name, data_dir or "the default folder of TFDS", error) from error


def is_path(name: str) -> bool:
    """Whether a name is the path of a folder: it is absolute, or starts with a dot or ~."""
    return os.path.isabs(name) or name.startswith((".", "~"))


def find_prepared(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the folder of a prepared set: this one, or the only one below it (name, configuration, version)."""
    found = [path for depth in ("", "*/", "*/*/") for path in folder.glob(f"{depth}dataset_info.json")]
    return found[0].parent if len(found) == 1 else None


def _open_prepared(tfds, name: str):
    """Returns the builder of a prepared folder that is given by its path."""
    folder = local_path("dataset", name)
    prepared = find_prepared(folder)
    if prepared is None:
        raise InvalidValueError(
            f"name={name!r} is not a prepared data set of TFDS: it must hold one dataset_info.json, in the folder "
            "itself or in that of its only version. For a folder of image files use Images.from_folder (--images)."
        )
    _check_feature_files(sorted(prepared.glob("**/features.json")))
    try:
        return tfds.builder_from_directory(prepared)
    except Exception as error:  # as below
        raise _cannot_be_opened(name, str(prepared), error) from error


def _cannot_be_opened(name: str, place: str, error: Exception) -> DataError:
    return DataError(
        f"{name} cannot be opened in {place}: {type(error).__name__}: {error}. Remove its folder there and prepare the "
        "set again."
    )


def _check_features(tfds, name: str, data_dir: str | None) -> None:
    """Raises DataError if a prepared set names classes from outside TFDS, whose modules TFDS would import."""
    folder = re.split("[/:]", name)[0]
    spellings = {folder, tfds.core.naming.camelcase_to_snakecase(folder)} - {"", ".", ".."}
    places = [place for place in tfds.core.utils.file_utils.list_data_dirs(data_dir) if "://" not in os.fspath(place)]
    for place, spelling in itertools.product(places, sorted(spellings)):
        try:
            paths = sorted(pathlib.Path(place, spelling).glob("**/features.json"))
        except OSError as error:
            raise DataError(f"{place} cannot be read: {error.strerror}. Name another folder by data_dir.") from error
        _check_feature_files(paths)


def _check_feature_files(paths: Sequence[pathlib.Path]) -> None:
    """Raises DataError if one of these descriptions names a class from outside TFDS, or cannot be read."""
    for path in paths:
        try:
            parts = [json.loads(path.read_text())]
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(
                f"{path} cannot be read: {type(error).__name__}: {error}. Remove its folder and prepare the set again."
            ) from error
        while parts:
            part = parts.pop()
            parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
            found = [part[key] for key in _CLASS_NAMES if key in part] if isinstance(part, dict) else []
            foreign = [text for text in found if isinstance(text, str) and not text.startswith("tensorflow_datasets.")]
            if any("." in text for text in foreign):
                raise DataError(
                    f"{path} names {shown(foreign[0])}, which is not a feature of TFDS but would be imported. "
                    "Prepare the set again from a trusted source."
                )


def image_and_label(builder, image_size: Sequence[int] | None) -> tuple[tuple[str, str], tuple[str, ...]]:
    """Returns the keys of the image and of the label, and the names of the classes."""
    import tensorflow_datasets as tfds

    features = dict(builder.info.features.items()) if hasattr(builder.info.features, "items") else {}
    # A set prepared without a builder class has no supervised keys; then it must have one feature of each kind.
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
    if image.shape[-1] not in (None, *_CHANNELS):
        raise InvalidValueError(
            f"{builder.info.full_name} has images of {image.shape[-1]} channels. Allowed: 1, 3 or 4, which TFDS can "
            "decode. Prepare the set with tfds.features.Image(shape=(None, None, 1)), which drops the alpha channel of "
            "grey images, or pass the arrays to Images.from_arrays."
        )
    if image.shape[-1] is None or (None in image.shape and image_size is None):
        raise InvalidValueError(
            f"{builder.info.full_name} has images of varying size {image.shape}. Allowed: one size with a fixed number "
            "of channels; pass image_size=(height, width) to resize them."
        )
    return (image_key, label_key), tuple(features[label_key].names)


def prepare(builder, download: bool) -> None:
    """Makes sure that the set is prepared on disk; downloads it if `download` is set."""
    # In this order, since is_prepared() logs a warning for a missing folder.
    if builder.info.splits and builder.is_prepared():
        return
    if not download:
        is_mnist = builder.info.full_name == "mnist/3.0.1"
        shipped = " `python -m nas_keras` prints the folder of the copy that comes along." if is_mnist else ""
        raise DataError(
            f"{builder.info.full_name} is not prepared in {builder.data_dir}. Pass download=True (--download) to fetch "
            f"and prepare it there, or pass as data_dir (--data_dir) a folder that holds the prepared set.{shipped}"
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
