"""Records of trials on disk, in shards: TFRecord files that are whole or absent.

This module knows files, not what is in a run; `dataset.py` does. What a record holds is `record.py`'s.
"""

import itertools
import pathlib
from collections.abc import Sequence

from nas_keras import _keras
from nas_keras.errors import DataError
from nas_keras.record import Origin, check_origin, decode, encode, trial_of
from nas_keras.tfrecord import read_frames
from nas_keras.trial import Trial
from nas_keras.workspace import write_whole


def write_shard(path: pathlib.Path, trials: Sequence[Trial], origin: Origin) -> None:
    """Writes one shard: to a temporary name, flushed to disk, then renamed."""
    tf = _keras.load_tensorflow()

    def write(temporary):
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for trial in trials:
                writer.write(encode(tf, trial, origin, len(trials)))

    write_whole(path, write)


def read_shard(path: pathlib.Path, origin: Origin | None = None) -> list[Trial]:
    """Reads one shard whole.

    Args:
        path: of the shard.
        origin: refuse records of another space or recipe; None takes any.

    Raises:
        DataError: if it is damaged, cut, of another schema or of another origin; the message names file and record.
    """
    tf = _keras.load_tensorflow()
    trials, promised = [], None
    for number, frame in enumerate(read_frames(_read_content(path))):
        if frame.data is None:
            raise DataError(
                f"{path} is damaged at record {number}: {frame.problem}. Restore the file from a copy, or "
                "let launch/repair.py save the rest."
            )
        values = decode(tf, frame.data, path, number)
        check_origin(values, origin, path, number)
        if values["shard_trials"] != (promised or values["shard_trials"]):
            raise DataError(
                f"Record {number} of {path} is of a file of {values['shard_trials']} records, and those before it of "
                f"one of {promised}: it was put together of two. Restore the file from a copy."
            )
        promised = values["shard_trials"]
        trials.append(trial_of(values, origin))
    if len(trials) != (promised or -1):
        raise DataError(
            f"{path} holds {len(trials)} records but was written with {promised or 'some'}: it was cut. Restore the "
            "file from a copy, or let launch/repair.py save the rest."
        )
    return trials


def read_record(path: pathlib.Path, origin: Origin | None = None) -> Trial:
    """Reads a file of one record, as those in `pending/` are; otherwise as `read_shard`."""
    trials = read_shard(path, origin)
    if len(trials) != 1:
        raise DataError(f"{path} holds {len(trials)} records where one is due. Let launch/repair.py take it away.")
    return trials[0]


def check_order(path: pathlib.Path, trials: Sequence[Trial], *, first: int) -> None:
    """Raises DataError unless the records of a run's shard are numbered from `first`, one after the other."""
    for record, (trial, place) in enumerate(zip(trials, itertools.count(first), strict=False)):
        if trial.trial != place:
            raise DataError(
                f"Record {record} of {path} is trial {trial.trial}, where trial {place} is due: the file is a copy, or "
                "stands in the wrong place. Restore it from a copy, or let launch/repair.py save the rest."
            )


def salvage_shard(path: pathlib.Path, origin: Origin) -> tuple[list[Trial], list[str]]:
    """The records of a damaged shard that can be believed, and a sentence for everything that is wrong with it."""
    tf = _keras.load_tensorflow()
    try:
        content = _read_content(path)
    except DataError as error:
        return [], [str(error)]
    trials, problems, promised = [], [], set()
    number = -1
    for number, frame in enumerate(read_frames(content)):
        if frame.data is None:
            problems.append(f"{path} is damaged at record {number}: {frame.problem}.")
            continue
        try:
            values = decode(tf, frame.data, path, number)
            check_origin(values, origin, path, number)
            trials.append(trial_of(values, origin))
            promised.add(values["shard_trials"])
        except DataError as error:
            problems.append(str(error))
    if not problems and promised != {number + 1}:
        written = " and ".join(map(str, sorted(promised))) or "some"
        problems.append(f"{path} holds {number + 1} records but was written with {written}: it was cut or mixed.")
    return trials, problems


def _read_content(path: pathlib.Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a device would never end, a pipe never begin
            raise OSError(0, "it is no file")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Restore the file from a copy.") from error
