"""A reader and a writer of TFRecord's framing; for files of a few records TensorFlow's takes several times as long.

A record is its length (8 bytes, little-endian), the length's checksum (4), the data, the data's checksum (4). A
checksum is CRC-32C, rotated and offset: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
Unlike TensorFlow's, this reader detects a file truncated within a header, and continues after a record with corrupt
data.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import google_crc32c

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")


class Frame(NamedTuple):
    """One record of a file.

    Attributes:
        offset: position of its first byte in the file.
        data: the record; None if it is corrupt.
        problem: what is wrong with it; "" for a valid record.
    """

    offset: int
    data: bytes | None
    problem: str = ""


def frame(data: bytes) -> bytes:
    """Returns a record with its length and checksums, as `read_frames` reads it."""
    length = struct.pack("<Q", len(data))
    return length + _FOOTER.pack(_mask(length)) + data + _FOOTER.pack(_mask(data))


def read_frames(content: bytes) -> Iterator[Frame]:
    """Yields the records of a file's content, in order.

    A record whose data do not match their checksum is yielded with its problem, and reading continues with the next
    one. A wrong length or a truncated file ends the reading, since it is unknown where another record would begin. A
    length is used only after its checksum has been verified and if that many bytes are available.
    """
    offset = 0
    while offset < len(content):
        if offset + _HEADER.size > len(content):
            yield Frame(offset, None, f"it is truncated within the header at byte {offset}")
            return
        length, checksum = _HEADER.unpack_from(content, offset)
        if checksum != _mask(content[offset : offset + 8]):
            yield Frame(offset, None, f"the checksum of the length at byte {offset} is wrong")
            return
        start = offset + _HEADER.size
        end = start + length
        if end + _FOOTER.size > len(content):
            yield Frame(offset, None, f"it is truncated: {length} bytes of data should begin at byte {start}")
            return
        data = content[start:end]
        if _FOOTER.unpack_from(content, end)[0] == _mask(data):
            yield Frame(offset, data)
        else:
            yield Frame(offset, None, f"the checksum of the data at byte {start} is wrong")
        offset = end + _FOOTER.size


def _mask(data: bytes) -> int:
    checksum = google_crc32c.value(data)
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF
