"""Shards: TFRecord files of trials' records, written atomically.

`records/schema.py` defines what a record holds, and `records/shard_folder.py` which shards are in a folder.
"""

import itertools
import pathlib
from collections.abc import Sequence

from nas_keras._tensorflow import tf
from nas_keras.errors import DataError
from nas_keras.storage.records.origin import Origin, check_origin
from nas_keras.storage.records.schema import decode, encode
from nas_keras.storage.records.tfrecord import read_frames
from nas_keras.storage.records.trial_values import trial_of, values_of
from nas_keras.system.atomic_files import write_whole
from nas_keras.system.words import counted
from nas_keras.trial import Trial


def write_shard(path: pathlib.Path, trials: Sequence[Trial], origin: Origin) -> None:
    """Writes one shard atomically: under a temporary name, flushed to disk, then renamed.

    Raises:
        InvalidValueError: before anything is written, if `read_shard` would refuse a trial.
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    values = [values_of(trial, origin, len(trials)) for trial in trials]
    records = [encode(some) for some in values]

    def write(temporary):
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in records:
                writer.write(record)

    write_whole(path, write)


def read_shard(path: pathlib.Path, origin: Origin | None = None) -> list[Trial]:
    """Reads one complete shard.

    Args:
        path: the shard.
        origin: records of another space or recipe are refused; None accepts any.

    Raises:
        DataError: if it is corrupt, truncated, of another schema or of another origin; the message names file and
            record.
    """
    trials, promised = [], None
    for number, frame in enumerate(read_frames(_read_content(path))):
        if frame.data is None:
            raise DataError(
                f"{path} is corrupt at record {number}: {frame.problem}. Restore the file from a copy, or "
                "run launch/repair.py to save the rest."
            )
        values = decode(frame.data, path, number)
        check_origin(values, origin, path, number)
        if values["shard_trials"] != (promised or values["shard_trials"]):
            raise DataError(
                f"Record {number} of {path} belongs to a file of {counted(values['shard_trials'], 'record')}, those "
                f"before it to one of {promised}: the file mixes two. Restore the file from a copy."
            )
        promised = values["shard_trials"]
        trials.append(trial_of(values, origin))
    if len(trials) != (promised or -1):
        raise DataError(
            f"{path} holds {counted(len(trials), 'record')} but was written with {promised or 'some'}: it was "
            "truncated. Restore the file from a copy, or run launch/repair.py to save the rest."
        )
    return trials


def check_order(path: pathlib.Path, trials: Sequence[Trial], *, first: int) -> None:
    """Raises DataError unless the records of a run's shard are numbered consecutively from `first`."""
    for record, (trial, place) in enumerate(zip(trials, itertools.count(first), strict=False)):
        if trial.trial != place:
            raise DataError(
                f"Record {record} of {path} is trial {trial.trial} instead of trial {place}: the file is a copy or in "
                "the wrong place. Restore it from a copy, or run launch/repair.py to save the rest."
            )


def salvage_shard(path: pathlib.Path, origin: Origin) -> tuple[list[Trial], list[str]]:
    """Returns the valid records of a corrupt shard, and a sentence for each thing that is wrong with it."""
    try:
        content = _read_content(path)
    except DataError as error:
        return [], [str(error)]
    trials, problems, promised = [], [], set()
    number = -1
    for number, frame in enumerate(read_frames(content)):
        if frame.data is None:
            problems.append(f"{path} is corrupt at record {number}: {frame.problem}.")
            continue
        try:
            values = decode(frame.data, path, number)
            check_origin(values, origin, path, number)
            trials.append(trial_of(values, origin))
            promised.add(values["shard_trials"])
        except DataError as error:
            problems.append(str(error))
    if not problems and promised != {number + 1}:
        written = " and ".join(map(str, sorted(promised))) or "some"
        problems.append(
            f"{path} holds {counted(number + 1, 'record')} but was written with {written}: it was truncated or mixed."
        )
    return trials, problems


def _read_content(path: pathlib.Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # reading a device would never end, and a pipe would block
            raise OSError(0, "it is not a file")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Restore the file from a copy.") from error
