"""How a trial is written: one `tf.train.Example` with the features of `FEATURES`, one schema for writer and reader.

Runs and tables of rewards use the same; only tables hold `test_accuracy`. The files it stands in are `records.py`'s.
"""

import math
import pathlib
from typing import Any, NamedTuple

from nas_keras.errors import DataError, shown
from nas_keras.trial import Evaluation, Trial

SCHEMA = 1

# Name -> type of the list in tf.train.Example. Fractions are fractions, times are seconds.
FEATURES = {
    "schema": "int64",  # version of this table
    "shard_trials": "int64",  # records in this shard: a cut between records shows
    "trial": "int64",  # place in the run
    "iteration": "int64",  # batch
    "policy": "int64",  # batches told to the policy that drew it
    "seed": "int64",  # of the child's training
    "actions": "int64",  # [T], the decisions
    "log_probs": "float",  # [T], or empty
    "key": "bytes",  # canonical key
    "reward": "float",  # NaN if failed
    "status": "bytes",  # "ok" or "failed: <what happened>"
    "cached": "int64",  # 1: answered from D
    "valid_accuracy": "float",
    "loss": "float",  # on the validation split
    "num_params": "int64",
    "epochs": "int64",
    "seconds": "float",  # wall time of the evaluation, 0 if cached
    "space": "bytes",  # fingerprint of the search space
    "recipe": "bytes",  # fingerprint of the recipe
    "test_accuracy": "float",  # tables only: empty in a run
}
# What every record that was ever written keeps to. A key goes to terminals and pages, and so do fingerprints.
_CHECKS = {
    "shard_trials": lambda values: values["shard_trials"] > 0,
    **{
        name: lambda values, name=name: values[name] >= 0
        for name in ("trial", "iteration", "policy", "seed", "num_params", "epochs")
    },
    "actions": lambda values: values["actions"] and min(values["actions"]) >= 0,
    "log_probs": lambda values: len(values["log_probs"]) in (0, len(values["actions"])),
    "cached": lambda values: values["cached"] in (0, 1),
    "test_accuracy": lambda values: len(values["test_accuracy"]) <= 1,
    **{
        name: lambda values, name=name: values[name].isprintable() and "\ufffd" not in values[name]
        for name in ("key", "space", "recipe")
    },
}
_LISTS = {"actions", "log_probs", "test_accuracy"}  # the others hold exactly one value


class Origin(NamedTuple):
    """What every record of a run or table has in common: fingerprints.

    Attributes:
        space: of the search space.
        recipe: of the recipe.
        variants: of recipes that a record may have instead, such as the one with half the batch.
    """

    space: str
    recipe: str
    variants: tuple[str, ...] = ()


def encode(tf, trial: Trial, origin: Origin, shard_trials: int) -> bytes:
    """One trial of a shard of `shard_trials`, serialized."""
    evaluation = trial.evaluation
    values: dict[str, Any] = {
        "schema": SCHEMA,
        "shard_trials": shard_trials,
        "trial": trial.trial,
        "iteration": trial.iteration,
        "policy": trial.policy,
        "seed": trial.seed,
        "actions": trial.actions,
        "log_probs": trial.log_probs,
        "key": trial.key,
        "reward": evaluation.reward,
        "status": evaluation.status,
        "cached": int(trial.cached),
        "valid_accuracy": evaluation.valid_accuracy,
        "loss": evaluation.loss,
        "num_params": evaluation.num_params,
        "epochs": evaluation.epochs,
        "seconds": evaluation.seconds,
        "space": origin.space,
        "recipe": evaluation.recipe or origin.recipe,
        "test_accuracy": () if math.isnan(evaluation.test_accuracy) else (evaluation.test_accuracy,),
    }
    example = tf.train.Example()
    for name, kind in FEATURES.items():
        value = values[name] if name in _LISTS else (values[name],)
        if kind == "bytes":
            value = [text.encode() for text in value]
        getattr(example.features.feature[name], f"{kind}_list").value.extend(value)
    return example.SerializeToString(deterministic=True)


def decode(tf, serialized: bytes, path: pathlib.Path, number: int) -> dict[str, Any]:
    """Record `number` of a file as a dict with exactly the names of FEATURES.

    Raises:
        DataError: if it is no record, of another schema, or holds what cannot be.
    """
    place = f"Record {number} of {path}"
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except Exception as error:  # protobuf's DecodeError, whose home differs between its versions
        raise DataError(f"{place} is no tf.train.Example: {error}. Restore the file from a copy.") from error
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
                f"{place} has {len(value)} values of {name!r} where one is due. Restore the file from a copy."
            )
        if kind == "bytes":
            value = tuple(text.decode(errors="replace") for text in value)
        values[name] = value if name in _LISTS else value[0]
    wrong = [name for name, is_right in _CHECKS.items() if not is_right(values)]
    if wrong:
        named = ", ".join(f"{name} {shown(values[name])}" for name in wrong)
        raise DataError(f"{place} cannot be: it has {named}. Restore the file from a copy.")
    return values


def check_origin(values: dict[str, Any], origin: Origin | None, path: pathlib.Path, number: int) -> None:
    """Raises DataError if a decoded record is of another space or recipe; None takes any."""
    if origin is None:
        return
    for name, variants in (("space", ()), ("recipe", origin.variants)):
        found, wanted = values[name], getattr(origin, name)
        if found != wanted and found not in variants:
            raise DataError(
                f"Record {number} of {path} is of {name} {found}, but this run has {name} {wanted}. Move the file "
                "away, or name the folder of the run it belongs to."
            )


def trial_of(values: dict[str, Any], origin: Origin | None) -> Trial:
    """The trial of a decoded record."""
    evaluation = Evaluation(
        reward=values["reward"],
        status=values["status"],
        valid_accuracy=values["valid_accuracy"],
        loss=values["loss"],
        num_params=values["num_params"],
        epochs=values["epochs"],
        seconds=values["seconds"],
        test_accuracy=values["test_accuracy"][0] if values["test_accuracy"] else math.nan,
        recipe=values["recipe"] if origin and values["recipe"] != origin.recipe else "",
    )
    return Trial(
        trial=values["trial"],
        iteration=values["iteration"],
        policy=values["policy"],
        seed=values["seed"],
        actions=values["actions"],
        log_probs=values["log_probs"],
        key=values["key"],
        cached=bool(values["cached"]),
        evaluation=evaluation,
    )
