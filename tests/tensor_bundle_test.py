"""Tests of nas_keras/tensor_bundle.py, against checkpoints that TensorFlow wrote and reads."""

import random
import struct
import tracemalloc

import numpy as np
import pytest

from nas_keras import _keras
from nas_keras.tensor_bundle import read_arrays

_ARRAYS = {
    "weights": np.array([[1.5, np.nan], [-0.0, 1e-38]], np.float32),
    "integers": np.arange(6, dtype=np.int32).reshape(1, 2, 3),
    "scalar": np.array(7, np.int64),
    "empty": np.zeros((0, 2), np.float64),
    "flag": np.array([True, False]),
}


@pytest.fixture(name="prefix")
def _prefix(tmp_path):
    tf = _keras.load_tensorflow()
    tf.train.Checkpoint(**{name: tf.Variable(array) for name, array in _ARRAYS.items()}).write(str(tmp_path / "state"))
    return tmp_path / "state"


def _name(name):
    return f"{name}/.ATTRIBUTES/VARIABLE_VALUE"


def test_arrays_are_read_to_the_bit(prefix):
    found = read_arrays(prefix)
    assert set(found) == set(map(_name, _ARRAYS))
    for name, array in _ARRAYS.items():
        assert (found[_name(name)].dtype, found[_name(name)].shape) == (array.dtype, array.shape)
        assert found[_name(name)].tobytes() == array.tobytes()
        assert found[_name(name)].flags.writeable


def test_many_arrays_whose_index_has_several_blocks(tmp_path):
    tf = _keras.load_tensorflow()
    arrays = {f"a_rather_long_name_of_a_variable_{i:04d}": np.full(3, i, np.int32) for i in range(2_000)}
    tf.train.Checkpoint(**{name: tf.Variable(array) for name, array in arrays.items()}).write(str(tmp_path / "state"))
    found = read_arrays(tmp_path / "state")
    assert len(found) == 2_000
    reader = tf.train.load_checkpoint(str(tmp_path / "state"))
    for i in (0, 1, 999, 1_999):
        name = _name(f"a_rather_long_name_of_a_variable_{i:04d}")
        assert found[name].tolist() == [i] * 3 == reader.get_tensor(name).tolist()


def write_table(path, pairs):
    """Writes a table of one block, with the checksums that TensorFlow wants."""
    import google_crc32c

    def varint(number):
        parts = b""
        while number > 127:
            parts, number = parts + bytes([number & 127 | 128]), number >> 7
        return parts + bytes([number])

    def add(pairs):
        nonlocal content
        data = b"".join(b"\0" + varint(len(key)) + varint(len(value)) + key + value for key, value in pairs)
        data += struct.pack("<II", 0, 1)
        handle = varint(len(content)) + varint(len(data))
        checksum = google_crc32c.value(data + b"\0")
        masked = (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF
        content += data + b"\0" + struct.pack("<I", masked)
        return handle

    content = b""
    entries, statistics = add(pairs), add([])
    footer = statistics + add([(b"~", entries)])
    path.write_bytes(content + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57))


def claim(prefix, shape, *, size=48, offset=0, shard=0):
    """Makes the checkpoint's index claim one array of doubles."""
    from tensorflow.core.framework import tensor_shape_pb2, types_pb2
    from tensorflow.core.protobuf import tensor_bundle_pb2

    header = tensor_bundle_pb2.BundleHeaderProto(num_shards=1)
    dims = [tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in shape]
    entry = tensor_bundle_pb2.BundleEntryProto(
        dtype=types_pb2.DT_DOUBLE,
        shape=tensor_shape_pb2.TensorShapeProto(dim=dims),
        size=size,
        offset=offset,
        shard_id=shard,
    )
    pairs = [(b"", header.SerializeToString()), (_name("array_0").encode(), entry.SerializeToString())]
    write_table(prefix.with_name("state.index"), pairs)


def test_a_table_of_our_own_is_read(prefix):
    prefix.with_name("state.data-00000-of-00001").write_bytes(np.arange(6.0).tobytes())
    claim(prefix, [2, 3])
    (array,) = read_arrays(prefix).values()
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ([2**62], {}),
        ([2**62], {"size": 2**62}),
        ([2**40, 2**40], {}),
        ([2**31 - 1, 2**31 - 1], {"size": 2**62}),
        ([-1], {}),
        ([-2, -3], {}),
        ([6], {"offset": 8}),
        ([6], {"offset": -8}),
        ([6], {"size": -48}),
        ([7], {}),
        ([5], {}),
        ([6], {"shard": 1}),
    ],
)
def test_an_array_takes_no_more_memory_than_the_file_has_for_it(shape, settings, prefix):
    """TensorFlow's own reader ends the process at most of these."""
    prefix.with_name("state.data-00000-of-00001").write_bytes(np.arange(6.0).tobytes())
    claim(prefix, shape, **settings)
    tracemalloc.start()
    with pytest.raises(ValueError, match="array_0.* claims .* and the file does not have them"):
        read_arrays(prefix)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_damaged_files_are_refused_and_never_anything_else(prefix):
    index = prefix.with_name("state.index")
    content, rng, num_refused = index.read_bytes(), random.Random(0), 0
    for number in range(800):
        changed = bytearray(content)
        if number < len(content):
            changed = changed[:number]
        for _ in range(rng.randint(1, 3) if number >= len(content) else 0):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        index.write_bytes(changed)
        try:
            read_arrays(prefix)
        except ValueError:
            num_refused += 1
    assert num_refused > 400


def test_a_missing_file_is_an_error_of_the_system(prefix):
    prefix.with_name("state.index").unlink()
    with pytest.raises(FileNotFoundError):
        read_arrays(prefix)
