"""The arrays of a `tf.train.Checkpoint`, read by ourselves: TensorFlow's reader ends the process at odd shapes.

`<prefix>.index` is a table as LevelDB's, uncompressed: https://github.com/google/leveldb/blob/main/doc/table_format.md.
Its values are of `tensorflow/core/protobuf/tensor_bundle.proto`: where in `<prefix>.data-00000-of-00001` an array lies.
Nothing in the two files is believed: an array is taken if its bytes are there, and not a byte of memory before.
"""

import math
import pathlib
import struct
from collections.abc import Iterator

import numpy as np

_FOOTER_SIZE, _MAGIC = 48, 0xDB4775248B80FB57
_TRAILER_SIZE = 5  # of a block: its compression (0), and a checksum
_NUMBERS = "biuf"  # NumPy's kinds


def read_arrays(prefix: pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of numbers of a checkpoint in one shard, by the names that TensorFlow gave them.

    Args:
        prefix: path of the checkpoint's files without their endings.

    Raises:
        ValueError: if the files are damaged, or something else.
        OSError: if they cannot be read.
    """
    from tensorflow import dtypes
    from tensorflow.core.protobuf import tensor_bundle_pb2

    index = prefix.with_name(f"{prefix.name}.index").read_bytes()
    data = prefix.with_name(f"{prefix.name}.data-00000-of-00001").read_bytes()
    arrays = {}
    try:
        for key, value in _read_table(index):
            if not key:
                if tensor_bundle_pb2.BundleHeaderProto.FromString(value).num_shards != 1:
                    raise ValueError("it is in several shards")
                continue
            name, entry = key.decode(), tensor_bundle_pb2.BundleEntryProto.FromString(value)
            if dtypes.as_dtype(entry.dtype) == dtypes.string:  # the graph of objects, which nobody here needs
                continue
            dtype = np.dtype(dtypes.as_dtype(entry.dtype).as_numpy_dtype)
            shape = [dim.size for dim in entry.shape.dim]
            is_array = dtype.kind in _NUMBERS and min(shape, default=0) >= 0 and not entry.slices and not entry.shard_id
            end = entry.offset + entry.size
            if (
                not is_array
                or math.prod(shape) * dtype.itemsize != entry.size
                or not 0 <= entry.offset <= end <= len(data)
            ):
                raise ValueError(f"{name} claims {shape} numbers of {dtype}, and the file does not have them")
            arrays[name] = np.frombuffer(data[entry.offset : end], dtype).reshape(shape).copy()
    except ValueError:
        raise
    except Exception as error:  # protobuf's DecodeError has its home in several places
        raise ValueError(f"the index is damaged: {error}") from error
    return arrays


def _read_table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a table, in order."""
    if len(content) < _FOOTER_SIZE or struct.unpack("<Q", content[-8:])[0] != _MAGIC:
        raise ValueError("the index is no table")
    footer = content[-_FOOTER_SIZE:]
    _, place = _read_numbers(footer, 0, 2)  # of a block of statistics
    (offset, size), _ = _read_numbers(footer, place, 2)
    before = 0
    for _, handle in _read_block(content, offset, size):
        (offset, size), _ = _read_numbers(handle, 0, 2)
        if offset < before:  # or one block could be read a million times
            raise ValueError("the index has blocks that overlap")
        yield from _read_block(content, offset, size)
        before = offset + size


def _read_block(content: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block: each key is given by how much it shares with the one before, and the rest."""
    block = content[offset : offset + size]
    if len(block) != size or size < 4 or offset + size + _TRAILER_SIZE > len(content) or content[offset + size]:
        raise ValueError("the index has a block that is cut or compressed")
    num_restarts = struct.unpack("<I", block[-4:])[0]
    end = size - 4 - 4 * num_restarts
    key, place = b"", 0
    while place < end:
        (shared, rest, length), place = _read_numbers(block, place, 3)
        if place + rest + length > end or shared > len(key):
            raise ValueError("the index has an entry that is cut")
        key = key[:shared] + block[place : place + rest]
        place += rest
        yield key, block[place : place + length]
        place += length


def _read_numbers(content: bytes, place: int, count: int) -> tuple[list[int], int]:
    """So many numbers, seven bits a byte, the last byte without the eighth; and the place behind them."""
    numbers = []
    for _ in range(count):
        number = 0
        for shift in range(0, 70, 7):
            if place >= len(content):
                raise ValueError("the index has a number that is cut")
            byte = content[place]
            place += 1
            number |= (byte & 127) << shift
            if byte < 128:
                break
        else:
            raise ValueError("the index has a number that is too long")
        numbers.append(number)
    return numbers, place
