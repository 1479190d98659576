"""The weights of an exported SavedModel, read without running anything that it holds."""

import pathlib
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.errors import DataError, in_one_line


def load_weights(model: Any, path: pathlib.Path) -> None:
    """Gives a model the weights of the SavedModel of a model with the same layers.

    Raises:
        DataError: if they cannot be read.
    """
    try:
        status = model.load_weights(str(path / "variables" / "variables"))
        status.assert_existing_objects_matched()
        status.expect_partial()  # the SavedModel has more than weights
    except (OSError, ValueError, IndexError, AssertionError, tf.errors.OpError) as error:
        raise DataError(
            f"The weights in {path} cannot be read: {in_one_line(error)}. Export the child again."
        ) from error
