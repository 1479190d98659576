"""A table of rewards in an npz file, such as that of NAS-Bench-Macro.

Legend: `T` decisions, `R` rows (one for each encoding), `C` columns of an array of rewards.
"""

import math
import pathlib

import numpy as np

from nas_keras.comparison.synthetic import grid
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.npz import read_arrays

_MAX_BYTES = 2**30  # NAS-Bench-Macro's file has 2**20
_MAX_DECISIONS = 32  # the axes that a NumPy array can have


def read_npz(path: pathlib.Path, *, array: str, column: int | None = None) -> tuple[SearchSpace, np.ndarray]:
    """Reads a file with the arrays `n_choices` [T], `enc` [R, T], and rewards [R] or [R, C].

    Args:
        path: path of the file; nothing in it is unpickled.
        array: name of the array of rewards.
        column: column of that array, if it has two axes.

    Returns:
        A space whose encodings decode to themselves, and float64 rewards with an axis for each decision; NaN is a
        failure.

    Raises:
        InvalidValueError: if the array or column does not exist.
        DataError: if the file cannot be read, `enc` does not hold every encoding once, or a reward is infinite.
    """
    arrays = _read(path)
    sizes = _check_sizes(arrays["n_choices"], path)
    places = _places_of(arrays["enc"], sizes, path)
    values = _find_rewards(arrays, array, column, num_rows=len(places), path=path)
    with np.errstate(over="ignore"):  # a longer type may overflow to infinity, which is refused below
        values = values.astype(np.float64)
    num_infinite = int(np.isinf(values).sum())
    if num_infinite:
        raise DataError(
            f"{array} in {path} holds {num_infinite:,} infinite rewards. Allowed: finite numbers, and NaN for a "
            "failure. Write NaN in their place if they are failures."
        )
    rewards = np.zeros(len(values))
    rewards[places] = values
    return grid(path.stem, sizes.tolist()), rewards.reshape(sizes)


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of the file, `n_choices` and `enc` among them."""
    try:
        arrays = read_arrays(path, at_most=_MAX_BYTES)
    except Exception as error:  # the errors of zip files and of arrays have many types
        raise DataError(
            f"{path} cannot be read as an npz file of plain arrays: {error}. Write it with numpy.savez."
        ) from error
    missing = [name for name in ("n_choices", "enc") if name not in arrays]
    if missing:
        raise DataError(f"{path} has no {' and no '.join(missing)}, but {', '.join(arrays)}. Name another file.")
    return arrays


def _check_sizes(sizes: np.ndarray, path: pathlib.Path) -> np.ndarray:
    """The number of choices of each decision, [T]."""
    if sizes.ndim != 1 or not np.issubdtype(sizes.dtype, np.integer) or not sizes.size or (sizes < 1).any():
        raise DataError(f"n_choices in {path} must be whole numbers of at least 1, not {sizes!r}.")
    if len(sizes) > _MAX_DECISIONS:
        raise DataError(
            f"n_choices in {path} lists {len(sizes)} decisions. Allowed: at most {_MAX_DECISIONS}. Leave out those "
            "with one choice, in n_choices and in enc."
        )
    return sizes


def _places_of(encodings: np.ndarray, sizes: np.ndarray, path: pathlib.Path) -> np.ndarray:
    """The place of each row of `enc` [R, T] in an array of all encodings in order, [R]."""
    num_encodings = np.prod(sizes, dtype=object)  # Python's integers do not overflow
    fits = encodings.shape == (num_encodings, len(sizes)) and np.issubdtype(encodings.dtype, np.integer)
    if not fits or (encodings < 0).any() or (encodings >= sizes).any():
        raise DataError(
            f"enc in {path} must hold every encoding once: {num_encodings:,} rows of {len(sizes)} decisions with "
            f"{sizes.tolist()} choices. It is {encodings.dtype} {list(encodings.shape)}, or exceeds these bounds."
        )
    # np.ravel_multi_index takes fewer axes than an array may have.
    strides = np.array([math.prod(sizes[t + 1 :].tolist()) for t in range(len(sizes))])
    places = encodings.astype(np.int64) @ strides
    if len(np.unique(places)) < len(encodings):
        raise DataError(f"enc in {path} holds an encoding twice. It must hold every encoding once.")
    return places


def _find_rewards(
    arrays: dict[str, np.ndarray], array: str, column: int | None, *, num_rows: int, path: pathlib.Path
) -> np.ndarray:
    """The rewards [R] in `column` of `array`."""
    usable = {
        name: list(values.shape)
        for name, values in arrays.items()
        if name not in ("n_choices", "enc")
        and values.ndim in (1, 2)
        and len(values) == num_rows
        and np.issubdtype(values.dtype, np.number)
    }
    if array not in usable:
        listed = ", ".join(f"{name} {shape}" for name, shape in usable.items()) or "none"
        raise InvalidValueError(f"{array!r} is not an array of {num_rows:,} rewards in {path}. It has: {listed}.")
    values = arrays[array]
    num_columns = values.shape[1] if values.ndim == 2 else 0
    if (column is None) != (num_columns == 0) or (column is not None and not 0 <= column < num_columns):
        allowed = f"a column from 0 to {num_columns - 1}" if num_columns else "no column"
        raise InvalidValueError(f"Column {column} is not allowed: {array} in {path} takes {allowed}.")
    return values if column is None else values[:, column]
