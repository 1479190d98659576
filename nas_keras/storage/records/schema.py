"""The record of a trial: one `tf.train.Example` with the features of `FEATURES`, one schema for writer and reader.

Runs and tables of rewards use the same schema; only tables hold `test_accuracy`. `trial_values.py` makes a
trial of the values, and `shards.py` writes the files.
"""

import functools
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.errors import DataError, shown

SCHEMA = 1

# Name -> type of the list in tf.train.Example. Accuracies are fractions, 0 to 1; times are seconds.
FEATURES = {
    "schema": "int64",  # version of this table
    "shard_trials": "int64",  # records in this shard, so that a shard truncated between records is noticed
    "trial": "int64",  # index in the run
    "iteration": "int64",  # index of the batch
    "policy": "int64",  # `Trial.policy_version`
    "seed": "int64",  # seed of the child's training
    "actions": "int64",  # [T], the decisions
    "log_probs": "float",  # [T], or empty
    "key": "bytes",  # canonical key
    "reward": "float",  # NaN if failed
    "status": "bytes",  # "ok" or "failed: <what happened>"
    "cached": "int64",  # 1 for a cache hit
    "valid_accuracy": "float",
    "loss": "float",  # on the validation split
    "num_params": "int64",
    "epochs": "int64",
    "seconds": "float",  # wall time of the evaluation, 0 if cached
    "space": "bytes",  # fingerprint of the search space
    "recipe": "bytes",  # fingerprint of the recipe
    "test_accuracy": "float",  # tables only: empty in a run
    "flops": "float",  # of the child for one image, NaN where not counted; older records lack it, and latency_ms too
    "latency_ms": "float",  # median of the child for one image, NaN if not measured
    # The numbers of DOUBLES in double precision: 7 x 8 bytes, little-endian. Records of older versions hold only the
    # first five of them, or lack it and hold these numbers in single precision only.
    "doubles": "bytes",
}
DOUBLES = ("reward", "valid_accuracy", "loss", "seconds", "test_accuracy", "flops", "latency_ms")
_FEWEST_DOUBLES = 5
DOUBLE = np.dtype("<f8")


def _is_count(name: str, values: dict[str, Any]) -> bool:
    return 0 <= values[name] < 2**63


def _is_printable(name: str, values: dict[str, Any]) -> bool:
    return values[name].isprintable() and "\ufffd" not in values[name]


def _is_cost(name: str, values: dict[str, Any]) -> bool:
    return not values[name] or (len(values[name]) == 1 and not values[name][0] < 0)


# Conditions that every record of any version meets. Keys and fingerprints must be printable: messages quote them.
_CHECKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "shard_trials": lambda values: values["shard_trials"] > 0,
    **{
        name: functools.partial(_is_count, name)
        for name in ("trial", "iteration", "policy", "seed", "num_params", "epochs")
    },
    "actions": lambda values: values["actions"] and min(values["actions"]) >= 0,
    "log_probs": lambda values: len(values["log_probs"]) in (0, len(values["actions"])),
    "cached": lambda values: values["cached"] in (0, 1),
    "test_accuracy": lambda values: len(values["test_accuracy"]) <= 1,
    **{name: functools.partial(_is_cost, name) for name in ("flops", "latency_ms")},
    **{name: functools.partial(_is_printable, name) for name in ("key", "space", "recipe")},
    "doubles": lambda values: not values["doubles"] or _agree(values),
}
_LISTS = {
    "actions",
    "log_probs",
    "test_accuracy",
    "flops",
    "latency_ms",
    "doubles",
}  # the others hold exactly one value
_NO_TEXT = {"doubles"}


def encode(values: dict[str, Any]) -> bytes:
    """Serializes the values that `values_of` returned."""
    example = tf.train.Example()
    for name, kind in FEATURES.items():
        value = values[name] if name in _LISTS else (values[name],)
        if kind == "bytes":
            value = value if name in _NO_TEXT else [text.encode() for text in value]
        getattr(example.features.feature[name], f"{kind}_list").value.extend(value)
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes, path: pathlib.Path, number: int) -> dict[str, Any]:
    """Reads a serialized record as values by the names of FEATURES.

    Args:
        serialized: the record.
        path: its file, for messages.
        number: its index in the file, for messages.

    Raises:
        DataError: if it is not a record, has another schema, or holds invalid values.
    """
    place = f"Record {number} of {path}"
    example = tf.train.Example  # outside the `try`, so that a missing TensorFlow is not taken for a bad record
    try:
        features = example.FromString(serialized).features.feature
    except Exception as error:  # protobuf's DecodeError, whose module differs between versions
        raise DataError(f"{place} is not a tf.train.Example: {error}. Restore the file from a copy.") from error
    schema = list(features["schema"].int64_list.value)
    if schema != [SCHEMA]:
        raise DataError(
            f"{place} has schema {schema}; this version of nas_keras reads {SCHEMA}. Use the version that wrote it."
        )
    values = {}
    for name, kind in FEATURES.items():
        value = tuple(getattr(features[name], f"{kind}_list").value)
        if name not in _LISTS and len(value) != 1:
            raise DataError(
                f"{place} has {len(value)} values of {name!r} instead of one. Restore the file from a copy."
            )
        if kind == "bytes" and name not in _NO_TEXT:
            value = tuple(text.decode(errors="replace") for text in value)
        values[name] = value if name in _LISTS else value[0]
    problem = find_problem(values)
    if problem:
        raise DataError(f"{place} is invalid: {problem}. Restore the file from a copy.")
    return values


def find_problem(values: dict[str, Any]) -> str:
    """Describes values that no record may have; "" if there are none. The writer and the reader both check this."""
    wrong = [name for name, is_right in _CHECKS.items() if not is_right(values)]
    return f"it has {', '.join(f'{name} {shown(values[name])}' for name in wrong)}" if wrong else ""


def _agree(values: dict[str, Any]) -> bool:
    """Returns whether the numbers in double precision round to those in single precision."""
    doubles = stored_doubles(values)
    if doubles is None:
        return False
    names = DOUBLES[: len(doubles)]
    single = [number_of(values, name) for name in names]
    return np.array_equal(to_single(doubles), np.array(single, np.float32), equal_nan=True)


def stored_doubles(values: dict[str, Any]) -> np.ndarray | None:
    """Returns the first numbers of DOUBLES in double precision, at least five; None if the bytes are not those."""
    (content,) = values["doubles"][:1]
    sizes = [DOUBLE.itemsize * count for count in (_FEWEST_DOUBLES, len(DOUBLES))]
    if len(values["doubles"]) != 1 or len(content) not in sizes:
        return None
    return np.frombuffer(content, DOUBLE)


def number_of(values: dict[str, Any], name: str) -> float:
    """Returns a number in single precision; NaN for one that the record lacks."""
    return (*values[name], math.nan)[0] if name in _LISTS else values[name]


def to_single(doubles: np.ndarray) -> np.ndarray:
    """Rounds numbers to single precision."""
    with np.errstate(over="ignore"):  # a number that is too large becomes infinite
        return doubles.astype(np.float32)
