"""TensorBoard's event files, written without TensorFlow: numbers, texts and pictures, many in one event.

`tf.summary` writes an event for each number, which takes ten times the time and three times the space.
"""

import itertools
import os
import pathlib
import platform
import time
from collections.abc import Iterable
from typing import Any

from nas_keras.storage.records.tfrecord import frame
from nas_keras.system.atomic_files import write_whole

_COUNT = itertools.count()  # of this process's files, whose names would otherwise be equal within one second


def scalar(tag: str, value: float) -> Any:
    """Returns a number for the tab Scalars."""
    from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
    from tensorboard.plugins.scalar import metadata

    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_FLOAT, float_val=[value], tensor_shape=tensor_shape_pb2.TensorShapeProto()
    )
    return summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata.create_summary_metadata("", ""))


def text(tag: str, markdown: str) -> Any:
    """Returns a text for the tab Text, which shows Markdown without scripts."""
    from tensorboard.plugins.text import metadata

    return _strings(tag, [markdown.encode()], metadata.create_summary_metadata(tag, ""), (1,))


def image(tag: str, png: bytes, size: tuple[int, int]) -> Any:
    """Returns a picture for the tab Images; `size` is its width and height in pixels."""
    from tensorboard.plugins.image import metadata

    width, height = (str(length).encode() for length in size)
    return _strings(tag, [width, height, png], metadata.create_summary_metadata(tag, ""), (3,))


def values_of(summary: Any) -> list[Any]:
    """Returns the values of a summary that TensorBoard's own functions made, which may be of TensorFlow's class."""
    from tensorboard.compat.proto import summary_pb2

    return list(summary_pb2.Summary.FromString(summary.SerializeToString()).value)


def as_code(content: str) -> str:
    """Returns a text as Markdown that shows it as it is."""
    return "\n".join(f"    {line}" for line in content.splitlines())


class EventFile:
    """An event file that grows, one of this process's own in a folder. The file is created by the first `write`.

    Args:
        folder: TensorBoard's folder, whose own folder must be there.
    """

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._file: Any = None

    def write(self, step: int, values: Iterable[Any]) -> None:
        """Appends values of one step.

        Raises:
            OSError: if the disk is full, writing is not allowed, or the like.
        """
        if self._file is None:
            self._folder.mkdir(exist_ok=True)
            name = f"events.out.tfevents.{time.time():010.0f}.{platform.node()}.{os.getpid()}.{next(_COUNT)}"
            self._file = open(self._folder / name, "ab")  # noqa: SIM115  (`close` closes it)
            self._file.write(_frames([], 0))
        self._file.write(frame(_event(step, values).SerializeToString()))
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def write_event_file(path: pathlib.Path, summaries: Iterable[Iterable[Any]], *, durable: bool) -> None:
    """Writes a whole event file, each of whose events holds the values of one summary, at step 0.

    Args:
        path: the file; an existing one is replaced.
        summaries: lists of values.
        durable: whether the file is written atomically and flushed to disk, which takes a few milliseconds.

    Raises:
        OSError: if the disk is full, writing is not allowed, or the like.
    """
    content = _frames(summaries, 0)
    if durable:
        write_whole(path, lambda temporary: temporary.write_bytes(content))
    else:
        path.write_bytes(content)


def _frames(summaries: Iterable[Iterable[Any]], step: int) -> bytes:
    from tensorboard.compat.proto import event_pb2

    first = event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2")
    events = [first, *(_event(step, values) for values in summaries)]
    return b"".join(frame(event.SerializeToString()) for event in events)


def _event(step: int, values: Iterable[Any]) -> Any:
    from tensorboard.compat.proto import event_pb2, summary_pb2

    return event_pb2.Event(wall_time=time.time(), step=step, summary=summary_pb2.Summary(value=values))


def _strings(tag: str, strings: list[bytes], metadata: Any, shape: tuple[int, ...]) -> Any:
    from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

    dimensions = [tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in shape]
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING,
        string_val=strings,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=dimensions),
    )
    return summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
