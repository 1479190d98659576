"""Tests of nas_keras/storage/records/tfrecord.py, against files that TensorFlow wrote."""

import struct

import pytest

from nas_keras import _tensorflow
from nas_keras.storage.records.tfrecord import read_frames

_RECORDS = [b"first", b"", b"x" * 1000, bytes(range(256))]


@pytest.fixture(scope="module", name="content")
def _content(tmp_path_factory):
    tf = _tensorflow.load_tensorflow()
    path = tmp_path_factory.mktemp("records") / "file"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in _RECORDS:
            writer.write(record)
    return path.read_bytes()


def _starts():
    starts = [0]
    for record in _RECORDS:
        starts.append(starts[-1] + 16 + len(record))
    return starts


def test_what_tensorflow_writes_is_read(content):
    frames = list(read_frames(content))
    assert [frame.data for frame in frames] == _RECORDS
    assert [frame.offset for frame in frames] == _starts()[:-1] and {frame.problem for frame in frames} == {""}
    assert list(read_frames(b"")) == []


def test_a_file_that_is_cut_anywhere_gives_the_records_before_and_says_where(content):
    starts = _starts()
    for length in range(len(content)):
        frames = list(read_frames(content[:length]))
        whole = sum(start <= length for start in starts[1:])
        assert [frame.data for frame in frames[:whole]] == _RECORDS[:whole]
        if length in starts:
            assert len(frames) == whole  # between two records: only who knows their number can tell
        else:
            (last,) = frames[whole:]
            in_header = length - starts[whole] < 12
            assert last.data is None and last.offset == starts[whole]
            assert last.problem.startswith("it is truncated within the header" if in_header else "it is truncated: ")


def test_every_byte_counts_and_what_comes_after_damaged_data_is_read(content):
    starts = _starts()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        frames = list(read_frames(bytes(damaged)))
        record = sum(start <= place for start in starts[1:])
        assert [frame.data for frame in frames[:record]] == _RECORDS[:record]
        assert frames[record].data is None
        if place - starts[record] < 12:
            assert frames[record].problem == f"the checksum of the length at byte {starts[record]} is wrong"
            assert len(frames) == record + 1
        else:
            assert frames[record].problem == f"the checksum of the data at byte {starts[record] + 12} is wrong"
            assert [frame.data for frame in frames[record + 1 :]] == _RECORDS[record + 1 :]


def test_a_length_beyond_the_file_takes_no_memory(content):
    # Its checksum is right: this is what somebody may write who means harm.
    import google_crc32c

    length = struct.pack("<Q", 2**62)
    checksum = google_crc32c.value(length)
    masked = (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    (frame,) = read_frames(length + struct.pack("<I", masked) + b"data")
    assert frame.data is None and frame.problem == f"it is truncated: {2**62} bytes of data should begin at byte 12"
