"""The record of a trial: one `tf.train.Example` with the features of `FEATURES`, one schema for writer and reader.

Runs and tables of rewards use the same schema; only tables hold `test_accuracy`. `records/shards.py` writes the files.
"""

import functools
import math
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.errors import DataError, InvalidValueError, shown
from nas_keras.trial import Evaluation, Trial, training_seed

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
_DOUBLES = np.dtype("<f8")


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


class Origin(NamedTuple):
    """Fingerprints that all records of a run or table have in common.

    Attributes:
        space: fingerprint of the search space.
        recipe: fingerprint of the recipe.
        variants: fingerprints of recipes that a record may have instead, such as the one with half the batch size.
        seed: seed of the run, on which the seed of each child's training depends; None for a table, which has several.
    """

    space: str
    recipe: str
    variants: tuple[str, ...] = ()
    seed: int | None = None


def values_of(trial: Trial, origin: Origin, shard_trials: int) -> dict[str, Any]:
    """Returns the values of a trial's record, by the names of FEATURES.

    Args:
        trial: the trial.
        origin: origin of the run or table.
        shard_trials: number of records in the shard.

    Raises:
        InvalidValueError: if the reader would refuse it.
    """
    evaluation = trial.evaluation
    doubles = np.array([getattr(evaluation, name) for name in DOUBLES], _DOUBLES)
    reward, valid_accuracy, loss, seconds, test_accuracy, flops, latency_ms = _to_single(doubles).tolist()
    values: dict[str, Any] = {
        "schema": SCHEMA,
        "shard_trials": shard_trials,
        "trial": trial.trial,
        "iteration": trial.iteration,
        "policy": trial.policy_version,
        "seed": trial.seed,
        "actions": trial.actions,
        "log_probs": trial.log_probs,
        "key": trial.key,
        "reward": reward,
        "status": evaluation.status,
        "cached": int(trial.cached),
        "valid_accuracy": valid_accuracy,
        "loss": loss,
        "num_params": evaluation.num_params,
        "epochs": evaluation.epochs,
        "seconds": seconds,
        "space": origin.space,
        "recipe": evaluation.recipe or origin.recipe,
        "test_accuracy": () if math.isnan(test_accuracy) else (test_accuracy,),
        "flops": (flops,),
        "latency_ms": (latency_ms,),
        "doubles": (doubles.tobytes(),),
    }
    problem = _problem(values) or _strangeness(values, origin)
    if problem:
        raise InvalidValueError(
            f"The trial of {shown(trial.key)} cannot be stored: {problem}. Check the strategy, the evaluator or the "
            "space's keys that produced it."
        )
    return values


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
    problem = _problem(values)
    if problem:
        raise DataError(f"{place} is invalid: {problem}. Restore the file from a copy.")
    return values


def _problem(values: dict[str, Any]) -> str:
    """Describes values that no record may have; "" if there are none. The writer and the reader both check this."""
    wrong = [name for name, is_right in _CHECKS.items() if not is_right(values)]
    return f"it has {', '.join(f'{name} {shown(values[name])}' for name in wrong)}" if wrong else ""


def _agree(values: dict[str, Any]) -> bool:
    """Returns whether the numbers in double precision round to those in single precision."""
    doubles = _stored_doubles(values)
    if doubles is None:
        return False
    names = DOUBLES[: len(doubles)]
    single = [_number(values, name) for name in names]
    return np.array_equal(_to_single(doubles), np.array(single, np.float32), equal_nan=True)


def _stored_doubles(values: dict[str, Any]) -> np.ndarray | None:
    """Returns the first numbers of DOUBLES in double precision, at least five; None if the bytes are not those."""
    (content,) = values["doubles"][:1]
    sizes = [_DOUBLES.itemsize * count for count in (_FEWEST_DOUBLES, len(DOUBLES))]
    if len(values["doubles"]) != 1 or len(content) not in sizes:
        return None
    return np.frombuffer(content, _DOUBLES)


def _number(values: dict[str, Any], name: str) -> float:
    """Returns a number in single precision; NaN for one that the record lacks."""
    return (*values[name], math.nan)[0] if name in _LISTS else values[name]


def _to_single(doubles: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # a number that is too large becomes infinite
        return doubles.astype(np.float32)


def check_origin(values: dict[str, Any], origin: Origin | None, path: pathlib.Path, number: int) -> None:
    """Raises DataError if a decoded record is of another space, recipe or run; an origin of None accepts any."""
    problem = _strangeness(values, origin) if origin else ""
    if problem:
        raise DataError(
            f"Record {number} of {path} {problem}. Move the file away, or name the folder of the run it belongs to."
        )


def _strangeness(values: dict[str, Any], origin: Origin) -> str:
    """Describes why a record is of another space, recipe or run; "" if it is not."""
    for name, variants in (("space", ()), ("recipe", origin.variants)):
        found, wanted = values[name], getattr(origin, name)
        if found != wanted and found not in variants:
            return f"is of {name} {found}, but this run has {name} {wanted}"
    if origin.seed is not None and values["seed"] != training_seed(origin.seed, values["key"]):
        return (
            f"is of another run: its training has the seed {values['seed']}, but with this run's seed {origin.seed} it "
            f"would be {training_seed(origin.seed, values['key'])}"
        )
    return ""


def trial_of(values: dict[str, Any], origin: Origin | None) -> Trial:
    """Returns the trial of a decoded record."""
    numbers = {name: _number(values, name) for name in DOUBLES}
    doubles = _stored_doubles(values) if values["doubles"] else None
    if doubles is not None:
        numbers |= dict(zip(DOUBLES, doubles.tolist(), strict=False))  # older records hold fewer
    evaluation = Evaluation(
        **numbers,
        status=values["status"],
        num_params=values["num_params"],
        epochs=values["epochs"],
        recipe=values["recipe"] if origin and values["recipe"] != origin.recipe else "",
    )
    return Trial(
        trial=values["trial"],
        iteration=values["iteration"],
        policy_version=values["policy"],
        seed=values["seed"],
        actions=values["actions"],
        log_probs=values["log_probs"],
        key=values["key"],
        cached=bool(values["cached"]),
        evaluation=evaluation,
    )
