"""Loads the images of a run again, from the `Images.source` that its configuration keeps."""

import os
from collections.abc import Mapping
from typing import Any

from nas_keras.data.images import Images
from nas_keras.data.tfds import TAIL, load_by_rule
from nas_keras.errors import DataError


def is_loadable(source: object) -> bool:
    """Returns whether a source names images; that of arrays does not."""
    return isinstance(source, dict) and bool({"dataset", "folder"} & set(source))


def load_source(
    source: Mapping[str, Any], *, data_dir: str | os.PathLike | None = None, memory_limit: float | None = None
) -> Images:
    """Loads the images that an `Images.source` describes, with the same splits.

    Args:
        source: the source, which an earlier version may have written.
        data_dir: where the images are now: the folder of prepared data sets, or that of the image files; None: the one
            in `source`.
        memory_limit: see `Images.from_folder`.

    Raises:
        DataError: if `source` does not name a data set, or the set is not there.
    """
    try:
        size = source["image_size"]
        size = size and tuple(size)
        if "folder" in source:
            folder, settings = source["folder"], {name: source[name] for name in ("valid", "test", "seed", "name")}
        else:
            name, place = f"{source['dataset']}:{source['version']}", source.get("prepared")
            folder = None if place else source["data_dir"]
            rule = source.get("split_rule", TAIL)  # sources of the first version have no rule
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"config.json does not say where the images are: {error}. Restore it from a copy.") from error
    if "folder" in source:
        return Images.from_folder(data_dir or folder, size, **settings, memory_limit=memory_limit)
    if place and data_dir is None:
        return load_by_rule(place, None, False, size, rule, memory_limit)
    return load_by_rule(name, data_dir or folder, False, size, rule, memory_limit)
